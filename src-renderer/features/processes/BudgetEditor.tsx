import type { ProcessRow } from '@contract/process.ts'
import { useEffect, useId, useRef, useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { limitText } from '../../format/limits.ts'
import { useNotices } from '../../stores/notices.ts'
import { Button } from '../../ui/Button.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import {
  type BudgetDraft,
  changesIn,
  draftOf,
  judge,
  type LimitName,
  limitNames,
  limitWords,
} from './budget.model.ts'
import { nameOf } from './processes.model.ts'

/** Raises, lowers or takes away limits, and says beforehand what will come of it. */
export function BudgetEditor(props: {
  row: ProcessRow
  parent: ProcessRow | null
  isOffline: boolean
  onDone: () => void
}) {
  const { row, parent } = props
  // Started from what the limits were when it was opened: they do not change under the hand.
  const [draft, setDraft] = useState(() => draftOf(row))
  const save = useSave(row, draft, props.onDone)
  const isRefused = limitNames.some((name) => {
    const { kind } = judge(name, draft[name], row.use[name], parent?.use[name] ?? null)
    return kind === 'refused' || kind === 'unreadable'
  })
  const changes = changesIn(draft, row)
  const canSave = !props.isOffline && !isRefused && changes !== null && Object.keys(changes).length > 0
  const first = useRef<HTMLInputElement>(null)
  useEffect(() => first.current?.focus(), [])
  useKeyActions({
    'budget.save': canSave ? () => void save.run() : undefined,
    'budget.leave': props.onDone,
  })
  return (
    <fieldset className="budget-editor" data-key-scope="budget" aria-label="Change the budget">
      {limitNames.map((name, index) => (
        <LimitRow
          key={name}
          name={name}
          text={draft[name]}
          row={row}
          parent={parent}
          inputRef={index === 0 ? first : null}
          onChange={(text) => setDraft({ ...draft, [name]: text })}
        />
      ))}
      {save.problem && <ProblemLine problem={save.problem} />}
      <div className="line">
        <span className="faint tiny grow">Empty is no limit of its own. All or none is changed.</span>
        <Button kind="quiet" onPress={props.onDone}>
          Cancel
        </Button>
        <Button
          kind="primary"
          onPress={() => void save.run()}
          isDisabled={!canSave || save.isRunning}
          action="budget.save"
        >
          Change
        </Button>
      </div>
    </fieldset>
  )
}

function useSave(row: ProcessRow, draft: BudgetDraft, onDone: () => void) {
  const change = useCommand('process', 'changeBudget')
  const run = async () => {
    const budget = changesIn(draft, row)
    if (!budget) return
    const names = limitNames.filter((name) => name in budget)
    const before = Object.fromEntries(names.map((name) => [name, row.use[name].limit]))
    const undo = async () => {
      const undone = await change.run({ pid: row.pid, budget: before })
      // The editor, which says so otherwise, is closed by then.
      if (!undone.ok)
        useNotices.getState().say({ tone: 'danger', text: undone.problem.what, todo: undone.problem.todo })
    }
    const outcome = await change.run({ pid: row.pid, budget })
    if (!outcome.ok) return
    const what = names.map((name) => limitWords[name].label.toLowerCase()).join(', ')
    useNotices.getState().say({
      text: `Budget of ${nameOf(row)} changed: ${what}.`,
      actionLabel: 'Undo',
      onAction: () => void undo(),
    })
    onDone()
  }
  return { run, isRunning: change.isRunning, problem: change.problem }
}

const units: Readonly<Record<LimitName, string>> = {
  usdNanos: 'USD',
  tokens: '',
  toolCalls: '',
  wallMs: 'min',
}

function LimitRow(props: {
  name: LimitName
  text: string
  row: ProcessRow
  parent: ProcessRow | null
  inputRef: React.RefObject<HTMLInputElement | null> | null
  onChange: (text: string) => void
}) {
  const { name, text, row } = props
  const id = useId()
  const use = row.use[name]
  const words = limitWords[name]
  const { kind, text: foreseen } = judge(name, text, use, props.parent?.use[name] ?? null)
  const isBad = kind === 'refused' || kind === 'unreadable'
  const note =
    foreseen || `${words.used(use.spent)} used${use.limit === null ? ', no limit of its own' : ''}.`
  return (
    <div className="budget-limit">
      <label className="small muted" htmlFor={id}>
        {words.label}
      </label>
      <span className="budget-input">
        <input
          id={id}
          ref={props.inputRef}
          className="input num"
          inputMode="decimal"
          value={text}
          placeholder={limitText(words.kind, null) || 'no limit'}
          aria-invalid={isBad}
          aria-describedby={`${id}-note`}
          onChange={(event) => props.onChange(event.target.value)}
        />
        <span className="faint tiny">{units[name]}</span>
      </span>
      <p
        id={`${id}-note`}
        className={`tiny budget-note ${isBad ? 'danger-text' : kind === 'fine' ? '' : 'faint'}`}
      >
        {note}
      </p>
    </div>
  )
}
