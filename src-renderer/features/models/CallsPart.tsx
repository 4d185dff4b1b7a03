import type { ModelCall } from '@contract/process.ts'
import { type RefObject, useMemo, useRef } from 'react'
import { isOver, type useCalls } from '../../client/call-feed.ts'
import { sessionAddress } from '../../format/address.ts'
import { plural } from '../../format/amounts.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { useNotices } from '../../stores/notices.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { DataGrid, type GridItem } from '../../ui/DataGrid.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { useMedia } from '../../ui/use-media.ts'
import { useNow } from '../../ui/use-now.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import { CallInspector } from './CallInspector.tsx'
import { columnsFor } from './columns.tsx'
import { chooseCalls, describeCall, isProblem } from './models.model.ts'
import { useCallList } from './use-call-list.ts'

type Feed = ReturnType<typeof useCalls>

/** Model calls as they are made, newest first, with one of them in full. */
export function CallsPart(props: { feed: Feed; bar: React.ReactNode; isFiltered: boolean }) {
  const { feed } = props
  const view = useKernelView((state) => state.models)
  const place = useRef<HTMLDivElement>(null)
  const hasRoom = useMedia('(min-width: 901px)')
  const isInspectorOpen = useView((state) => state.isInspectorOpen) ?? hasRoom
  const all = feed.log?.calls ?? noCalls
  const calls = useMemo(() => chooseCalls(all, view), [all, view])
  const list = useCallList(calls, place)
  const isMoving = list.shown.slice(0, 50).some((one) => !isOver(one))
  const nowMs = useNow(isMoving ? 1000 : 15_000)
  const call = list.shown.find((one) => one.id === view.active) ?? list.shown[0]
  useCallKeys({ call, list, isInspectorOpen })
  const isShown = isInspectorOpen && call !== undefined
  return (
    <div className={`split${isShown ? '' : ' alone'}`}>
      <div className="split-list">
        {props.bar}
        <div className="split-grid calls-place" ref={place}>
          {list.added > 0 && (
            <button type="button" className="calls-new" onClick={list.showNew}>
              {plural(list.added, 'new call')}
            </button>
          )}
          <Loadable of={{ data: feed.log, problem: feed.problem, retry: feed.retry }} rows={14}>
            {() =>
              list.shown.length === 0 ? (
                <Nothing isFiltered={props.isFiltered} />
              ) : (
                <CallGrid
                  feed={feed}
                  calls={list.shown}
                  active={call?.id ?? null}
                  place={place}
                  nowMs={nowMs}
                />
              )
            }
          </Loadable>
        </div>
      </div>
      {isShown && <CallInspector call={call} nowMs={nowMs} />}
      <span className="unseen" role="status">
        {list.added > 0 ? plural(list.added, 'new call') : ''}
      </span>
    </div>
  )
}

const noCalls: readonly ModelCall[] = []
const nothingSelected: ReadonlySet<string> = new Set()

function CallGrid(props: {
  feed: Feed
  calls: readonly ModelCall[]
  active: string | null
  place: RefObject<HTMLElement | null>
  nowMs: number
}) {
  const { feed, calls } = props
  const { setModels: set } = useKernelView()
  const width = useWidthOf(props.place)
  const columns = useMemo(() => columnsFor(width, props.nowMs), [width, props.nowMs])
  const hasMore = feed.log?.hasMore ?? false
  const itemAt = (index: number): GridItem<ModelCall> => {
    const row = calls[index]
    return row ? { kind: 'row', key: row.id, row } : { kind: 'waiting', key: `w${index}` }
  }
  return (
    <DataGrid<ModelCall>
      label="Model calls"
      columns={columns}
      count={calls.length + (hasMore ? 1 : 0)}
      itemAt={itemAt}
      rowHeight={document.documentElement.dataset.density === 'comfortable' ? 36 : 28}
      activeKey={props.active}
      selected={nothingSelected}
      onActive={(key) => set({ active: key })}
      onOpen={(key) => {
        const call = calls.find((one) => one.id === key)
        if (call) window.location.hash = sessionAddress(call.sessionId, 'models')
      }}
      onVisible={(_first, last) => {
        if (hasMore && last >= calls.length) feed.readMore()
      }}
      labelOf={describeCall}
      hasFocusOnMount
    />
  )
}

function useCallKeys(props: {
  call: ModelCall | undefined
  list: ReturnType<typeof useCallList>
  isInspectorOpen: boolean
}): void {
  const { call, list } = props
  const { setModels: set } = useKernelView()
  const at = call ? list.shown.indexOf(call) : -1
  const problem = list.shown.find((one, index) => index > at && isProblem(one)) ?? list.shown.find(isProblem)
  useKeyActions({
    'models.open': call && (() => openSession(call.sessionId)),
    'models.new': list.added > 0 ? list.showNew : undefined,
    'models.next-problem': problem && (() => set({ active: problem.id })),
    'models.inspector': () => useView.getState().set({ isInspectorOpen: !props.isInspectorOpen }),
    'models.copy-id': call && (() => copyId(call.id)),
  })
}

function openSession(sessionId: string): void {
  window.location.hash = sessionAddress(sessionId, 'models')
}

function copyId(id: string): void {
  const { say } = useNotices.getState()
  navigator.clipboard.writeText(id).then(
    () => say({ text: `Copied ${id}.`, lastsMs: 3000 }),
    () => say({ text: 'The clipboard refused it.', tone: 'danger' }),
  )
}

function Nothing(props: { isFiltered: boolean }) {
  const { setModels: set } = useKernelView()
  if (!props.isFiltered)
    return (
      <EmptyState
        title="No model was called yet."
        text="Calls stand here as sessions make them through the gateway, with what they cost."
      >
        <a href="#/fleet">Go to the fleet</a>
      </EmptyState>
    )
  return (
    <EmptyState title="No call matches.">
      <Button
        onPress={() => {
          set({ text: '', provider: 'any', state: 'any' })
          window.location.hash = '#/models'
        }}
      >
        Show all
      </Button>
    </EmptyState>
  )
}
