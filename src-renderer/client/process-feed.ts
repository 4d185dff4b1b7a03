import type { SignalboxContract } from '@contract/index.ts'
import type { OutputOf } from '@contract/procedure.ts'
import type { ProcessRow } from '@contract/process.ts'
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useClient } from './access.tsx'
import { type Problem, problemOf } from './error-texts.ts'
import { keyOf } from './query-options.ts'

type Sample = OutputOf<SignalboxContract['process']['watch']>

/** One point of a process's speed: reductions per second from `atMs` until the next point. */
export interface RatePoint {
  readonly atMs: number
  readonly rate: number
}

/** The live processes as of the last sample. Rows that did not change keep their identity. */
export interface ProcessTable {
  readonly atMs: number
  readonly rows: ReadonlyMap<number, ProcessRow>
  /** Speed over the last minutes by pid, only where it changed; the arrays are added to in place. */
  readonly rates: ReadonlyMap<number, RatePoint[]>
}

/** How far back the speed of a process is kept. */
export const rateSpanMs = 180_000

/** Applies one sample: the first, or one after a break, is whole; others say what changed and what went. */
export function applySample(before: ProcessTable | undefined, sample: Sample): ProcessTable {
  const isFresh = sample.isWhole || !before
  const rows = new Map(isFresh ? [] : before.rows)
  for (const row of sample.changed) rows.set(row.pid, row)
  for (const pid of sample.gone) rows.delete(pid)
  return { atMs: sample.atMs, rows, rates: addRates(before?.rates, rows, sample) }
}

/** The speeds are one structure that grows in place: copying ten thousand of them each second would cost more than drawing. */
function addRates(
  before: ReadonlyMap<number, RatePoint[]> | undefined,
  rows: ReadonlyMap<number, ProcessRow>,
  sample: Sample,
): ReadonlyMap<number, RatePoint[]> {
  const rates = before instanceof Map ? (before as Map<number, RatePoint[]>) : new Map<number, RatePoint[]>()
  for (const { pid, reductionsPerSecond } of sample.changed) {
    if (reductionsPerSecond === null) continue
    const points = rates.get(pid) ?? []
    const last = points.at(-1)
    if (last?.rate !== reductionsPerSecond) points.push({ atMs: sample.atMs, rate: reductionsPerSecond })
    while (points[1] && points[1].atMs < sample.atMs - rateSpanMs) points.shift()
    rates.set(pid, points)
  }
  if (sample.isWhole || sample.gone.length > 0)
    for (const pid of rates.keys()) if (!rows.has(pid)) rates.delete(pid)
  return rates
}

/** Follows the processes of all sessions, or of one. */
export function useProcesses(sessionId?: string): {
  table: ProcessTable | undefined
  problem: Problem | null
  retry: () => void
} {
  const client = useClient()
  const queries = useQueryClient()
  const [problem, setProblem] = useState<Problem | null>(null)
  const [attempt, setAttempt] = useState(0)
  const input = sessionId === undefined ? {} : { sessionId }
  const query = useQuery<ProcessTable>({
    queryKey: keyOf('process', 'watch', input),
    queryFn: skipToken,
    structuralSharing: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt opens the stream again
  useEffect(() => {
    if (!client) return
    const controller = new AbortController()
    const wanted = sessionId === undefined ? {} : { sessionId }
    const key = keyOf('process', 'watch', wanted)
    const read = async () => {
      for await (const sample of client.process.watch(wanted, { signal: controller.signal })) {
        if (controller.signal.aborted) return
        setProblem(null)
        queries.setQueryData<ProcessTable>(key, (before) => applySample(before, sample))
      }
    }
    read().catch((error: unknown) => {
      if (!controller.signal.aborted) setProblem(problemOf(error))
    })
    return () => controller.abort()
  }, [client, queries, sessionId, attempt])
  return { table: query.data, problem, retry: () => setAttempt((count) => count + 1) }
}
