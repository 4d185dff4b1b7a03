import type { SessionRow } from '@contract/session.ts'
import { type Lamp, lampOf } from '../../client/lamp.ts'
import { isLive, isOpen } from '../../client/session-state.ts'
import { formatUsd, plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import type { FleetGroup } from '../../stores/view.ts'
import type { GridItem } from '../../ui/DataGrid.tsx'

/** A row with what every cell needs computed once. `nowMs` stands still for rows that ended, so that they do not redraw. */
export interface FleetRow {
  readonly row: SessionRow
  readonly lamp: Lamp
  readonly nowMs: number
  /** The time itself, for ages. */
  readonly clockMs: number
}

/** The largest list that is held whole, and so can be drawn in groups. */
export const wholeListMax = 500

export function toFleetRow(row: SessionRow, nowMs: number): FleetRow {
  return {
    row,
    lamp: lampOf(row),
    clockMs: nowMs,
    nowMs: isOpen(row) || isLive(row) ? nowMs : (row.endedAtMs ?? nowMs),
  }
}

function groupNameOf(row: SessionRow, group: FleetGroup): string {
  switch (group) {
    case 'project':
      return row.projectName
    case 'agent':
      return row.agent
    case 'state':
      return lampOf(row).word
    case 'none':
      return ''
  }
}

/** What a group's line says beside its name: only what its rows show. */
export function groupFacts(rows: readonly SessionRow[]): { facts: string; end: string } {
  const count = (test: (row: SessionRow) => boolean) => rows.filter(test).length
  const parts = [
    [count((row) => row.status === 'working'), 'working'],
    [count((row) => row.openAsks > 0), 'need you'],
    [count((row) => lampOf(row).word === 'review'), 'to review'],
    [count((row) => row.status === 'queued'), 'queued'],
    [count((row) => row.status === 'failed'), 'failed'],
  ] as const
  const known = rows.flatMap((row) => (row.usage.costUsdNanos === null ? [] : [row.usage.costUsdNanos]))
  const spent = known.reduce((sum, one) => sum + one, 0)
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`)
  return {
    facts: [plural(rows.length, 'session'), ...said].join(' · '),
    end: known.length > 0 ? formatUsd(spent) : '',
  }
}

/** Makes fleet rows, the same one for the same row and moment, so that a row that did not change is not drawn again. */
export function createRowMaker(nowMs: number): (row: SessionRow) => FleetRow {
  const made = new WeakMap<SessionRow, FleetRow>()
  return (row) => {
    const known = made.get(row)
    if (known) return known
    const fresh = toFleetRow(row, nowMs)
    made.set(row, fresh)
    return fresh
  }
}

/** Rows in the daemon's order, cut into groups where neighbours differ. */
export function arrange(
  rows: readonly SessionRow[],
  group: FleetGroup,
  make: (row: SessionRow) => FleetRow,
): readonly GridItem<FleetRow>[] {
  const asItem = (row: SessionRow): GridItem<FleetRow> => ({
    kind: 'row',
    key: row.id,
    row: make(row),
  })
  if (group === 'none') return rows.map(asItem)
  const groups = new Map<string, SessionRow[]>()
  for (const row of rows) {
    const name = groupNameOf(row, group)
    const there = groups.get(name)
    if (there) there.push(row)
    else groups.set(name, [row])
  }
  return [...groups].flatMap(([name, inGroup]) => [
    { kind: 'group' as const, key: `group ${name}`, title: visibleLine(name), ...groupFacts(inGroup) },
    ...inGroup.map(asItem),
  ])
}

/** First row of the window to read so that rows `first` to `last` lie well inside it. */
export function windowStart(
  current: number,
  first: number,
  last: number,
  total: number,
  size: number,
): number {
  if (total <= size) return 0
  const margin = 60
  const isInside = (first >= current + margin || current === 0) && last <= current + size - margin
  if (isInside || (last < current + size && current + size >= total && first >= current + margin))
    return current
  const middle = Math.floor((first + last) / 2)
  const start = Math.round((middle - size / 2) / 100) * 100
  return Math.max(0, Math.min(total - 1, start))
}

/** A row as a sentence, for those who hear it. */
export function describeRow({ row, lamp }: FleetRow): string {
  const parts = [visibleLine(row.title), lamp.word, row.agent, visibleLine(row.projectName)]
  if (row.usage.costUsdNanos !== null) parts.push(formatUsd(row.usage.costUsdNanos))
  if (row.changes) parts.push(plural(row.changes.files, 'file'))
  return parts.join(', ')
}

/** Next row after `active` that needs a person, around the end; null when none does. */
export function nextAttention(rows: readonly SessionRow[], active: string | null): string | null {
  const at = rows.findIndex((row) => row.id === active)
  for (let step = 1; step <= rows.length; step += 1) {
    const row = rows[(at + step + rows.length) % rows.length]
    if (row && (row.openAsks > 0 || ['danger', 'accent'].includes(lampOf(row).tone))) return row.id
  }
  return null
}

/** Ids from `from` to `to` in list order, for picking a range. */
export function rangeBetween(
  rows: readonly SessionRow[],
  from: string | null,
  to: string,
): readonly string[] {
  const start = rows.findIndex((row) => row.id === from)
  const end = rows.findIndex((row) => row.id === to)
  if (start < 0 || end < 0) return [to]
  return rows.slice(Math.min(start, end), Math.max(start, end) + 1).map((row) => row.id)
}
