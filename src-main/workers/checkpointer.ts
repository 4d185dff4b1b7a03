import { Worker } from 'node:worker_threads'
import type { Store } from '../store/store.ts'
import type { CheckpointMode, CheckpointReply } from './checkpoint-thread.ts'

export interface CheckpointerParts {
  readonly store: Pick<Store, 'file' | 'wal'>
  /** Calls back once after so long; what it returns cancels. */
  readonly after: (ms: number, fn: () => void) => () => void
  readonly warn: (message: string, fields: Record<string, unknown>) => void
  readonly limits?: Pick<WalLimits, 'chased' | 'ended'>
}

/** Lengths of the log, in pages of 4 KB. */
interface WalLimits {
  /** From 32 MB on it is copied without a pause until nothing is left: only then it starts anew. */
  readonly chased: number
  /**
   * Under an unbroken load something is always left when a copy is done. From 64 MB on the main thread, where nobody can
   * commit meanwhile, copies that itself as soon as it is little: about two milliseconds of work.
   */
  readonly ended: number
}

const usual: WalLimits = { chased: 8192, ended: 16_384 }
/** Pages that are little enough for that. */
const littleLeft = 64
/** How soon a chase goes on. */
const chaseMs = 10

/** After a commit the log is looked at within this time, and not more often. */
const lookMs = 100
/** Without a commit for so long, what is left is copied too, and a long log is cut off. */
const quietMs = 2000
/** After so many looks without a commit the thread ends: it takes some megabytes. */
const mostQuietLooks = 10
/** Pages that wait to be copied before the thread is asked: 4 MB, as SQLite's own commits do. */
const mostWaiting = 1000
/** Pages of a log that keeps its room on the disk while it is quiet: 16 MB. */
const longLog = 4000

interface State extends Required<CheckpointerParts> {
  thread: Thread | undefined
  /** Resolves when the last thread that was let go has closed its connection. */
  ended: Promise<void>
  cancel: (() => void) | undefined
  /** The next look is one of those while it is quiet. */
  isLong: boolean
  isBusy: boolean
  hasCommitted: boolean
  quietLooks: number
  isClosed: boolean
}

/**
 * Copies the write-ahead log into the database on a thread of its own, so that no commit has to: a copy waits twice for
 * the disk. The thread is there only while there is something to do. If it fails, commits copy again.
 */
export function createCheckpointer(parts: CheckpointerParts) {
  const state: State = {
    ...parts,
    limits: parts.limits ?? usual,
    thread: undefined,
    ended: Promise.resolve(),
    cancel: undefined,
    isLong: false,
    isBusy: false,
    hasCommitted: false,
    quietLooks: 0,
    isClosed: false,
  }
  parts.store.wal.leaveTo(() => {
    state.hasCommitted = true
    if (!state.cancel || state.isLong) schedule(state, lookMs)
  })
  return {
    /** True while the thread runs. */
    isRunning: () => state.thread !== undefined,
    /** Ends the thread and gives the copying back to the commits; the store's own end copies what is left. */
    async close(): Promise<void> {
      stop(state)
      rest(state)
      await state.ended
    },
  }
}

function schedule(state: State, ms: number): void {
  if (state.isClosed || state.isBusy) return
  state.cancel?.()
  state.isLong = ms > lookMs
  state.cancel = state.after(ms, () => {
    state.cancel = undefined
    look(state)
  })
}

/** Asks the thread when there is enough to copy, or when nobody writes and there is anything. */
function look(state: State): void {
  state.quietLooks = state.hasCommitted ? 0 : state.quietLooks + 1
  state.hasCommitted = false
  if (state.quietLooks > mostQuietLooks) {
    rest(state)
    return
  }
  const { pages, copied } = state.store.wal.size()
  const waiting = pages - copied
  const isQuiet = state.quietLooks > 0
  if (waiting > 0 && pages >= state.limits.chased) ask(state, 'CHASE')
  else if (waiting >= mostWaiting || (isQuiet && waiting > 0)) ask(state, 'PASSIVE')
  else if (isQuiet && pages > longLog) ask(state, 'TRUNCATE')
  else if (state.thread) schedule(state, quietMs)
}

function ask(state: State, mode: CheckpointMode): void {
  state.isBusy = true
  state.thread ??= startThread(state.store.file, (reason) => giveUp(state, reason))
  state.thread.ask(mode, (reply) => {
    state.isBusy = false
    if (!reply.ok) state.warn('the journal could not be copied into its file yet', { reason: reply.reason })
    if (mode === 'CHASE') endLong(state)
    const nextMs = mode === 'CHASE' ? chaseMs : lookMs
    schedule(state, reply.ok && state.hasCommitted ? nextMs : quietMs)
  })
}

function endLong({ isClosed, limits, store: { wal } }: State): void {
  if (isClosed) return
  const { pages, copied } = wal.size()
  if (pages >= limits.ended && pages - copied <= littleLeft) wal.finish()
}

function rest(state: State): void {
  const { thread } = state
  state.thread = undefined
  if (thread) state.ended = thread.end()
}

function stop(state: State): void {
  if (state.isClosed) return
  state.isClosed = true
  state.cancel?.()
  state.store.wal.takeBack()
}

function giveUp(state: State, reason: string): void {
  if (state.isClosed) return
  stop(state)
  state.thread = undefined
  state.warn('the thread for checkpoints ended; commits make them again', { reason })
}

interface Thread {
  ask(mode: CheckpointMode, done: (reply: CheckpointReply) => void): void
  /** Lets it finish what it does and close its connection. */
  end(): Promise<void>
}

/** `onFail` is told when it ends unasked. */
function startThread(file: string, onFail: (reason: string) => void): Thread {
  const worker = new Worker(new URL('./checkpoint.worker.ts', import.meta.url), { workerData: file })
  // A program that fails at its start is not kept alive by it.
  worker.unref()
  let waiting: ((reply: CheckpointReply) => void) | undefined
  let isEnding = false
  const exited = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
  worker.on('message', (reply: CheckpointReply) => {
    const done = waiting
    waiting = undefined
    done?.(reply)
  })
  worker.on('error', (error) => onFail(error.message))
  worker.on('exit', () => {
    if (!isEnding) onFail('it ended')
  })
  return {
    ask(mode, done) {
      waiting = done
      worker.postMessage(mode)
    },
    end() {
      isEnding = true
      worker.ref()
      worker.postMessage('close')
      return exited
    },
  }
}
