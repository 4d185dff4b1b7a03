import type { CapabilityRow } from '@contract/process.ts'
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { screenOfSession } from '../../format/address.ts'
import { formatCount } from '../../format/amounts.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { useHeld, usePointerOver, useRecentKey } from '../../ui/use-held.ts'
import { useMedia } from '../../ui/use-media.ts'
import { useNow } from '../../ui/use-now.ts'
import { AuthorityBar } from './AuthorityBar.tsx'
import { AuthorityTable } from './AuthorityTable.tsx'
import { keyOfCap, refreshed, sessionsIn } from './authority.model.ts'
import type { Change } from './ChangeForm.tsx'
import { GraphView } from './GraphView.tsx'
import { leftOutOf } from './graph.model.ts'
import { Inspector } from './Inspector.tsx'
import {
  type AuthorityData,
  changesBetween,
  notListedOf,
  pickedOf,
  type Shown,
  showFor,
  summaryOf,
} from './shown.ts'
import { useAuthority } from './use-authority.ts'
import { useAuthorityKeys } from './use-authority-keys.ts'
import './authority.css'

/** Who may do what, derived from what, used when and refused when: as a table or as a graph. */
export function AuthorityScreen(props: { sessionId: string | null }) {
  useScreenScope('authority')
  const { sessionId } = props
  const place = useRef<HTMLDivElement>(null)
  const find = useRef<HTMLInputElement>(null)
  const [acts, setActs] = useState(0)
  const { read, known, isWhole, pulsing, shown, picked, active, isGone, held } = useShown(
    sessionId,
    place,
    acts,
  )
  const cap = picked?.cap ?? null
  const { change, pick, begin } = useChange(place, cap)
  const isOffline = useClient() === null
  const nowMs = useNow(2000)
  const hasRoom = useMedia('(min-width: 901px)')
  const isInspectorOpen = useView((state) => state.isInspectorOpen) ?? hasRoom
  const keys = { rows: shown.rows, cap, find, isInspectorOpen, isOffline, onChange: begin, onPick: pick }
  useAuthorityKeys(keys)
  const caps = read.data?.capabilities ?? noCaps
  const isShown = isInspectorOpen && (picked !== null || isGone)
  return (
    <div className={`split${isShown ? '' : ' alone'}`}>
      <div className="split-list">
        <Head
          {...{ sessionId, known, held, isOffline, find }}
          notListed={notListedOf(read.data)}
          onLeaveFind={() => focusList(place)}
        />
        <div className="split-grid" ref={place}>
          <Loadable of={read} rows={14}>
            {() => (
              <Listing
                {...{ shown, active, sessionId, pulsing, place, nowMs }}
                hidden={caps.length}
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
          onDone={() => {
            setActs(acts + 1)
            begin(null)
          }}
          onPick={(id) => pick(keyOfCap(id))}
        />
      )}
    </div>
  )
}

/** What is shown of whom, and what is not. */
function Head(props: {
  sessionId: string | null
  known: AuthorityData | undefined
  held: string
  isOffline: boolean
  find: RefObject<HTMLInputElement | null>
  notListed: string
  onLeaveFind: () => void
}) {
  const { known } = props
  const sessions = useMemo(() => sessionsIn(known?.capabilities ?? [], known?.refusals ?? []), [known])
  return (
    <>
      <AuthorityBar
        sessionId={props.sessionId}
        sessions={sessions}
        summary={summaryOf(known, props.isOffline)}
        held={props.held}
        findRef={props.find}
        onLeaveFind={props.onLeaveFind}
      />
      <Cut text={props.notListed} />
    </>
  )
}

/** What is not to be seen here, said in one line. */
function Cut(props: { text: string }) {
  return props.text === '' ? null : <p className="small caution-text list-cut">{props.text}</p>
}

/** What the daemon knows, as far as it is looked at. `acts` counts what was done here: its outcome shows at once. */
function useShown(sessionId: string | null, place: RefObject<HTMLElement | null>, acts: number) {
  const { text, folded, isGraph, active: asked } = useKernelView((state) => state.authority)
  const authority = useAuthority(text, sessionId)
  const { data } = authority.read
  const filter = useMemo(() => ({ text, sessionId, folded, isGraph }), [text, sessionId, folded, isGraph])
  const isOver = usePointerOver(place)
  const isRecent = useRecentKey(place)
  const isOwn = useJust(acts)
  // Rows must not move under the hand; lines stand still by themselves.
  const isHeld = !isGraph && !isOwn && (isOver || isRecent)
  const kept = useHeld({
    arrange: () => ({ ...showFor(data, filter, isGraph), data }),
    of: filter,
    version: data,
    isHeld,
    everyMs: 0,
    isOutdated: (before) => before.rows.length === 0,
  })
  const shown = useMemo(() => (data ? { ...kept, rows: refreshed(kept.rows, data) } : kept), [kept, data])
  const caps = data?.capabilities ?? noCaps
  const first = shown.graph?.edges[0]?.key ?? shown.rows[0]?.key ?? null
  const isThere = pickedOf(shown, caps, asked) !== null
  const seen = useRef<string | null>(null)
  if (isThere) seen.current = asked
  // What was picked and has gone stays picked: nothing else may come under a hand that is about to revoke it.
  const isGone = !isThere && asked !== null && seen.current === asked
  const active = isThere || isGone ? asked : first
  const held = isHeld ? changesBetween(kept.data, data) : ''
  return { ...authority, shown, active, isGone, held, picked: pickedOf(shown, caps, active) }
}

/** How long what comes is taken for the outcome of an act. */
const outcomeMs = 3000

/** True for a moment after the count has grown. */
function useJust(count: number): boolean {
  const [ended, setEnded] = useState(count)
  useEffect(() => {
    const timer = setTimeout(() => setEnded(count), outcomeMs)
    return () => clearTimeout(timer)
  }, [count])
  return ended !== count
}

const noCaps: readonly CapabilityRow[] = []

/** What is picked, and what is being changed of it: to pick another thing ends the change, and so does its end. */
function useChange(place: RefObject<HTMLElement | null>, cap: CapabilityRow | null) {
  const { setAuthority: set } = useKernelView()
  const [begun, setBegun] = useState<{ change: Change; capId: number } | null>(null)
  const pick = (key: string) => {
    setBegun(null)
    set({ active: key })
  }
  const begin = (next: Change | null) => {
    setBegun(next && cap ? { change: next, capId: cap.id } : null)
    if (next) useView.getState().set({ isInspectorOpen: true })
    else focusList(place)
  }
  return { change: begun !== null && begun.capId === cap?.id ? begun.change : null, pick, begin }
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
      <Cut text={leftOutOf(graph)} />
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
