import type { AgentInfo } from '@contract/agent.ts'
import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { Button } from '../../ui/Button.tsx'
import { Check, Field } from '../../ui/Field.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { emptyDraft, parseDraft } from './custom.model.ts'
import './agents.css'

/** The agents that sessions can be started with: whether each can work now, and if not, what to do. */
export function AgentsScreen() {
  useScreenScope('agents')
  const agents = useRead('agent', 'list', {})
  const refresh = useCommand('agent', 'refresh')
  const look = () => void refresh.run({})
  useKeyActions({ 'agents.refresh': look })
  return (
    <div className="page">
      <div className="page-inner">
        <div className="line">
          <h1 className="page-title grow">Agents</h1>
          <Button onPress={look} action="agents.refresh" isDisabled={refresh.isRunning}>
            {refresh.isRunning ? 'Looking' : 'Look again'}
          </Button>
        </div>
        <p className="page-lead">
          Found on this computer by their commands, and two that are built in. None of them is given more than
          a session grants.
        </p>
        <div className="section">
          <Loadable of={agents} rows={6}>
            {(list) => list.map((agent) => <AgentRow key={agent.id} agent={agent} />)}
          </Loadable>
        </div>
        <AddAgent />
      </div>
    </div>
  )
}

function AgentRow(props: { agent: AgentInfo }) {
  const { agent } = props
  const open = useOverlay((state) => state.open)
  const grant = useCommand('agent', 'grantCredentials')
  const remove = useCommand('agent', 'removeCustom')
  const isReady = agent.state === 'ready'
  const isCustom = agent.id.startsWith('custom:')
  return (
    <section className="agent-row" aria-label={agent.name}>
      <Lamp
        tone={isReady ? 'clear' : agent.state === 'broken' ? 'danger' : 'idle'}
        shape={isReady ? 'disc' : agent.state === 'broken' ? 'square' : 'ring'}
        label={agent.state.replaceAll('_', ' ')}
      />
      <div className="agent-main">
        <div className="line">
          <span className="strong">{visibleLine(agent.name)}</span>
          <span className="mono faint small">
            {agent.version
              ? visibleLine(agent.version)
              : agent.program
                ? ''
                : agent.runtime === 'acp'
                  ? ''
                  : 'built in'}
          </span>
        </div>
        <p className="muted small">{visibleLine(agent.detail)}</p>
        {agent.program && <p className="faint mono tiny cut">{visibleLine(agent.program)}</p>}
        {agent.credentialFiles.length > 0 && (
          <div className="small agent-grant">
            <Check
              isOn={agent.credentialsGranted}
              isDisabled={grant.isRunning}
              onChange={(isGranted) => void grant.run({ agent: agent.id, isGranted })}
            >
              May use its own login:{' '}
              <span className="mono tiny">{agent.credentialFiles.map(visibleLine).join(', ')}</span>
            </Check>
          </div>
        )}
      </div>
      {isCustom && (
        <Button kind="danger" onPress={() => void remove.run({ name: agent.id.slice('custom:'.length) })}>
          Remove
        </Button>
      )}
      <Button
        onPress={() => open({ kind: 'new-session', start: { agent: agent.id } })}
        isDisabled={!isReady}
        hint={isReady ? '' : agent.detail}
      >
        Start a session
      </Button>
    </section>
  )
}

function AddAgent() {
  const add = useCommand('agent', 'addCustom')
  const [draft, setDraft] = useState(emptyDraft)
  const [isOpen, setOpen] = useState(false)
  const [wrong, setWrong] = useState<string | null>(null)
  const put = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change })
  const save = async () => {
    const parsed = parseDraft(draft)
    setWrong(parsed.ok ? null : parsed.reason)
    if (!parsed.ok) return
    const outcome = await add.run(parsed.value)
    if (!outcome.ok) return
    setDraft(emptyDraft)
    setOpen(false)
  }
  if (!isOpen)
    return (
      <p className="section">
        <button type="button" className="link" onClick={() => setOpen(true)}>
          Add another by its command
        </button>
      </p>
    )
  return (
    <section className="section agent-form" aria-label="Add an agent">
      <h2 className="section-title">
        An agent that speaks the Agent Client Protocol on its standard input and output
      </h2>
      <Field label="Name" hint="Lower-case letters, digits and hyphens.">
        {(id) => (
          <input
            id={id}
            className="input"
            value={draft.name}
            onChange={(event) => put({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Command" hint="The program by its full path, then its arguments.">
        {(id) => (
          <input
            id={id}
            className="input mono"
            value={draft.command}
            onChange={(event) => put({ command: event.target.value })}
          />
        )}
      </Field>
      <Field label="Environment" hint="One NAME=value per line. Keys belong under Settings, not here.">
        {(id) => (
          <textarea
            id={id}
            className="input mono"
            rows={2}
            value={draft.env}
            onChange={(event) => put({ env: event.target.value })}
          />
        )}
      </Field>
      <Field label="Hosts it may reach" hint="host:port, separated by spaces.">
        {(id) => (
          <input
            id={id}
            className="input mono"
            value={draft.hosts}
            onChange={(event) => put({ hosts: event.target.value })}
          />
        )}
      </Field>
      {wrong && (
        <p className="danger-text small" role="alert">
          {wrong}
        </p>
      )}
      {add.problem && <ProblemLine problem={add.problem} />}
      <div className="line">
        <Button kind="primary" onPress={() => void save()} isDisabled={add.isRunning}>
          Add agent
        </Button>
        <Button kind="quiet" onPress={() => setOpen(false)}>
          Cancel
        </Button>
      </div>
    </section>
  )
}
