import { useMemo, useRef, useState } from 'react'
import { useDiagram } from '../../client/diagram-feed.ts'
import { isLive, possibleFor } from '../../client/session-state.ts'
import { useCommand } from '../../client/use-command.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { DataGrid, type GridItem } from '../../ui/DataGrid.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, ProblemBlock, Skeleton } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { useMedia } from '../../ui/use-media.ts'
import { useNow } from '../../ui/use-now.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import { columnsFor } from './columns.tsx'
import { FilterBar, groupOrder, viewOrder } from './FilterBar.tsx'
import { FleetDiagram } from './FleetDiagram.tsx'
import {
  arrange,
  createRowMaker,
  describeRow,
  type FleetRow,
  nextAttention,
  rangeBetween,
  wholeListMax,
} from './fleet.model.ts'
import { Inspector } from './Inspector.tsx'
import { useFleetRows } from './queries.ts'
import { SelectionBar } from './SelectionBar.tsx'
import './fleet.css'

type Rows = ReturnType<typeof useFleetRows>

const pick = (id: string) => useView.getState().set({ active: id })

/** Beside the list it is open from the start; over it, in a narrow window, only when asked for. */
function useInspectorOpen(): boolean {
  const hasRoom = useMedia('(min-width: 901px)')
  return useView((state) => state.isInspectorOpen) ?? hasRoom
}

/** Every session at once; with `isQueue` only those that wait. */
export function FleetScreen(props: { isQueue: boolean }) {
  const { view, group, sort, text, active } = useView()
  const isInspectorOpen = useInspectorOpen()
  const filter = props.isQueue
    ? { view: 'queue' as const, group: 'none' as const, sort: 'attention' as const, text }
    : { view, group, sort, text }
  const list = useFleetRows(filter)
  const marks = useDiagram()
  // Elapsed times run only while something does; the rest ages by the minute.
  const isMoving = marks.some(
    (mark) => mark.phase === 'run' || mark.phase === 'prepare' || mark.phase === 'ask',
  )
  const nowMs = useNow(isMoving ? 1000 : 15_000)
  const find = useRef<HTMLInputElement>(null)
  const place = useRef<HTMLDivElement>(null)
  const width = useWidthOf(place)
  const open = useOverlay((state) => state.open)
  const [arming, setArming] = useState(0)
  const shownActive = active ?? list.rows[0]?.id ?? null
  const focusGrid = () => place.current?.querySelector<HTMLElement>('[role=grid]')?.focus()
  useFleetKeys({ list, active: shownActive, find, arm: () => setArming((count) => count + 1) })
  return (
    <div className={`fleet${isInspectorOpen && shownActive ? '' : ' alone'}`}>
      <div className="fleet-list" ref={place}>
        {!props.isQueue && <h1 className="unseen">Fleet</h1>}
        {!props.isQueue && <FleetDiagram marks={marks} active={shownActive} nowMs={nowMs} onPick={pick} />}
        <FilterBar
          isQueue={props.isQueue}
          findRef={find}
          onNew={() => open({ kind: 'new-session', start: {} })}
          onLeaveFind={focusGrid}
        />
        <div className="fleet-grid">
          <List
            list={list}
            active={shownActive}
            width={width}
            nowMs={nowMs}
            isQueue={props.isQueue}
            group={filter.group}
          />
        </div>
        <SelectionBar rows={list.rows} />
      </div>
      {isInspectorOpen && shownActive && <Inspector sessionId={shownActive} arming={arming} nowMs={nowMs} />}
    </div>
  )
}

function List(props: {
  list: Rows
  active: string | null
  width: number
  nowMs: number
  isQueue: boolean
  group: ReturnType<typeof useView.getState>['group']
}) {
  const { list, nowMs } = props
  const { text, selected, set, toggle } = useView()
  const make = useMemo(() => createRowMaker(nowMs), [nowMs])
  const isWhole = list.total <= wholeListMax
  const items = useMemo(
    () => (isWhole ? arrange(list.rows, props.group, make) : []),
    [isWhole, list.rows, props.group, make],
  )
  const columns = useMemo(() => columnsFor(props.width), [props.width])
  if (list.problem && !list.isLoaded) return <ProblemBlock problem={list.problem} onRetry={list.retry} />
  if (!list.isLoaded) return <Skeleton rows={14} />
  if (list.total === 0) return <Nothing isQueue={props.isQueue} text={text} />
  const itemAt = (index: number): GridItem<FleetRow> => {
    const known = isWhole ? items[index] : undefined
    if (known) return known
    const row = list.rowAt(index)
    return row ? { kind: 'row', key: row.id, row: make(row) } : { kind: 'waiting', key: `w${index}` }
  }
  return (
    <DataGrid
      label="Sessions"
      columns={columns}
      count={isWhole ? items.length : list.total}
      itemAt={itemAt}
      rowHeight={rowHeight()}
      activeKey={props.active}
      selected={selected}
      onActive={(key) => set({ active: key })}
      onToggle={(key, isRange) => toggle(isRange ? rangeBetween(list.rows, props.active, key) : [key])}
      onOpen={(key) => navigate({ screen: 'session', sessionId: key, tab: 'activity' })}
      onVisible={list.follow}
      labelOf={describeRow}
      hasFocusOnMount
    />
  )
}

