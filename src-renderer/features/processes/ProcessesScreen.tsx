import type { ProcessRow } from '@contract/process.ts'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { type ProcessTable, useProcesses } from '../../client/process-feed.ts'
import { sessionAddress } from '../../format/address.ts'
import { formatClock } from '../../format/duration.ts'
import { toggled, useKernelView } from '../../stores/kernel-view.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { DataGrid } from '../../ui/DataGrid.tsx'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, ProblemBlock, ProblemLine, Skeleton } from '../../ui/Loadable.tsx'
import { useMedia } from '../../ui/use-media.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import { ConfirmEnding } from './ConfirmEnding.tsx'
import { columnsFor } from './columns.tsx'
import { Inspector } from './Inspector.tsx'
import { ProcessBar, SelectionBar } from './ProcessBar.tsx'
import { describeProcess, type ProcessView, summaryOf } from './processes.model.ts'
import { useProcessActs } from './use-process-acts.ts'
import { useProcessKeys } from './use-process-keys.ts'
import { type ProcessList, useProcessList } from './use-process-list.ts'
import './processes.css'

/** A live view of the kernel's processes. `pid` is the one that the address names. */
export function ProcessesScreen(props: { pid: number | null }) {
  useScreenScope('processes')
  const feed = useProcesses()
  const { processes: view, setProcesses: set } = useKernelView()
  const hasRoom = useMedia('(min-width: 901px)')
  const isInspectorOpen = useView((state) => state.isInspectorOpen) ?? hasRoom
  const place = useRef<HTMLDivElement>(null)
  const find = useRef<HTMLInputElement>(null)
  const { isEditing, edit, pick } = useEditing(place)
  const list = useProcessList(feed.table, place, isEditing)
  const rows = feed.table?.rows ?? noRows
  const acts = useProcessActs(rows)
  useEffect(() => {
    if (props.pid !== null) set({ active: props.pid })
  }, [props.pid, set])
  const { active, row, isInList } = usePicked(list, view.active)
  useProcessKeys({ list, row, acts, find, isInspectorOpen, onEdit: () => edit(true), onPick: pick })
  const picked = [...view.selected].map((key) => rows.get(Number(key))).filter((one) => one !== undefined)
  const isShown = isInspectorOpen && row !== undefined && feed.table !== undefined
  return (
    <div className={`split${isShown ? '' : ' alone'}`}>
      <div className="split-list">
        <ProcessBar
          summary={useSummary(feed.table)}
          held={list.held}
          findRef={find}
          onLeaveFind={() => focusGrid(place.current)}
        />
        {props.pid !== null && props.pid === view.active && row?.pid !== props.pid && feed.table && (
          <p className="small muted process-note" role="status">
            Process {props.pid} is not here any more. What it did stands in the chain of its session.
          </p>
        )}
        {feed.problem && feed.table && <ProblemLine problem={feed.problem} onRetry={feed.retry} />}
        <div className="split-grid" ref={place}>
          <List feed={feed} list={list} active={isInList ? active : null} place={place} onPick={pick} />
        </div>
        <SelectionBar
          rows={picked}
          count={view.selected.size}
          hidden={picked.filter((one) => !list.isShown(one.pid)).length}
          acts={acts}
          onClear={() => set({ selected: new Set() })}
        />
      </div>
      {isShown && (
        <Inspector
          row={row}
          table={feed.table as ProcessTable}
          isGone={list.isGone(row.pid)}
          acts={acts}
          isEditing={isEditing}
          onEdit={edit}
          onPick={pick}
        />
      )}
      <ConfirmEnding acts={acts} rows={rows} />
    </div>
  )
}

const noRows: ReadonlyMap<number, ProcessRow> = new Map()

/**
 * The row that is looked at. One that ends stays as it was last seen, so that nothing else comes under a hand that is about
 * to act; one that the filter hides gives way to the first that it leaves.
 */
function usePicked(list: ProcessList, asked: number | null) {
  const last = useRef<ProcessRow | null>(null)
  const isListed = asked !== null && list.isShown(asked)
  const live = isListed ? list.rowOf(asked) : undefined
  if (live) last.current = live
  const ended = last.current
  if (live) return { active: asked, row: live, isInList: true }
  if (ended && ended.pid === asked && list.isGone(asked))
    return { active: asked, row: ended, isInList: false }
  const first = (list.places.find((one) => !one.isPath) ?? list.places[0])?.pid ?? null
  return { active: first, row: list.rowOf(first), isInList: true }
}

