import { useCallback, useRef, useState } from 'react'
import { type RowWindow, useRowWindow } from '../../client/row-window.ts'
import { useRead } from '../../client/use-read.ts'
import type { FleetGroup, FleetSort, FleetView } from '../../stores/view.ts'
import { wholeListMax, windowStart } from './fleet.model.ts'

export function useOverviewCounts() {
  return useRead('fleet', 'overview', {})
}

export function useSession(sessionId: string | null) {
  return useRead(
    'session',
    'get',
    { sessionId: sessionId ?? '' },
    { isEnabled: sessionId !== null, keepsPrevious: true },
  )
}

export function useChanges(sessionId: string, isEnabled: boolean) {
  return useRead('workarea', 'changes', { sessionId }, { isEnabled })
}

/**
 * The list by windows: `rowAt` finds a row in the current window, or in the one before while the next is on its way, so
 * that scrolling shows no holes. `follow` is told what is in sight.
 */
export function useFleetRows(filter: { view: FleetView; group: FleetGroup; sort: FleetSort; text: string }) {
  const [from, setFrom] = useState(0)
  const filterText = JSON.stringify(filter)
  const previous = useRef<{ filterText: string; window: RowWindow } | null>(null)
  const latest = useRef<{ filterText: string; window: RowWindow } | null>(null)
  const { window, problem, retry } = useRowWindow({ ...filter, from, count: wholeListMax })
  if (window && latest.current?.window !== window) {
    if (latest.current && latest.current.window.from !== window.from) previous.current = latest.current
    latest.current = { filterText, window }
  }
  const before = previous.current?.filterText === filterText ? previous.current.window : undefined
  const shown = window ?? (latest.current?.filterText === filterText ? latest.current.window : undefined)
  const total = shown?.total ?? 0
  const follow = useCallback(
    (first: number, last: number) =>
      setFrom((current) => windowStart(current, first, last, total, wholeListMax)),
    [total],
  )
  const rowAt = (index: number) => shown?.rows[index - shown.from] ?? before?.rows[index - before.from]
  return { rows: shown?.rows ?? [], total, isLoaded: shown !== undefined, problem, retry, rowAt, follow }
}
