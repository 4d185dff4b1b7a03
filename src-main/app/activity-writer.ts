import type { ActivityBody } from '../contract/activity.ts'
import { lastLineOf } from '../domain/session/last-line.ts'
import { isEnded } from '../domain/session/project.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { NewActivity } from '../store/activities.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import { cleanValue, type Mask } from './clean.ts'
import { createTextGuard, type StreamMask, type TextGuard } from './text-guard.ts'

/** Items are stored after this long, or as soon as this many wait. */
const batchMs = 25
const batchSize = 100
/** While nothing can be stored (disk full), at most this many wait; more are counted and let go. */
const mostWaiting = 20_000
const retryMs = 1000
/** Pieces of one message are joined up to this length. */
const longestJoined = 8000

interface Said {
  pending: NewActivity[]
  readonly guard: TextGuard
  /** The message that is being written, for the last line. */
  message: { id: string; text: string }
  lastLine: string | null
  lost: number
}

export interface WriterParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly bus: Bus
  readonly mask: Mask
  /** Masks one message that comes in pieces. */
  readonly openStreamMask: () => StreamMask
}

function newSaid(openStreamMask: () => StreamMask): Said {
  return {
    pending: [],
    guard: createTextGuard(openStreamMask),
    message: { id: '', text: '' },
    lastLine: null,
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

interface WriterState extends WriterParts {
  readonly said: Map<string, Said>
  waiting: number
  cancelTimer: (() => void) | undefined
}

function push(state: WriterState, entry: Said, body: ActivityBody): void {
  noteLine(entry, body)
  if (joinLast(entry.pending, body)) return
  if (state.waiting >= mostWaiting) {
    entry.lost += 1
    return
  }
  entry.pending.push({ atMs: state.clock.nowMs(), body })
  state.waiting += 1
}

function flush(state: WriterState): void {
  const { store, clock, log, said } = state
  state.cancelTimer?.()
  state.cancelTimer = undefined
  if (state.waiting === 0) return
  try {
    store.transact(() => {
      for (const [sessionId, entry] of said)
        if (entry.pending.length > 0)
          store.activities.append(sessionId, withLost(entry, clock.nowMs()), entry.lastLine)
    })
  } catch (error) {
    log.error('activities could not be stored yet', { waiting: state.waiting, error })
    state.cancelTimer = clock.after(retryMs, () => flush(state))
    return
  }
  state.waiting = 0
  for (const entry of said.values()) {
    entry.pending = []
    entry.lost = 0
  }
  state.bus.ringRows()
}

function schedule(state: WriterState): void {
  if (state.waiting === 0) return
  if (state.waiting >= batchSize && state.waiting < mostWaiting / 2) flush(state)
  else state.cancelTimer ??= state.clock.after(batchMs, () => flush(state))
}

function take(state: WriterState, entry: Said, body: ActivityBody): void {
  if (body.kind === 'response' || body.kind === 'thought') {
    for (const piece of entry.guard.add(body)) push(state, entry, piece)
    return
  }
  for (const piece of entry.guard.end()) push(state, entry, piece)
  push(state, entry, cleanValue(body, state.mask))
}

/** Stores what sessions say, in order and in batches, without secrets. */
export function createActivityWriter(parts: WriterParts) {
  const { store, openStreamMask } = parts
  const state: WriterState = { ...parts, said: new Map(), waiting: 0, cancelTimer: undefined }
  const { said } = state
  return {
    /** Takes one activity; it is on the disk soon after. Of an ended session nothing is taken any more. */
    append(sessionId: string, body: ActivityBody): void {
      const session = store.sessions.read(sessionId)
      if (!session || isEnded(session.row)) return
      const entry = said.get(sessionId) ?? newSaid(openStreamMask)
      said.set(sessionId, entry)
      take(state, entry, body)
      schedule(state)
    },
    /** Stores the rest of a session; count and digest for its end. */
    seal(sessionId: string): { readonly count: number; readonly digest: string } {
      const entry = said.get(sessionId)
      if (entry) for (const piece of entry.guard.end()) push(state, entry, piece)
      flush(state)
      if (state.waiting === 0) said.delete(sessionId)
      return store.activities.head(sessionId)
    },
    /** Stores everything that is still held. */
    close(): void {
      for (const entry of said.values()) for (const piece of entry.guard.end()) push(state, entry, piece)
      flush(state)
      state.cancelTimer?.()
    },
  }
}

export type ActivityWriter = ReturnType<typeof createActivityWriter>
