import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { Button } from '../../ui/Button.tsx'
import { Field } from '../../ui/Field.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { type Draft, emptyDraft, parseDraft } from './custom.model.ts'

/** An agent of the user's own, by its command. */
export function AddAgent() {
  const [isOpen, setOpen] = useState(false)
  if (isOpen) return <AgentForm onClose={() => setOpen(false)} />
  return (
    <p className="section">
      <button type="button" className="link" onClick={() => setOpen(true)}>
        Add another by its command
      </button>
    </p>
  )
}

function AgentForm(props: { onClose: () => void }) {
  const add = useCommand('agent', 'addCustom')
  const [draft, setDraft] = useState(emptyDraft)
  const [wrong, setWrong] = useState<string | null>(null)
  const save = async () => {
    const parsed = parseDraft(draft)
    setWrong(parsed.ok ? null : parsed.reason)
    if (!parsed.ok) return
    const outcome = await add.run(parsed.value)
    if (outcome.ok) props.onClose()
  }
  return (
    <section className="section agent-form" aria-label="Add an agent">
      <h2 className="section-title">
        An agent that speaks the Agent Client Protocol on its standard input and output
      </h2>
      <DraftFields draft={draft} put={(change) => setDraft({ ...draft, ...change })} />
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
        <Button kind="quiet" onPress={props.onClose}>
          Cancel
        </Button>
      </div>
    </section>
  )
}

function DraftFields(props: { draft: Draft; put: (change: Partial<Draft>) => void }) {
  const { draft, put } = props
  return (
    <>
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
    </>
  )
}
