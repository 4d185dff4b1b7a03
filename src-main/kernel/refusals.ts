import type { Core } from './core.ts'
import type { RefusalReason } from './host-events.ts'
import type { Pid } from './ids.ts'
import type { Process } from './process.ts'

/** Attempts on one device that a process was refused; only the last is kept in words. */
export interface Refusal {
  count: number
  what: string
  reason: RefusalReason
  /** Kernel ms. */
  lastAt: number
}

/** Refused attempts as the console sees them. */
export interface RefusalRow extends Readonly<Omit<Refusal, 'lastAt'>> {
  readonly pid: Pid
  readonly processName: string
  readonly device: string
  readonly lastAtMs: number
}

/** Distinct refused names counted per process; the rest share one counter. */
const MAX_REFUSED_NAMES = 256
const OTHER_NAMES = '*'
/** Longest kept text of an attempt; an agent chooses it. */
const LONGEST_WHAT = 1000

/** Counts a refused attempt, and tells the host of the 1st, 2nd, 4th, 8th … on a device. */
export function noteRefusal(
  core: Core,
  process: Process,
  device: string,
  reason: RefusalReason,
  what: string,
): void {
  process.refusals ??= new Map()
  const known = process.refusals.has(device) || process.refusals.size < MAX_REFUSED_NAMES
  const key = known ? device : OTHER_NAMES
  const count = (process.refusals.get(key)?.count ?? 0) + 1
  process.refusals.set(key, { count, what: what.slice(0, LONGEST_WHAT), reason, lastAt: core.clock.now() })
  core.metrics.add('syscall_errors_total', 1, 'door', 'ECAP')
  // Powers of two only: an agent that knocks a million times makes twenty facts.
  if ((count & (count - 1)) === 0) {
    core.host.emit({ type: 'capability.refused', pid: process.pid, device: key, what, reason, count })
  }
}

/** What a process was refused, one row per device. */
export function refusalsOf(process: Process): RefusalRow[] {
  return Array.from(process.refusals ?? [], ([device, { lastAt, ...refusal }]) => ({
    pid: process.pid,
    processName: process.name,
    device,
    ...refusal,
    lastAtMs: lastAt,
  }))
}
