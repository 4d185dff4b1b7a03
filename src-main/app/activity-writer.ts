import type { ActivityBody } from '../contract/session.ts'
import { lastLineOf } from '../domain/session/last-line.ts'
import { isEnded } from '../domain/session/project.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { NewActivity } from '../store/activities.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import { cleanValue, type Mask } from './clean.ts'
import { createTextGuard, type TextGuard } from './text-guard.ts'

/** Items are stored after this long, or as soon as this many wait. */
const batchMs = 25
const batchSize = 100
/** While nothing can be stored (disk full), at most this many wait; more are counted and let go. */
const mostWaiting = 20_000
const retryMs = 1000
/** Text that is held back for a possible secret is given out after this long, if it is short. */
const holdMs = 1500
/** Pieces of one message are joined up to this length. */
const longestJoined = 8000

interface Said {
  pending: NewActivity[]
  readonly guard: TextGuard
  /** The message that is being written, for the last line. */
  message: { id: string; text: string }
  lastLine: string | null
  heardAtMs: number
  isHoldTimed: boolean
  lost: number
}

export interface WriterParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly bus: Bus
  readonly mask: Mask
}

function newSaid(mask: Mask): Said {
  return {
    pending: [],
    guard: createTextGuard(mask),
    message: { id: '', text: '' },
    lastLine: null,
    heardAtMs: 0,
    isHoldTimed: false,
    lost: 0,
  }
}

function noteLine(entry: Said, body: ActivityBody): void {
  if (body.kind === 'response' || body.kind === 'thought') {
    const before = entry.message.id === body.messageId ? entry.message.text : ''
    entry.message = { id: body.messageId, text: (before + body.text).slice(-400) }
    entry.lastLine = lastLineOf({ ...body, text: entry.message.text }) ?? entry.lastLine
  } else {
    entry.lastLine = lastLineOf(body) ?? entry.lastLine
  }
}

/** Pieces of one message that wait together become one; true when it was joined. */
function joinLast(pending: NewActivity[], body: ActivityBody): boolean {
  const last = pending.at(-1)
  if (!last || (body.kind !== 'response' && body.kind !== 'thought')) return false
  const before = last.body
  if (before.kind !== body.kind || before.messageId !== body.messageId) return false
  if (before.text.length + body.text.length > longestJoined) return false
  pending[pending.length - 1] = { atMs: last.atMs, body: { ...before, text: before.text + body.text } }
  return true
}

function withLost(entry: Said, atMs: number): readonly NewActivity[] {
  if (entry.lost === 0) return entry.pending
  const text = `${entry.lost} activities could not be stored and are lost.`
  return [...entry.pending, { atMs, body: { kind: 'error', text } }]
}

/** Stores what sessions say, in order and in batches, without secrets. */
export function createActivityWriter({ store, clock, log, bus, mask }: WriterParts) {
  const said = new Map<string, Said>()
  let waiting = 0
  let cancelTimer: (() => void) | undefined

  const push = (entry: Said, body: ActivityBody): void => {
    noteLine(entry, body)
    if (joinLast(entry.pending, body)) return
    if (waiting >= mostWaiting) {
      entry.lost += 1
      return
    }
    entry.pending.push({ atMs: clock.nowMs(), body })
    waiting += 1
  }
  const flush = (): void => {
    cancelTimer?.()
    cancelTimer = undefined
    if (waiting === 0) return
    try {
      store.transact(() => {
        for (const [sessionId, entry] of said)
          if (entry.pending.length > 0)
            store.activities.append(sessionId, withLost(entry, clock.nowMs()), entry.lastLine)
      })
    } catch (error) {
      log.error('activities could not be stored yet', { waiting, error })
      cancelTimer = clock.after(retryMs, flush)
      return
    }
    waiting = 0
    for (const entry of said.values()) {
      entry.pending = []
      entry.lost = 0
    }
    bus.ringRows()
  }
  const schedule = (): void => {
    if (waiting === 0) return
    if (waiting >= batchSize && waiting < mostWaiting / 2) flush()
    else cancelTimer ??= clock.after(batchMs, flush)
  }
  const hold = (entry: Said): void => {
    if (entry.isHoldTimed || !entry.guard.holds()) return
    entry.isHoldTimed = true
    clock.after(holdMs, () => {
      entry.isHoldTimed = false
      if (clock.nowMs() - entry.heardAtMs < holdMs) return hold(entry)
      for (const piece of entry.guard.pause()) push(entry, piece)
      schedule()
    })
  }
  const take = (entry: Said, body: ActivityBody): void => {
    entry.heardAtMs = clock.nowMs()
    if (body.kind === 'response' || body.kind === 'thought') {
      for (const piece of entry.guard.add(body)) push(entry, piece)
      hold(entry)
      return
    }
    for (const piece of entry.guard.end()) push(entry, piece)
    push(entry, cleanValue(body, mask))
  }
  return {
    /** Takes one activity; it is on the disk soon after. Of an ended session nothing is taken any more. */
    append(sessionId: string, body: ActivityBody): void {
      const state = store.sessions.read(sessionId)
      if (!state || isEnded(state.row)) return
      const entry = said.get(sessionId) ?? newSaid(mask)
      said.set(sessionId, entry)
      take(entry, body)
      schedule()
    },
    flush,
    /** Stores the rest of a session; count and digest for its end. */
    seal(sessionId: string): { readonly count: number; readonly digest: string } {
      const entry = said.get(sessionId)
      if (entry) for (const piece of entry.guard.end()) push(entry, piece)
      flush()
      if (waiting === 0) said.delete(sessionId)
      return store.activities.head(sessionId)
    },
    /** Stores everything that is still held. */
    close(): void {
      for (const entry of said.values()) for (const piece of entry.guard.end()) push(entry, piece)
      flush()
      cancelTimer?.()
    },
  }
}

export type ActivityWriter = ReturnType<typeof createActivityWriter>
