import type { SignalboxContract } from '@contract/index.ts'
import type { InputOf, OutputOf } from '@contract/procedure.ts'
import type { SessionRow } from '@contract/session.ts'
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useClient } from './access.tsx'
import { type Problem, problemOf } from './error-texts.ts'
import { keyOf } from './query-options.ts'

export type RowWindowInput = InputOf<SignalboxContract['fleet']['rows']>
type RowItem = OutputOf<SignalboxContract['fleet']['rows']>

/** Part of a long list as it stands now. `rows[i]` is the row at `from + i`. */
export interface RowWindow {
  readonly total: number
  readonly from: number
  readonly rows: readonly SessionRow[]
}

/** Applies one item of the `rows` stream: rows that did not change keep their identity, so that they draw nothing. */
export function applyRows(before: RowWindow | undefined, item: RowItem, from: number): RowWindow {
  const known = new Map<string, SessionRow>(before?.rows.map((row) => [row.id, row]))
  for (const row of item.changed) known.set(row.id, row)
  const rows = item.order.map((id) => known.get(id)).filter((row) => row !== undefined)
  return { total: item.total, from, rows }
}

/** Follows a window of the session list; `window` is undefined until its first item came. */
export function useRowWindow(input: RowWindowInput): {
  window: RowWindow | undefined
  problem: Problem | null
  retry: () => void
} {
  const client = useClient()
  const queries = useQueryClient()
  const [problem, setProblem] = useState<Problem | null>(null)
  const [attempt, setAttempt] = useState(0)
  const text = JSON.stringify(input)
  const query = useQuery<RowWindow>({
    queryKey: keyOf('fleet', 'rows', input),
    queryFn: skipToken,
    structuralSharing: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt opens the stream again
  useEffect(() => {
    if (!client) return
    const controller = new AbortController()
    const wanted = JSON.parse(text) as RowWindowInput
    const key = keyOf('fleet', 'rows', wanted)
    const read = async () => {
      let pieces: SessionRow[] = []
      for await (const item of client.fleet.rows(wanted, { signal: controller.signal })) {
        if (controller.signal.aborted) return
        pieces.push(...item.changed)
        if (item.isMore) continue
        const whole = { ...item, changed: pieces }
        pieces = []
        setProblem(null)
        queries.setQueryData<RowWindow>(key, (before) => applyRows(before, whole, wanted.from ?? 0))
      }
    }
    read().catch((error: unknown) => {
      if (!controller.signal.aborted) setProblem(problemOf(error))
    })
    return () => controller.abort()
  }, [client, queries, text, attempt])
  return { window: query.data, problem, retry: () => setAttempt((count) => count + 1) }
}
