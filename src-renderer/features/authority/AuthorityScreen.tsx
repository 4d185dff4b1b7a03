import { useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { screenOfSession } from '../../format/address.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { formatClock } from '../../format/duration.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { useMedia } from '../../ui/use-media.ts'
import { useNow } from '../../ui/use-now.ts'
import { AuthorityBar } from './AuthorityBar.tsx'
import { AuthorityTable } from './AuthorityTable.tsx'
import { type AuthorityRow, arrangeHeld, arrangeRefused, sessionsIn } from './authority.model.ts'
import type { Change } from './ChangeForm.tsx'
import { GraphView } from './GraphView.tsx'
import { type AuthorityGraph, layOutGraph } from './graph.model.ts'
import { Inspector, type Picked } from './Inspector.tsx'
import { useAuthority } from './use-authority.ts'
import { useAuthorityKeys } from './use-authority-keys.ts'
import './authority.css'

/** Who may do what, derived from what, used when and refused when: as a table or as a graph. */
export function AuthorityScreen(props: { sessionId: string | null }) {
  useScreenScope('authority')
  const { sessionId } = props
  const { authority: view, setAuthority: set } = useKernelView()
  const { read, isWhole, pulsing } = useAuthority(view.text)
  const isOffline = useClient() === null
  const nowMs = useNow(2000)
  const hasRoom = useMedia('(min-width: 901px)')
  const isInspectorOpen = useView((state) => state.isInspectorOpen) ?? hasRoom
  const [change, setChange] = useState<Change | null>(null)
  const find = useRef<HTMLInputElement>(null)
  const place = useRef<HTMLDivElement>(null)
  const { text, folded, isGraph } = view
  const shown = useMemo(
    () => showFor(read.data, { text, sessionId, folded }, isGraph),
    [read.data, text, sessionId, folded, isGraph],
  )
  const caps = read.data?.capabilities ?? []
  const picked = pickedOf(shown, caps, view.active)
  const pick = (key: string) => {
    setChange(null)
    set({ active: key })
  }
  const begin = (next: Change | null) => {
    setChange(next)
    if (next) useView.getState().set({ isInspectorOpen: true })
    else place.current?.querySelector<HTMLElement>('.grid, .graph-list')?.focus()
  }
  useAuthorityKeys({
    rows: shown.rows,
    cap: picked?.cap ?? null,
    find,
    isInspectorOpen,
    isOffline,
    onChange: begin,
    onPick: pick,
  })
  const isShown = isInspectorOpen && picked !== null
  return (
    <div className={`split${isShown ? '' : ' alone'}`}>
      <div className="split-list">
        <AuthorityBar
          sessionId={sessionId}
          sessions={sessionsIn(caps, read.data?.refusals ?? [])}
          summary={summaryOf(read.data, isOffline)}
          findRef={find}
          onLeaveFind={() => place.current?.querySelector<HTMLElement>('.grid, .graph-list')?.focus()}
        />
        <div className="split-grid" ref={place}>
          <Loadable of={read} rows={14}>
            {() => {
              if (shown.rows.length === 0) return <Nothing hidden={caps.length} sessionId={sessionId} />
              if (shown.graph)
                return (
                  <div className="graph-place">
                    {shown.graph.hidden > 0 && (
                      <p className="small caution-text graph-cut">
                        {plural(shown.graph.hidden, 'holder')} are not drawn. Pick a session or filter to see
                        them.
                      </p>
                    )}
                    <GraphView
                      graph={shown.graph}
                      active={view.active}
                      pulsing={pulsing}
                      nowMs={nowMs}
                      onPick={pick}
                    />
                  </div>
                )
              return (
                <AuthorityTable
                  rows={shown.rows}
                  active={view.active}
                  place={place}
                  nowMs={nowMs}
                  onPick={pick}
                />
              )
            }}
          </Loadable>
        </div>
      </div>
      {isShown && (
        <Inspector
          picked={picked}
          all={caps}
          isWhole={isWhole}
          isOffline={isOffline}
          nowMs={nowMs}
          change={change}
          onChange={begin}
          onPick={(id) => pick(`c${id}`)}
        />
      )}
    </div>
  )
}

type Data = ReturnType<typeof useAuthority>['read']['data']

interface Shown {
  readonly rows: readonly AuthorityRow[]
  readonly graph: AuthorityGraph | null
}

function showFor(data: Data, filter: Parameters<typeof arrangeHeld>[1], isGraph: boolean): Shown {
  if (!data) return { rows: [], graph: null }
  const rows = [...arrangeHeld(data.capabilities, filter), ...arrangeRefused(data.refusals, filter)]
  if (!isGraph) return { rows, graph: null }
  const unfolded = arrangeHeld(data.capabilities, { ...filter, folded: new Set() })
  const held = unfolded.flatMap((row) => (row.kind === 'held' && !row.isPath ? [row.cap] : []))
  const refused = rows.flatMap((row) => (row.kind === 'refused' ? [row.refusal] : []))
  return { rows, graph: layOutGraph(held, refused) }
}

/** What the active key stands for: a row of the table, a line of the graph, or a capability gone to from another. */
function pickedOf(
  shown: Shown,
  caps: Parameters<typeof arrangeHeld>[0],
  active: string | null,
): Picked | null {
  const edge = shown.graph?.edges.find((one) => one.key === active)
  if (edge) return { cap: edge.caps[0] ?? null, beside: edge.caps, refusals: edge.refusals }
  const refused = shown.rows.find((one) => one.key === active)
  if (refused?.kind === 'refused') return { cap: null, beside: [], refusals: [refused.refusal] }
  const cap = caps.find((one) => `c${one.id}` === active)
  if (!cap) return null
  const line = shown.graph?.edges.find((one) => one.caps.includes(cap))
  return { cap, beside: line?.caps ?? [], refusals: line?.refusals ?? [] }
}

function summaryOf(data: Data, isOffline: boolean): string {
  if (!data) return ''
  const refused = data.refusals.reduce((sum, one) => sum + one.count, 0)
  return [
    plural(data.total, 'capability', 'capabilities'),
    refused > 0 ? `${formatCount(refused)} refused` : '',
    isOffline ? `as of ${formatClock(data.atMs, true)}` : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

function Nothing(props: { hidden: number; sessionId: string | null }) {
  const { authority: view, setAuthority: set } = useKernelView()
  if (view.text === '' && props.sessionId === null)
    return (
      <EmptyState
        title="Nobody holds anything."
        text="A session is given what it may use when it starts, and no more; here it can be seen and taken back."
      >
        <a href="#/fleet">Go to the fleet</a>
      </EmptyState>
    )
  return (
    <EmptyState
      title={view.text === '' ? 'This session holds nothing now.' : `No match for “${view.text}”.`}
      text={`${formatCount(props.hidden)} are hidden by the filter.`}
    >
      <Button
        onPress={() => {
          set({ text: '' })
          window.location.hash = '#/authority'
        }}
      >
        Show all
      </Button>
      {props.sessionId && (
        <a className="small" href={screenOfSession('models', props.sessionId)}>
          Its model calls
        </a>
      )}
    </EmptyState>
  )
}
