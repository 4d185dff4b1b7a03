import type { ProcessRow } from '@contract/process.ts'
import type { Ref } from 'react'
import { plural } from '../../format/amounts.ts'
import { type ProcessSort, useKernelView } from '../../stores/kernel-view.ts'
import { Button } from '../../ui/Button.tsx'
import { Chip, ChoiceChip } from '../../ui/Chip.tsx'
import { possibleWith, stateNames } from './processes.model.ts'
import type { ProcessActs } from './use-process-acts.ts'

const sortNames: readonly (readonly [ProcessSort, string])[] = [
  ['speed', 'reductions/s'],
  ['tokens', 'tokens'],
  ['money', 'money'],
  ['tools', 'tool calls'],
  ['wall', 'wall time'],
  ['memory', 'memory'],
  ['mailbox', 'mailbox'],
  ['priority', 'priority'],
  ['state', 'state'],
  ['name', 'name'],
  ['caps', 'capabilities'],
  ['pid', 'pid'],
]
const stateChoices = [['any', 'any'] as const, ...stateNames]

/** What the list shows and in which order. */
export function ProcessBar(props: {
  summary: string
  held: string
  findRef: Ref<HTMLInputElement>
  onLeaveFind: () => void
}) {
  const { processes: view, setProcesses: set } = useKernelView()
  return (
    <div className="filter-bar">
      <h1 className="filter-title">Processes</h1>
      <span className="small muted process-summary" title={props.summary}>
        {props.summary}
      </span>
      <input
        ref={props.findRef}
        className="filter-find"
        aria-label="Filter processes"
        placeholder="Filter"
        value={view.text}
        onChange={(event) => set({ text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter' && event.key !== 'ArrowDown') return
          event.preventDefault()
          if (event.key === 'Escape') set({ text: '' })
          props.onLeaveFind()
        }}
      />
      <span className="grow" />
      {props.held && <span className="held-note">{props.held}</span>}
      <Chip isOn={view.isTree} onPress={() => set({ isTree: !view.isTree })}>
        Tree
      </Chip>
      <ChoiceChip
        label="State"
        value={view.state}
        choices={stateChoices}
        onChange={(state) => set({ state })}
      />
      <ChoiceChip label="Sort" value={view.sort} choices={sortNames} onChange={(sort) => set({ sort })} />
    </div>
  )
}

/** How many are picked, and how many of them are not to be seen. */
function Picked(props: { count: number; ended: number; hidden: number }) {
  const { count, ended, hidden } = props
  return (
    <>
      <strong className="strong">{plural(count, 'process', 'processes')} picked</strong>
      {ended > 0 && <span className="faint small">{ended} ended since</span>}
      {hidden > 0 && <span className="caution-text small">{hidden} not shown by the filter</span>}
    </>
  )
}

/** What can be done with all that is picked. Each button says how many it would touch; the rest is skipped. */
export function SelectionBar(props: {
  rows: readonly ProcessRow[]
  count: number
  /** Of these, those that the filter does not show. */
  hidden: number
  acts: ProcessActs
  onClear: () => void
}) {
  const { rows, acts } = props
  if (props.count === 0) return null
  const can = (act: keyof ReturnType<typeof possibleWith>) => rows.filter((row) => possibleWith(row)[act])
  const [suspends, resumes, ends] = [can('suspend'), can('resume'), can('end')]
  const off = acts.isOffline
  return (
    <div className="selection-bar wraps" role="toolbar" aria-label="Picked processes">
      <Picked count={props.count} ended={props.count - rows.length} hidden={props.hidden} />
      <span className="grow" />
      {suspends.length > 0 && (
        <Button onPress={() => acts.suspend(suspends)} isDisabled={off}>
          Suspend {suspends.length}
        </Button>
      )}
      {resumes.length > 0 && (
        <Button onPress={() => acts.resume(resumes)} isDisabled={off}>
          Resume {resumes.length}
        </Button>
      )}
      {ends.length > 0 && (
        <>
          <Button
            kind="quiet"
            onPress={() => acts.prioritise(ends, -1)}
            isDisabled={off}
            label="Lower their priority"
          >
            Priority −
          </Button>
          <Button
            kind="quiet"
            onPress={() => acts.prioritise(ends, 1)}
            isDisabled={off}
            label="Raise their priority"
          >
            Priority +
          </Button>
          <Button kind="danger" onPress={() => acts.end('terminate', ends)} isDisabled={off}>
            Terminate {ends.length}
          </Button>
          <Button kind="danger" onPress={() => acts.end('kill', ends)} isDisabled={off}>
            Kill {ends.length}
          </Button>
        </>
      )}
      <Button kind="quiet" onPress={props.onClear}>
        Clear
      </Button>
    </div>
  )
}
