import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useId, useRef } from 'react'
import { formatInstant } from '../../format/duration.ts'
import { shortHash } from '../../format/visible-text.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { actorWord, knotOf } from './audit.model.ts'

const rowHeight = 30

/** Entries as a column of knots: a green line as far as it was recomputed and holds, a gap where it does not. */
export function EntryRail(props: {
  entries: readonly AuditEntry[]
  report: AuditReport | undefined
  active: number | null
  total: number
  onPick: (sequence: number) => void
}) {
  const { entries, active } = props
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 15,
  })
  const at = entries.findIndex((one) => one.sequence === active)
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' })
  }, [at, virtual])
  useEffect(() => scroller.current?.focus({ preventScroll: true }), [])
  return (
    <div
      className="knots"
      ref={scroller}
      role="listbox"
      tabIndex={0}
      aria-label="Entries"
      aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
      onKeyDown={(event) => pickByKey(event, entries, at, props.onPick)}
    >
      <div className="knots-body" role="presentation" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const entry = entries[item.index]
          if (!entry) return null
          const place = {
            top: item.start,
            isFirst: item.index === 0,
            isLast: item.index === entries.length - 1,
          }
          return (
            <EntryRow
              key={entry.sequence}
              id={`${id}-${item.index}`}
              entry={entry}
              knot={knotOf(entry.sequence, props.report)}
              isActive={entry.sequence === active}
              onPick={props.onPick}
              {...place}
            />
          )
        })}
      </div>
      <NotShown count={props.total - entries.length} />
    </div>
  )
}

function NotShown(props: { count: number }) {
  if (props.count <= 0) return null
  return <p className="faint small knots-more">{props.count} more entries are not shown here.</p>
}

function pickByKey(
  event: KeyboardEvent,
  entries: readonly AuditEntry[],
  at: number,
  onPick: (sequence: number) => void,
): void {
  const next = entryAfter(entries, at, event.key)
  if (!next) return
  event.preventDefault()
  onPick(next.sequence)
}

function entryAfter(entries: readonly AuditEntry[], at: number, key: string): AuditEntry | undefined {
  const all = entries.length
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: 15,
    PageUp: -15,
    Home: -all,
    End: all,
  }
  const by = steps[key]
  return by === undefined ? undefined : entries[Math.max(0, Math.min(all - 1, at + by))]
}

const tones = { plain: '', caution: 'caution-text', danger: 'danger-text' } as const

function EntryRow(props: {
  id: string
  entry: AuditEntry
  top: number
  knot: 'clear' | 'danger' | 'open'
  isActive: boolean
  isFirst: boolean
  isLast: boolean
  onPick: (sequence: number) => void
}) {
  const { entry, knot } = props
  const ends = `${props.isFirst ? ' first' : ''}${props.isLast ? ' last' : ''}`
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are served by the list, which holds the focus
    <div
      id={props.id}
      role="option"
      tabIndex={-1}
      aria-selected={props.isActive}
      className={`knot-row ${knot}${ends}`}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onPick(entry.sequence)}
    >
      <svg className="knot" width="14" height={rowHeight} aria-hidden="true">
        <path className="knot-line" d={`M7 ${props.isFirst ? 15 : 0}V${props.isLast ? 15 : rowHeight}`} />
        <circle cx="7" cy="15" r="4" />
        <circle className="dot" cx="7" cy="15" r="1.5" />
      </svg>
      <span className="knot-cells">
        <span className="faint num">{entry.sequence}</span>
        <span className={`cut ${tones[entry.tone]}`}>{entry.eventKind}</span>
        <span className="muted cut">{actorWord(entry.actorId)}</span>
        <span className="cut">
          <Foreign text={entry.summary} max={240} />
        </span>
        <span className="muted small num">{formatInstant(entry.occurredAt)}</span>
        <span className="faint mono small">{shortHash(entry.entryHash)}</span>
        <span
          className={`small ${knot === 'clear' ? 'clear-text' : knot === 'danger' ? 'danger-text' : 'faint'}`}
        >
          {knot === 'clear' ? 'linked' : knot === 'danger' ? 'broken' : ''}
          {knot === 'open' && <span className="unseen">not checked</span>}
        </span>
      </span>
    </div>
  )
}
