import type { SignalboxContract } from '../contract/index.ts'
import type { OutputOf } from '../contract/procedure.ts'
import type { ProcessRow, ResourceUse } from '../contract/process.ts'
import type { ProcessSample } from './kernel-powers.ts'

export type WatchItem = OutputOf<SignalboxContract['process']['watch']>

/** Rows of one item, so that neither side is held up by writing or reading it. */
const rowsPerItem = 500

/** Rows sent in one sample for nothing but their running time and memory. The others follow in turn: a tick is no news. */
const ticksPerSample = 200

interface Sent {
  readonly row: ProcessRow
  /** When it was last seen, and in which sample. */
  atMs: number
  round: number
}

/**
 * What differs from one sample to the next. Feed it the rows of a sample as they come, then end it: the first gives all
 * rows, later ones those that changed, with the pids that went.
 */
export function createProcessDeltas() {
  const sent = new Map<number, Sent>()
  let round = 0
  let changed: ProcessRow[] = []
  let ticked: Sent[] = []
  let tickFrom = 0
  const keep = (row: ProcessRow, atMs: number): Sent => {
    const now = { row, atMs, round }
    sent.set(row.pid, now)
    return now
  }
  return {
    add(sample: ProcessSample, sessionTitle: string | null, atMs: number): void {
      const before = sent.get(sample.pid)
      const row: ProcessRow = {
        ...sample,
        sessionTitle,
        reductionsPerSecond: before ? rateOf(before, sample, atMs) : null,
      }
      if (!before || isNews(before.row, row)) {
        changed.push(row)
        keep(row, atMs)
        return
      }
      before.round = round
      before.atMs = atMs
      if (isTicked(before.row, row)) ticked.push({ row, atMs, round })
    },
    /** Ends a sample and begins the next. */
    *end(atMs: number): Generator<WatchItem> {
      for (const tick of turn(ticked, tickFrom)) {
        sent.set(tick.row.pid, tick)
        changed.push(tick.row)
      }
      tickFrom += ticksPerSample
      const gone: number[] = []
      for (const [pid, one] of sent) if (one.round !== round) gone.push(pid)
      for (const pid of gone) sent.delete(pid)
      const rows = changed
      const isFirst = round === 0
      changed = []
      ticked = []
      round += 1
      for (let from = 0; from === 0 || from < rows.length; from += rowsPerItem) {
        const isStart = from === 0
        yield {
          atMs,
          isWhole: isFirst && isStart,
          changed: rows.slice(from, from + rowsPerItem),
          gone: isStart ? gone : [],
        }
      }
    },
  }
}

/** The part of a list whose turn it is. */
function turn<T>(list: readonly T[], from: number): readonly T[] {
  if (list.length <= ticksPerSample) return list
  const start = from % list.length
  const first = list.slice(start, start + ticksPerSample)
  return [...first, ...list.slice(0, ticksPerSample - first.length)]
}

function rateOf(before: Sent, sample: ProcessSample, atMs: number): number {
  const seconds = (atMs - before.atMs) / 1000
  return seconds <= 0 ? 0 : Math.max(0, Math.round((sample.reductions - before.row.reductions) / seconds))
}

/** What changes of itself all the time. A program's processor time is news already: it is charged as reductions. */
function isTicked(a: ProcessRow, b: ProcessRow): boolean {
  return (
    !isSameUse(a.use.wallMs, b.use.wallMs) ||
    a.program?.memoryBytes !== b.program?.memoryBytes ||
    a.program?.cpuMs !== b.program?.cpuMs
  )
}

/** True when anything but the running time and the memory of a program differs. */
function isNews(a: ProcessRow, b: ProcessRow): boolean {
  const isSame =
    a.state === b.state &&
    a.waitingOn === b.waitingOn &&
    a.reductions === b.reductions &&
    (a.reductionsPerSecond ?? 0) === (b.reductionsPerSecond ?? 0) &&
    a.mailbox === b.mailbox &&
    a.sendersParked === b.sendersParked &&
    a.priority === b.priority &&
    a.parent === b.parent &&
    a.deadlineAtMs === b.deadlineAtMs &&
    a.residentTokens === b.residentTokens &&
    a.swapTokens === b.swapTokens &&
    a.caps === b.caps &&
    a.use.wallMs.limit === b.use.wallMs.limit &&
    isSameUse(a.use.tokens, b.use.tokens) &&
    isSameUse(a.use.usdNanos, b.use.usdNanos) &&
    isSameUse(a.use.toolCalls, b.use.toolCalls) &&
    isSameUse(a.use.mem, b.use.mem) &&
    isSameUse(a.use.children, b.use.children)
  return !isSame
}

function isSameUse(a: ResourceUse, b: ResourceUse): boolean {
  return a.spent === b.spent && a.limit === b.limit && a.available === b.available
}
