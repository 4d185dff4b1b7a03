import type { AgentInfo } from '@contract/agent.ts'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { Button } from '../../ui/Button.tsx'
import { Check } from '../../ui/Field.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { Loadable } from '../../ui/Loadable.tsx'
import { AddAgent } from './AddAgent.tsx'
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
