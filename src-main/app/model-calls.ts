import type { ModelCall } from '../contract/process.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { Mask } from './clean.ts'
import { pause } from './waiting.ts'

/** Calls that changed are stored together after this long. */
const batchMs = 500
/** Calls that are kept; older ones go. */
const mostCalls = 50_000
/** How many are written before the oldest are looked for. */
const trimEvery = 500
/** Calls that wait to be stored or read by one watcher; while more come, the oldest of them are let go. */
const mostWaiting = 5000
/** A watcher is given each call at most this often. */
const watchMs = 250
/** Longest text of an upstream's error. */
const longestError = 500

export interface ModelCallParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly mask: Mask
}

const isOpen = ({ state }: ModelCall) => state === 'waiting' || state === 'streaming'

/** The telemetry of model calls: noted as they change, stored in batches, and handed to whoever watches. */
export function createModelCallLog({ store, clock, log, mask }: ModelCallParts) {
  const unwritten = new Map<string, ModelCall>()
  const open = new Map<string, ModelCall>()
  const watchers = new Set<Watcher>()
  let written = 0
  let cancelTimer: (() => void) | undefined
  const write = (): void => {
    cancelTimer = undefined
    const batch = [...unwritten.values()]
    unwritten.clear()
    try {
      store.transact(() => store.modelCalls.put(batch))
      written += batch.length
      if (written >= trimEvery) {
        written = 0
        store.transact(() => store.modelCalls.trim(mostCalls))
      }
    } catch (error) {
      log.warn('model calls could not be stored', { calls: batch.length, error })
    }
  }
  const flush = (): void => {
    cancelTimer?.()
    if (unwritten.size > 0) write()
    cancelTimer = undefined
  }
  return {
    /** A call as it stands now; the same id again replaces it. Errors of upstreams are masked and cut. */
    note(given: ModelCall): void {
      const call = { ...given, error: given.error && mask(given.error).slice(0, longestError).toWellFormed() }
      if (isOpen(call)) open.set(call.id, call)
      else open.delete(call.id)
      hold(unwritten, call)
      for (const watcher of watchers) watcher.add(call)
      cancelTimer ??= clock.after(batchMs, write)
    },
    /** Calls as they change, those under way first, until the signal aborts. */
    watch: (sessionId: string | undefined, signal: AbortSignal) =>
      watch({ clock, watchers, open: [...open.values()] }, sessionId, signal),
    /** Ends what an earlier run left under way: nobody will ever tell what became of it. */
    settleOld(): void {
      const old = store.modelCalls.open().filter((call) => !open.has(call.id))
      const error = 'Signalbox ended during this call.'
      store.transact(() => store.modelCalls.put(old.map((call) => ({ ...call, state: 'aborted', error }))))
    },
    /** Stores what is noted but not stored yet, so that a reader sees it. */
    flush,
    /** Stores the rest; nothing is noted after it. */
    close: flush,
  }
}

export type ModelCallLog = ReturnType<typeof createModelCallLog>

interface Watcher {
  add(call: ModelCall): void
}

/** Puts a call at the end of what waits, in place of what is known of it. */
function hold(waiting: Map<string, ModelCall>, call: ModelCall): void {
  waiting.delete(call.id)
  waiting.set(call.id, call)
  if (waiting.size > mostWaiting) waiting.delete(waiting.keys().next().value ?? '')
}

async function* watch(
  { clock, watchers, open }: { clock: Clock; watchers: Set<Watcher>; open: readonly ModelCall[] },
  sessionId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ModelCall> {
  const waiting = new Map<string, ModelCall>()
  let wake: (() => void) | undefined
  const watcher: Watcher = {
    add(call) {
      if (sessionId !== undefined && call.sessionId !== sessionId) return
      hold(waiting, call)
      wake?.()
    },
  }
  for (const call of open) watcher.add(call)
  watchers.add(watcher)
  const onAbort = () => wake?.()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      const calls = [...waiting.values()]
      waiting.clear()
      yield* calls
      await pause(clock, watchMs, signal)
      if (waiting.size > 0 || signal.aborted) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      wake = undefined
    }
  } finally {
    watchers.delete(watcher)
    signal.removeEventListener('abort', onAbort)
  }
}