function rowHeight(): number {
  return document.documentElement.dataset.density === 'comfortable' ? 36 : 28
}

function Nothing(props: { isQueue: boolean; text: string }) {
  const { view, set } = useView()
  const open = useOverlay((state) => state.open)
  if (props.text !== '')
    return (
      <EmptyState title={`No match for “${props.text}”.`}>
        <Button onPress={() => set({ text: '' })}>Clear the filter</Button>
      </EmptyState>
    )
  if (props.isQueue)
    return <EmptyState title="Nothing waits." text="Sessions stand here while every slot is taken." />
  if (view === 'needs-you') return <EmptyState title="Nothing waits for you." />
  if (view !== 'all')
    return (
      <EmptyState title="No session is in this state.">
        <Button onPress={() => set({ view: 'all' })}>Show all</Button>
      </EmptyState>
    )
  return (
    <EmptyState
      title="No session yet."
      text="A session is one agent at work on one task, in a private clone."
    >
      <Button kind="primary" onPress={() => open({ kind: 'new-session', start: {} })} action="fleet.new">
        New session
      </Button>
      <a href="#/first-run" className="small">
        Run the demo first
      </a>
    </EmptyState>
  )
}

function after<T>(order: readonly T[], value: T, step: number): T | undefined {
  return order[(order.indexOf(value) + step + order.length) % order.length]
}

function useFleetKeys(props: {
  list: Rows
  active: string | null
  find: React.RefObject<HTMLInputElement | null>
  arm: () => void
}) {
  useScreenScope('fleet')
  const { view, group, set, toggle, clearSelected } = useView()
  const isInspectorOpen = useInspectorOpen()
  const open = useOverlay((state) => state.open)
  const pause = useCommand('session', 'pause')
  const resume = useCommand('session', 'resume')
  const again = useReplay()
  const row = props.list.rows.find((one) => one.id === props.active)
  const can = row && possibleFor(row)
  const go = row && (() => navigate({ screen: 'session', sessionId: row.id, tab: 'activity' }))
  const step = (by: number) => set({ view: after(viewOrder, view, by) ?? 'all' })
  useKeyActions({
    'fleet.open': go,
    'fleet.review': go,
    'fleet.allow': row && row.openAsks > 0 ? props.arm : undefined,
    'fleet.stop':
      can?.stop && row ? () => open({ kind: 'confirm', verb: 'stop', sessions: [row] }) : undefined,
    'fleet.pause':
      row && (can?.pause || can?.resume)
        ? () => void (can.pause ? pause : resume).run({ sessionId: row.id })
        : undefined,
    'fleet.replay': row && !isLive(row) && row.continues === null ? () => void again(row.id) : undefined,
    'fleet.new': () => open({ kind: 'new-session', start: {} }),
    'fleet.select': row && (() => toggle([row.id])),
    'fleet.next-attention': () =>
      set({ active: nextAttention(props.list.rows, props.active) ?? props.active }),
    'fleet.group': () => set({ group: after(groupOrder, group, 1) ?? 'none' }),
    'fleet.previous-view': () => step(-1),
    'fleet.next-view': () => step(1),
    'fleet.find': () => props.find.current?.focus(),
    'fleet.inspector': () => set({ isInspectorOpen: !isInspectorOpen }),
    'fleet.leave': () => {
      clearSelected()
      set({ text: '' })
    },
  })
}

/** Runs an ended session again from its recording. Whether it has one only the daemon knows: it says so where not. */
function useReplay() {
  const replay = useCommand('session', 'replay')
  return async (sessionId: string) => {
    const outcome = await replay.run({ sessionId })
    if (outcome.ok) navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
}
