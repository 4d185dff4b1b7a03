import type { CapabilityRow } from '@contract/process.ts'
import { type RefObject, useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { screenOfSession } from '../../format/address.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { useMedia } from '../../ui/use-media.ts'
import { useNow } from '../../ui/use-now.ts'
import { AuthorityBar } from './AuthorityBar.tsx'
import { AuthorityTable } from './AuthorityTable.tsx'
import { keyOfCap, sessionsIn } from './authority.model.ts'
import type { Change } from './ChangeForm.tsx'
import { GraphView } from './GraphView.tsx'
import { Inspector } from './Inspector.tsx'
import { pickedOf, type Shown, showFor, summaryOf } from './shown.ts'
import { useAuthority } from './use-authority.ts'
import { useAuthorityKeys } from './use-authority-keys.ts'
import './authority.css'

/** Who may do what, derived from what, used when and refused when: as a table or as a graph. */
export function AuthorityScreen(props: { sessionId: string | null }) {
  useScreenScope('authority')
  const { sessionId } = props
  const place = useRef<HTMLDivElement>(null)
  const find = useRef<HTMLInputElement>(null)
  const { read, isWhole, pulsing, shown, picked, active } = useShown(sessionId)
  const { change, pick, begin } = useChange(place)
  const isOffline = useClient() === null
  const nowMs = useNow(2000)
  const hasRoom = useMedia('(min-width: 901px)')
  const isInspectorOpen = useView((state) => state.isInspectorOpen) ?? hasRoom
  const cap = picked?.cap ?? null
  const keys = { rows: shown.rows, cap, find, isInspectorOpen, isOffline, onChange: begin, onPick: pick }
  useAuthorityKeys(keys)
  const caps = read.data?.capabilities ?? []
  const isShown = isInspectorOpen && picked !== null
  return (
    <div className={`split${isShown ? '' : ' alone'}`}>
      <div className="split-list">
        <AuthorityBar
          sessionId={sessionId}
          sessions={sessionsIn(caps, read.data?.refusals ?? [])}
          summary={summaryOf(read.data, isOffline)}
          findRef={find}
          onLeaveFind={() => focusList(place)}
        />
        <div className="split-grid" ref={place}>
          <Loadable of={read} rows={14}>
            {() => (
              <Listing
                shown={shown}
                active={active}
                hidden={caps.length}
                sessionId={sessionId}
                pulsing={pulsing}
                place={place}
                nowMs={nowMs}
                onPick={pick}
              />
            )}
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
          onPick={(id) => pick(keyOfCap(id))}
        />
      )}
    </div>
  )
}

/** What the daemon knows, as far as it is looked at. */
function useShown(sessionId: string | null) {
  const { text, folded, isGraph, active: asked } = useKernelView((state) => state.authority)
  const authority = useAuthority(text)
  const { data } = authority.read
  const shown = useMemo(
    () => showFor(data, { text, sessionId, folded }, isGraph),
    [data, text, sessionId, folded, isGraph],
  )
  const known = data?.capabilities ?? noCaps
  const first = shown.graph?.edges[0]?.key ?? shown.rows[0]?.key ?? null
  const isThere = pickedOf(shown, known, asked) !== null
  const active = isThere ? asked : first
  return { ...authority, shown, active, picked: pickedOf(shown, known, active) }
}

const noCaps: readonly CapabilityRow[] = []

/** What is picked, and what is being changed of it: to pick another thing ends the change. */
function useChange(place: RefObject<HTMLElement | null>) {
  const { setAuthority: set } = useKernelView()
  const [change, setChange] = useState<Change | null>(null)
  const pick = (key: string) => {
    setChange(null)
    set({ active: key })
  }
  const begin = (next: Change | null) => {
    setChange(next)
    if (next) useView.getState().set({ isInspectorOpen: true })
    else focusList(place)
  }
  return { change, pick, begin }
}

function focusList(place: RefObject<HTMLElement | null>): void {
  place.current?.querySelector<HTMLElement>('.grid, .graph-list')?.focus()
}

function Listing(props: {
  shown: Shown
  active: string | null
  hidden: number
  sessionId: string | null
  pulsing: ReadonlySet<number>
  place: RefObject<HTMLElement | null>
  nowMs: number
  onPick: (key: string) => void
}) {
  const { shown, active, place, nowMs, onPick } = props
  if (shown.rows.length === 0) return <Nothing hidden={props.hidden} sessionId={props.sessionId} />
  const { graph } = shown
  if (!graph)
    return <AuthorityTable rows={shown.rows} active={active} place={place} nowMs={nowMs} onPick={onPick} />
  return (
    <div className="graph-place">
      {graph.hidden > 0 && (
        <p className="small caution-text graph-cut">
          {plural(graph.hidden, 'holder')} are not drawn. Pick a session or filter to see them.
        </p>
      )}
      <GraphView graph={graph} active={active} pulsing={props.pulsing} nowMs={nowMs} onPick={onPick} />
    </div>
  )
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
