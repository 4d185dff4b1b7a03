import type { AgentInfo } from '@contract/agent.ts'
import type { Project } from '@contract/project.ts'
import type { Budget, Payment } from '@contract/session.ts'
import type { RepositoryInfo } from '@contract/workarea.ts'
import type { Ref } from 'react'
import { visibleLine } from '../../format/visible-text.ts'
import { Check, Field, Select } from '../../ui/Field.tsx'
import { agentMatches, type Draft, placeholders } from './draft.model.ts'

interface Part {
  readonly draft: Draft
  readonly put: (change: Partial<Draft>) => void
}

/** Which repository, from where, and what of the checkout comes along. */
export function ProjectFields(
  props: Part & {
    projects: readonly Project[]
    repository: RepositoryInfo | undefined
    isFixed: boolean
    onAdd: () => void
  },
) {
  const { draft, put, repository } = props
  const choices = props.projects.map((one) => ({ value: one.id as string, text: visibleLine(one.name) }))
  return (
    <div className="sheet-pair">
      <Field
        label="Repository"
        hint={
          !props.isFixed && (
            <button type="button" className="link" onClick={props.onAdd}>
              Add another
            </button>
          )
        }
      >
        {(id) => (
          <select
            id={id}
            className="input select"
            value={draft.projectId}
            disabled={props.isFixed}
            onChange={(event) => put({ projectId: event.target.value, base: '' })}
          >
            {choices.map((one) => (
              <option key={one.value} value={one.value}>
                {one.text}
              </option>
            ))}
          </select>
        )}
      </Field>
      {!props.isFixed && <BaseField draft={draft} put={put} repository={repository} />}
      {repository?.isDirty && !props.isFixed && (
        <Check isOn={draft.carryChanges} onChange={(carryChanges) => put({ carryChanges })}>
          Take {repository.dirtyFiles} uncommitted {repository.dirtyFiles === 1 ? 'file' : 'files'} along
        </Check>
      )}
    </div>
  )
}

function BaseField(props: Part & { repository: RepositoryInfo | undefined }) {
  const head = props.repository?.head.branch
  const checkedOut = `what is checked out${head ? ` (${visibleLine(head)})` : ''}`
  const branches = props.repository?.branches ?? []
  return (
    <Field label="Starts from">
      {(id) => (
        <Select
          id={id}
          value={props.draft.base}
          choices={[
            { value: '', text: checkedOut },
            ...branches.map((one) => ({ value: one, text: visibleLine(one) })),
          ]}
          onChange={(base) => props.put({ base })}
        />
      )}
    </Field>
  )
}

export function TaskField(props: Part & { ref: Ref<HTMLTextAreaElement> }) {
  return (
    <Field label="What is to be done">
      {(id) => (
        <textarea
          id={id}
          ref={props.ref}
          className="input"
          rows={6}
          value={props.draft.prompt}
          placeholder="Fix the failing test in src/webhooks and say what was wrong"
          onChange={(event) => props.put({ prompt: event.target.value })}
        />
      )}
    </Field>
  )
}

const paymentWords: Readonly<Record<Payment, string>> = {
  signalbox: 'through Signalbox',
  'own-login': 'its own login',
  none: 'nothing to pay',
}

/** Who works, with which model, and who pays. */
export function AgentFields(props: Part & { agents: readonly AgentInfo[] }) {
  const { agents, draft, put } = props
  const agent = agents.find((one) => agentMatches(one, draft.agent))
  const choices = agents.map((one) => ({
    value: one.id,
    text:
      one.state === 'ready'
        ? visibleLine(one.name)
        : `${visibleLine(one.name)}: ${one.state.replaceAll('_', ' ')}`,
    isDisabled: one.state !== 'ready',
  }))
  const isListed = choices.some((one) => one.value === draft.agent)
  if (!isListed && draft.agent !== '')
    choices.unshift({ value: draft.agent, text: draft.agent, isDisabled: false })
  const payments = agent?.payments ?? []
  return (
    <div className="sheet-triple">
      <Field label="Agent">
        {(id) => (
          <Select
            id={id}
            value={draft.agent}
            choices={choices}
            onChange={(value) => put({ agent: value, model: '', payment: '' })}
          />
        )}
      </Field>
      {agent && agent.models.length > 0 && (
        <Field label="Model">
          {(id) => (
            <Select
              id={id}
              value={draft.model}
              choices={[
                { value: '', text: 'its usual one' },
                ...agent.models.map((one) => ({ value: one, text: visibleLine(one) })),
              ]}
              onChange={(model) => put({ model })}
            />
          )}
        </Field>
      )}
      {payments.length > 1 && (
        <Field label="Paid">
          {(id) => (
            <Select
              id={id}
              value={draft.payment === '' ? (payments[0] ?? 'none') : draft.payment}
              choices={payments.map((one) => ({ value: one, text: paymentWords[one] }))}
              onChange={(payment) => put({ payment })}
            />
          )}
        </Field>
      )}
    </div>
  )
}

/** Limits of this session; empty ones come from the settings. */
export function LimitFields(props: Part & { usual: Budget | undefined }) {
  const usual = placeholders(props.usual)
  return (
    <>
      <div className="sheet-limits">
        <TextField {...props} name="money" label="Money" placeholder={usual.money} />
        <TextField {...props} name="tokens" label="Tokens" placeholder={usual.tokens} />
        <TextField {...props} name="toolCalls" label="Tool calls" placeholder={usual.toolCalls} />
        <TextField {...props} name="minutes" label="Minutes" placeholder={usual.minutes} />
      </div>
      <TextField
        {...props}
        name="hosts"
        label="Hosts it may reach"
        placeholder="none"
        hint="host:port, separated by spaces; besides these only its model."
      />
    </>
  )
}

function TextField(
  props: Part & {
    name: 'money' | 'tokens' | 'toolCalls' | 'minutes' | 'hosts'
    label: string
    placeholder: string
    hint?: string
  },
) {
  return (
    <Field label={props.label} hint={props.hint}>
      {(id) => (
        <input
          id={id}
          className="input"
          value={props.draft[props.name]}
          placeholder={props.placeholder}
          onChange={(event) => props.put({ [props.name]: event.target.value })}
        />
      )}
    </Field>
  )
}
