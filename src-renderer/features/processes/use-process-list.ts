import type { ProcessRow } from '@contract/process.ts'
import { type RefObject, useMemo, useState } from 'react'
import { type ProcessTable, processorShare } from '../../client/process-feed.ts'
import { plural } from '../../format/amounts.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import type { GridItem } from '../../ui/DataGrid.tsx'
import { useHeld, usePointerOver, useRecentKey } from '../../ui/use-held.ts'
import { arrange, createViewMaker, type Place, type ProcessView } from './processes.model.ts'

/** How often the order follows what it is sorted by. */
const orderMs = 2000

export interface ProcessList {
  readonly count: number
  readonly itemAt: (index: number) => GridItem<ProcessView>
  readonly places: readonly Place[]
  /** The row of a pid, live or as it was last seen while the order is held. */
  readonly rowOf: (pid: number | null) => ProcessRow | undefined
  readonly isGone: (pid: number) => boolean
  /** False for what the filter or a fold hides. */
  readonly isShown: (pid: number) => boolean
  /** Why the list stands still although something changed; empty while it does not. */
  readonly held: string
}

/** The list as it is drawn: live values in an order that does not move while a hand is on it. */
export function useProcessList(
  table: ProcessTable | undefined,
  place: RefObject<HTMLElement | null>,
  isEditing: boolean,
): ProcessList {
  const { isTree, sort, isDescending, text, state, folded } = useKernelView((view) => view.processes)
  const [make] = useState(createViewMaker)
  const filter = useMemo(
    () => ({ isTree, sort, isDescending, text, state, folded }),
    [isTree, sort, isDescending, text, state, folded],
  )
  const isOver = usePointerOver(place)
  const isRecent = useRecentKey(place)
  const isHeld = isOver || isRecent || isEditing
  const rows = table?.rows ?? noRows
  const shown = useHeld({
    arrange: () => {
      const places = arrange(rows, filter)
      return { places, pids: new Set(places.map(({ pid }) => pid)), rows }
    },
    of: filter,
    version: table,
    isHeld,
    everyMs: orderMs,
    // The first sample comes in pieces.
    isOutdated: (kept) => rows.size > kept.rows.size * 1.2 + 1,
  })
  const rowOf = (pid: number | null) => (pid === null ? undefined : (rows.get(pid) ?? shown.rows.get(pid)))
  const itemAt = (index: number): GridItem<ProcessView> => {
    const at = shown.places[index]
    const row = at && rowOf(at.pid)
    if (!at || !row) return { kind: 'waiting', key: `w${index}` }
    const cpu = table ? processorShare(table, at.pid) : null
    return { kind: 'row', key: String(at.pid), row: make(at, { row, isGone: !rows.has(at.pid), cpu }) }
  }
  return {
    count: shown.places.length,
    places: shown.places,
    itemAt,
    rowOf,
    isGone: (pid) => !rows.has(pid),
    isShown: (pid) => shown.pids.has(pid),
    held: isHeld ? heldText(shown.rows, rows) : '',
  }
}

const noRows: ReadonlyMap<number, ProcessRow> = new Map()

function heldText(before: ReadonlyMap<number, ProcessRow>, now: ReadonlyMap<number, ProcessRow>): string {
  if (before === now) return 'order held'
  let added = 0
  for (const pid of now.keys()) if (!before.has(pid)) added += 1
  let gone = 0
  for (const pid of before.keys()) if (!now.has(pid)) gone += 1
  return [
    'order held',
    added > 0 ? `${added} new` : '',
    gone > 0 ? `${plural(gone, 'process', 'processes')} ended` : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}
