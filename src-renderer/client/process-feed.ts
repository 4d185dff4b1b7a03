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
  readonly rates: Map<number, RatePoint[]>
  /** Processor time of programs by pid, as last seen to change; changed in place like the speeds. */
  readonly processor: Map<number, ProcessorMark>
}

/** Processor time of a program when it last changed, and the share of one core since it changed before; null at first. */
interface ProcessorMark {
  readonly atMs: number
  readonly cpuMs: number
  readonly share: number | null
}

/** How far back the speed of a process is kept. */
export const rateSpanMs = 180_000

/** Longest time between two looks of the daemon at a program, with some to spare for when the sample comes by. */
const measuredWithinMs = 3000

/**
 * Applies samples, or the pieces that a long one comes in: the first after a start or a break is whole, others say what
 * changed and what went. The table is copied once for all of them.
 */
export function applySamples(before: ProcessTable | undefined, samples: readonly Sample[]): ProcessTable {
  let rows = new Map(before?.rows)
  let rates = before?.rates
  const processor = before?.processor ?? new Map<number, ProcessorMark>()
  for (const sample of samples) {
    if (sample.isWhole) rows = new Map()
    for (const row of sample.changed) rows.set(row.pid, row)
    for (const pid of sample.gone) rows.delete(pid)
    rates = addRates(rates, sample)
    markProcessor(processor, sample)
  }
  const kept = rates ?? new Map()
  if (samples.some((one) => one.isWhole))
    for (const map of [kept, processor]) for (const pid of map.keys()) if (!rows.has(pid)) map.delete(pid)
  return { atMs: samples.at(-1)?.atMs ?? before?.atMs ?? 0, rows, rates: kept, processor }
}

function markProcessor(marks: Map<number, ProcessorMark>, { atMs, changed, gone }: Sample): void {
  for (const { pid, program } of changed) {
    if (!program) continue
    const before = marks.get(pid)
    const { cpuMs } = program
    if (before?.cpuMs === cpuMs) continue
    // What stood still for longer than a look takes began to run after the last look that found nothing.
    const spanMs = before ? Math.min(atMs - before.atMs, measuredWithinMs) : 0
    const share = before && spanMs > 0 ? Math.max(0, (cpuMs - before.cpuMs) / spanMs) : null
    marks.set(pid, { atMs, cpuMs, share })
  }
  for (const pid of gone) marks.delete(pid)
}

/** Share of one core that a process's program uses now, above 1 when it uses several; null when that is not known. */
export function processorShare(table: ProcessTable, pid: number): number | null {
  const mark = table.processor.get(pid)
  if (!mark) return null
  return table.atMs - mark.atMs > measuredWithinMs ? 0 : mark.share
}

/** The speeds are one structure that grows in place: copying ten thousand of them each second would cost more than drawing. */
function addRates(before: Map<number, RatePoint[]> | undefined, sample: Sample): Map<number, RatePoint[]> {
  const rates = before ?? new Map<number, RatePoint[]>()
  for (const { pid, reductionsPerSecond } of sample.changed) {
    if (reductionsPerSecond === null) continue
    const points = rates.get(pid) ?? []
    if (points.at(-1)?.rate !== reductionsPerSecond)
      points.push({ atMs: sample.atMs, rate: reductionsPerSecond })
    while (points[1] && points[1].atMs < sample.atMs - rateSpanMs) points.shift()
    rates.set(pid, points)
  }
  for (const pid of sample.gone) rates.delete(pid)
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
    let waiting: Sample[] = []
    let frame = 0
    // A long sample comes in pieces; the page hears of them once per frame.
    const flush = () => {
      frame = 0
      const samples = waiting
      waiting = []
      setProblem(null)
      queries.setQueryData<ProcessTable>(key, (before) => applySamples(before, samples))
    }
    const read = async () => {
      for await (const sample of client.process.watch(wanted, { signal: controller.signal })) {
        if (controller.signal.aborted) return
        waiting.push(sample)
        frame ||= requestAnimationFrame(flush)
      }
    }
    read().catch((error: unknown) => {
      if (!controller.signal.aborted) setProblem(problemOf(error))
    })
    return () => {
      controller.abort()
      cancelAnimationFrame(frame)
    }
  }, [client, queries, sessionId, attempt])
  return { table: query.data, problem, retry: () => setAttempt((count) => count + 1) }
}