/** Whether the budget of the active process is being changed: to pick another one ends that. */
function useEditing(place: React.RefObject<HTMLElement | null>) {
  const { setProcesses: set } = useKernelView()
  const [isEditing, setEditing] = useState(false)
  const edit = (isOpen: boolean) => {
    setEditing(isOpen)
    if (isOpen) useView.getState().set({ isInspectorOpen: true })
    else focusGrid(place.current)
  }
  const pick = (pid: number) => {
    setEditing(false)
    set({ active: pid })
  }
  return { isEditing, edit, pick }
}

function focusGrid(place: HTMLElement | null): void {
  place?.querySelector<HTMLElement>('.grid')?.focus()
}

/** What runs, or as of when it was so. */
function useSummary(table: ProcessTable | undefined): string {
  const isOffline = useClient() === null
  return useMemo(() => {
    if (!table) return ''
    const summary = summaryOf(table.rows)
    return isOffline ? `${summary} · as of ${formatClock(table.atMs, true)}` : summary
  }, [table, isOffline])
}

function List(props: {
  feed: ReturnType<typeof useProcesses>
  list: ProcessList
  active: number | null
  place: React.RefObject<HTMLElement | null>
  onPick: (pid: number) => void
}) {
  const { feed, list } = props
  const { processes: view, setProcesses: set } = useKernelView()
  const width = useWidthOf(props.place)
  const hasPrograms = useMemo(() => hasProgram(feed.table), [feed.table])
  const columns = useMemo(() => {
    const fold = (pid: number) => set({ folded: toggled(useKernelView.getState().processes.folded, [pid]) })
    return columnsFor(width, hasPrograms, fold)
  }, [width, hasPrograms, set])
  if (!feed.table) {
    if (feed.problem) return <ProblemBlock problem={feed.problem} onRetry={feed.retry} />
    return <Skeleton rows={14} />
  }
  if (list.count === 0) return <Nothing hidden={feed.table.rows.size} />
  const sortBy = (id: string) => {
    const column = columns.find((one) => one.id === id)
    if (!column) return
    const isSame = view.sort === id
    set({
      sort: id as typeof view.sort,
      isDescending: isSame ? !view.isDescending : id !== 'name' && id !== 'pid',
    })
  }
  const range = (key: string) => rangeBetween(list, props.active, Number(key))
  return (
    <DataGrid<ProcessView>
      label="Processes"
      columns={columns}
      count={list.count}
      itemAt={list.itemAt}
      rowHeight={document.documentElement.dataset.density === 'comfortable' ? 36 : 28}
      activeKey={props.active === null ? null : String(props.active)}
      selected={view.selected}
      onActive={(key) => props.onPick(Number(key))}
      onToggle={(key, isRange) => set({ selected: toggled(view.selected, isRange ? range(key) : [key]) })}
      onOpen={(key) => {
        const sessionId = list.rowOf(Number(key))?.sessionId
        if (sessionId) window.location.hash = sessionAddress(sessionId)
      }}
      labelOf={describeProcess}
      sort={{ id: view.sort, isDescending: view.isDescending }}
      onSort={sortBy}
      {...(view.isTree ? { branchOf } : {})}
      classOf={(one) => (one.isGone ? 'gone' : '')}
      hasFocusOnMount
    />
  )
}

function hasProgram(table: ProcessTable | undefined): boolean {
  for (const row of table?.rows.values() ?? []) if (row.program) return true
  return false
}

function branchOf(view: ProcessView) {
  return { depth: view.depth, isOpen: view.below > 0 ? !view.isFolded : undefined }
}

function rangeBetween(list: ProcessList, from: number | null, to: number): readonly string[] {
  const a = list.places.findIndex((one) => one.pid === from)
  const b = list.places.findIndex((one) => one.pid === to)
  if (a < 0 || b < 0) return [String(to)]
  return list.places.slice(Math.min(a, b), Math.max(a, b) + 1).map((one) => String(one.pid))
}

function Nothing(props: { hidden: number }) {
  const { processes: view, setProcesses: set } = useKernelView()
  if (view.text === '' && view.state === 'any')
    return (
      <EmptyState
        title="No process runs."
        text="A session becomes a process when it starts; what it starts itself stands below it."
      >
        <a href="#/fleet">Go to the fleet</a>
      </EmptyState>
    )
  return (
    <EmptyState
      title={view.text === '' ? 'No process is in this state.' : `No match for “${view.text}”.`}
      text={`${props.hidden} are hidden by the filter.`}
    >
      <Button onPress={() => set({ text: '', state: 'any' })}>Clear the filter</Button>
    </EmptyState>
  )
}
