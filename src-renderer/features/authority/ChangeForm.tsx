import type { CapabilityRow } from '@contract/process.ts'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useNotices } from '../../stores/notices.ts'
import { Button } from '../../ui/Button.tsx'
import { Field, Select } from '../../ui/Field.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { consequencesOf, derivedFrom, exampleOf, namesIn } from './authority.model.ts'
import { namesAmong, whoOf } from './names.model.ts'

export type Change = 'narrow' | 'expire' | 'revoke'

interface FormProps {
  readonly cap: CapabilityRow
  readonly all: readonly CapabilityRow[]
  readonly isWhole: boolean
  readonly isOffline: boolean
  readonly onDone: () => void
  readonly onLeave: () => void
}

/** Makes a capability less, or ends it, and says beforehand what will stop working. */
export function ChangeForm(props: FormProps & { change: Change }) {
  useKeyActions({ 'grant.leave': props.onLeave })
  if (props.change === 'narrow') return <Narrow {...props} />
  if (props.change === 'expire') return <Expire {...props} />
  return <Revoke {...props} />
}

/** Takes the focus: what is asked first, which is never the act itself. */
function Frame(props: { label: string; consequences: readonly string[]; children: ReactNode }) {
  const form = useRef<HTMLFieldSetElement>(null)
  useEffect(() => form.current?.querySelector<HTMLElement>('textarea, select, button')?.focus(), [])
  return (
    <fieldset ref={form} className="grant-form" data-key-scope="grant" aria-label={props.label}>
      <ul className="small muted grant-consequences">
        {props.consequences.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {props.children}
    </fieldset>
  )
}

function Foot(props: {
  verb: string
  isDanger?: boolean
  canRun: boolean
  onRun: () => void
  onCancel: () => void
}) {
  useKeyActions({ 'grant.run': props.canRun ? props.onRun : undefined })
  return (
    <div className="line grant-foot">
      <Button kind="quiet" onPress={props.onCancel}>
        Cancel
      </Button>
      <Button
        kind={props.isDanger ? 'danger' : 'primary'}
        onPress={props.onRun}
        isDisabled={!props.canRun}
        action="grant.run"
      >
        {props.verb}
      </Button>
    </div>
  )
}

const minute = 60_000
const terms = [
  ['60000', '1 minute'],
  ['300000', '5 minutes'],
  ['900000', '15 minutes'],
  ['3600000', '1 hour'],
  ['28800000', '8 hours'],
  ['86400000', '1 day'],
] as const
type Term = (typeof terms)[number][0]
const termChoices = terms.map(([value, text]) => ({ value, text }))
const textOf = (term: Term) => terms.find(([value]) => value === term)?.[1] ?? ''

function Narrow(props: FormProps) {
  const { cap } = props
  const narrow = useCommand('capability', 'narrow')
  const [text, setText] = useState('')
  const [term, setTerm] = useState<Term | 'as-is'>('as-is')
  const to = namesIn(text, cap.target)
  const run = async () => {
    const ends = term === 'as-is' ? {} : { expiresInMs: Number(term) }
    const outcome = await narrow.run({ id: cap.id, to, ...ends })
    if (!outcome.ok) return
    say(`${whoOf(cap)} may now use ${to.map(visibleLine).join(', ')} only.`)
    props.onDone()
  }
  const consequences = [
    `${whoOf(cap)} keeps only what is named here of ${visibleLine(cap.target)}.`,
    ...derivedText(props),
  ]
  return (
    <Frame label="Narrow" consequences={consequences}>
      <Field label="Keep only" hint="One name per line, each a part of what it may use now.">
        {(id) => (
          <textarea
            id={id}
            className="input mono"
            rows={3}
            spellCheck={false}
            placeholder={exampleOf(cap.target)}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <Field label="And until">
        {(id) => (
          <Select
            id={id}
            value={term}
            choices={[{ value: 'as-is' as const, text: 'as it is now' }, ...termChoices]}
            onChange={setTerm}
          />
        )}
      </Field>
      {narrow.problem && <ProblemLine problem={narrow.problem} />}
      <Foot
        verb={to.length > 0 ? `Narrow to ${plural(to.length, 'name')}` : 'Narrow'}
        canRun={to.length > 0 && !narrow.isRunning && !props.isOffline}
        onRun={() => void run()}
        onCancel={props.onLeave}
      />
    </Frame>
  )
}

function derivedText(props: FormProps): readonly string[] {
  const count = derivedFrom(props.cap.id, props.all).length
  if (count === 0) return []
  return [
    `What derives from it ends and is not renewed: ${props.isWhole ? '' : 'at least '}${plural(count, 'capability', 'capabilities')}.`,
  ]
}

function Expire(props: FormProps) {
  const { cap } = props
  const expire = useCommand('capability', 'expire')
  const [term, setTerm] = useState<Term>(String(5 * minute) as Term)
  const run = async () => {
    const outcome = await expire.run({ id: cap.id, expiresInMs: Number(term) })
    if (!outcome.ok) return
    say(`Ends in ${textOf(term)}: ${visibleLine(namesAmong(props.all).short(cap))}, held by ${whoOf(cap)}.`)
    props.onDone()
  }
  const [first = '', ...rest] = consequencesOf(cap, props.all, props.isWhole)
  return (
    <Frame label="Let it expire" consequences={[`In ${textOf(term)}: ${first}`, ...rest]}>
      <Field label="Ends in">
        {(id) => <Select id={id} value={term} choices={termChoices} onChange={setTerm} />}
      </Field>
      {expire.problem && <ProblemLine problem={expire.problem} />}
      <Foot
        verb={`End in ${textOf(term)}`}
        canRun={!expire.isRunning && !props.isOffline}
        onRun={() => void run()}
        onCancel={props.onLeave}
      />
    </Frame>
  )
}

function Revoke(props: FormProps) {
  const { cap } = props
  const revoke = useCommand('capability', 'revoke')
  const count = derivedFrom(cap.id, props.all).length + 1
  const run = async () => {
    const outcome = await revoke.run({ id: cap.id })
    if (!outcome.ok) return
    say(`Revoked ${plural(outcome.value.revoked, 'capability', 'capabilities')}.`)
    props.onDone()
  }
  return (
    <Frame
      label="Revoke"
      consequences={[
        ...consequencesOf(cap, props.all, props.isWhole),
        'It cannot be given back while the session runs.',
      ]}
    >
      {revoke.problem && <ProblemLine problem={revoke.problem} />}
      <Foot
        verb={count === 1 ? 'Revoke' : `Revoke ${count}`}
        isDanger
        canRun={!revoke.isRunning && !props.isOffline}
        onRun={() => void run()}
        onCancel={props.onLeave}
      />
    </Frame>
  )
}

function say(text: string): void {
  useNotices.getState().say({ text })
}
