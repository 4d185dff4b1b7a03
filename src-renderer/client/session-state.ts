import { lampOf } from '@contract/lamp.ts'
import type { SessionRow } from '@contract/session.ts'

/** What can be done with a session now; each is a command of the contract. */
export interface Possible {
  readonly stop: boolean
  readonly pause: boolean
  readonly resume: boolean
  readonly prompt: boolean
  readonly continue: boolean
  readonly land: boolean
  readonly keep: boolean
  readonly discard: boolean
  readonly undoLand: boolean
}

/** Which acts a session's state allows; the daemon has the last word, this only keeps useless buttons away. */
export function possibleFor(row: SessionRow): Possible {
  const isLive = row.status === 'queued' || row.status === 'parked' || row.status === 'working'
  const isWorking = row.status === 'working' && !row.isStopping
  const isHeld = row.workareaState === 'held' || row.workareaState === 'kept'
  return {
    stop: isLive && !row.isStopping,
    pause: isWorking && !row.isPaused,
    resume: isWorking && row.isPaused,
    prompt: isLive && !row.isStopping,
    continue: !isLive && isHeld,
    land: !isLive && isHeld && row.changes !== null && row.changes.files > 0,
    keep: !isLive && row.workareaState === 'held',
    discard: !isLive && isHeld,
    undoLand: row.workareaState === 'landed',
  }
}

/** True while the session is queued or runs. */
export function isLive(row: SessionRow): boolean {
  return row.status === 'queued' || row.status === 'parked' || row.status === 'working'
}

/** True while time runs in the lit block: the session works, waits, or lies in review. */
export function isOpen(row: SessionRow): boolean {
  return (isLive(row) && !row.isPaused) || (row.phase === 'review' && row.workareaState === 'held')
}

/** What the track needs of a row. A session that ended before review, against a plan, stands at a buffer. */
export function trackOf(row: SessionRow, nowMs: number) {
  const lamp = lampOf(row)
  return {
    blocks: row.track,
    phase: row.phase,
    tone: lamp.tone,
    isMoving: isOpen(row),
    isStopped: row.status === 'failed' || (row.status === 'stopped' && row.workareaState !== 'landed'),
    nowMs,
  }
}

/** Time from start (or arrival) to the end or to now. */
export function elapsedOf(row: SessionRow, nowMs: number): number {
  return Math.max(0, (row.endedAtMs ?? nowMs) - (row.startedAtMs ?? row.createdAtMs))
}

/** Wall time used. While a session moves, what the last report did not yet count is added from the clock. */
export function wallOf(row: SessionRow, nowMs: number): number {
  if (row.usage.wallMs > 0 || row.status !== 'working' || row.startedAtMs === null) return row.usage.wallMs
  return Math.max(0, nowMs - row.startedAtMs)
}
