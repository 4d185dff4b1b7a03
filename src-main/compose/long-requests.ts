import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { LongRequests } from '../gateway/long-requests.ts'
import type { Clock, Log } from '../ports/clock.ts'
import type { RequestAnswer, RequestJob, RequestMessage } from './request-thread.ts'

export interface LongRequestParts {
  /** Known secrets in the order in which they became known; more are added at its end, none goes. */
  readonly secrets: () => readonly string[]
  readonly log: Log
  readonly clock: Pick<Clock, 'after'>
  /** Memory of the thread; the largest body that is let in, made of nothing but brackets, has to find room. */
  readonly heapMb?: number
  readonly newWorker?: (entry: URL, options: WorkerOptions) => Worker
}

/** The thread for long requests, owned by whoever opens the gateway. */
export interface LongRequestThread extends LongRequests {
  /** Starts it, so that the first long request does not wait for it. */
  warm(): void
  /** Ends it; what waits for it fails. */
  close(): Promise<void>
}

interface Waiting {
  readonly job: RequestJob
  /** How often a thread broke off with it. */
  failures: number
  done(answer: RequestAnswer): void
  fail(error: unknown): void
}

/** Who takes two threads down is not tried a third time. */
const mostFailures = 2
const usualHeapMb = 2048
/**
 * After a longer body a thread has hundreds of megabytes that it would keep as long as it lives: another takes over, as
 * soon as there was nothing to do for a while.
 */
const mostKeptBytes = 4 * 1024 * 1024
const quietMs = 3000

const closing = () => new Error('the gateway is closing')

/** Jobs that no thread has begun, in the order in which they came. */
function createQueue() {
  const waiting: Waiting[] = []
  return {
    next: (): Waiting | undefined => waiting.shift(),
    again: (one: Waiting): void => void waiting.unshift(one),
    /** The answer to a job; rejects with the signal's reason when it fires before a thread has begun. */
    add(job: RequestJob, signal: AbortSignal): Promise<RequestAnswer> {
      const { promise, resolve, reject } = Promise.withResolvers<RequestAnswer>()
      if (signal.aborted) reject(signal.reason)
      else {
        const one: Waiting = { job, failures: 0, done: resolve, fail: reject }
        const leave = () => {
          const at = waiting.indexOf(one)
          if (at >= 0) waiting.splice(at, 1)
          if (at >= 0) reject(signal.reason)
        }
        waiting.push(one)
        signal.addEventListener('abort', leave, { once: true })
        const settled = () => signal.removeEventListener('abort', leave)
        promise.then(settled, settled)
      }
      return promise
    },
    end(): void {
      for (const one of waiting.splice(0)) one.fail(closing())
    },
  }
}

/** A thread, and how many secrets it was told. */
interface Thread {
  readonly worker: Worker
  told: number
}

interface ThreadEvents {
  answered(answer: RequestAnswer): void
  /** It is gone; `error` says why where it is known. */
  brokenOff(error: unknown): void
}

function startThread(parts: LongRequestParts, { answered, brokenOff }: ThreadEvents): Thread {
  const { heapMb = usualHeapMb, newWorker = usualWorker } = parts
  const resourceLimits = { maxOldGenerationSizeMb: heapMb }
  const worker = newWorker(new URL('./request.worker.ts', import.meta.url), { resourceLimits })
  let error: unknown
  worker.on('error', (cause) => {
    error = cause
  })
  worker.on('message', answered)
  worker.on('exit', () => brokenOff(error))
  // Whoever asked waits for an answer; a thread without work keeps nobody from ending.
  worker.unref()
  return { worker, told: 0 }
}

function usualWorker(entry: URL, options: WorkerOptions): Worker {
  return new Worker(entry, options)
}

/** Sends a job, and before it the secrets, if there are others now. */
function send(thread: Thread, job: RequestJob, secrets: readonly string[]): void {
  const tell = (message: RequestMessage) => thread.worker.postMessage(message)
  if (secrets.length !== thread.told) tell({ type: 'secrets', secrets })
  thread.told = secrets.length
  tell({ type: 'job', job })
}

/** Has a thread that became large replaced, once there was nothing to do for a while. */
function createRenewal(clock: LongRequestParts['clock'], renew: () => void) {
  let isDue = false
  let cancel: (() => void) | undefined
  return {
    busy: (): void => cancel?.(),
    idle(after: RequestJob | undefined): void {
      isDue ||= after !== undefined && after.body.sizeBytes > mostKeptBytes
      if (isDue) cancel = clock.after(quietMs, renew)
    },
    /** Another thread has taken over, or none is wanted any more. */
    forget(): void {
      isDue = false
      cancel?.()
    },
  }
}

/** Keeps one thread at hand: started when it is wanted, and anew after it broke off or became large. */
function createKeeper(parts: LongRequestParts, events: ThreadEvents) {
  let thread: Thread | undefined
  const renewal = createRenewal(parts.clock, () => {
    const old = thread
    renewal.forget()
    thread = start()
    void old?.worker.terminate()
  })
  function start(): Thread {
    const started = startThread(parts, {
      answered: events.answered,
      brokenOff(error) {
        if (started !== thread) return
        thread = undefined
        renewal.forget()
        events.brokenOff(error)
      },
    })
    return started
  }
  return {
    warm(): void {
      thread ??= start()
    },
    give(job: RequestJob): void {
      renewal.busy()
      thread ??= start()
      thread.worker.ref()
      send(thread, job, parts.secrets())
    },
    rest(after: RequestJob | undefined): void {
      thread?.worker.unref()
      renewal.idle(after)
    },
    async close(): Promise<void> {
      renewal.forget()
      const old = thread
      thread = undefined
      await old?.worker.terminate()
    },
  }
}

/** What waits for the thread, and the one job that it has. */
function createDesk(parts: LongRequestParts) {
  const queue = createQueue()
  let running: Waiting | undefined
  let isClosed = false
  const keeper = createKeeper(parts, {
    answered(answer) {
      const job = running
      running = undefined
      keeper.rest(job?.job)
      begin()
      if (answer.type === 'problem') job?.fail(new Error(answer.reason))
      else job?.done(answer)
    },
    brokenOff(error) {
      const job = running
      running = undefined
      parts.log.warn('the thread for long requests broke off', { error, hadJob: job !== undefined })
      if (job && isTriedAgain(job, error)) queue.again(job)
      begin()
    },
  })
  function begin(): void {
    if (running || isClosed) return
    running = queue.next()
    if (running) keeper.give(running.job)
  }
  return {
    async ask(job: RequestJob, signal: AbortSignal): Promise<RequestAnswer> {
      if (isClosed) throw closing()
      const answer = queue.add(job, signal)
      begin()
      return await answer
    },
    warm(): void {
      if (!isClosed) keeper.warm()
    },
    async close(): Promise<void> {
      isClosed = true
      running?.fail(closing())
      running = undefined
      queue.end()
      await keeper.close()
    },
  }
}

/**
 * One thread for the long requests of the gateway. It is started with the first of them and does one after the other, in
 * the order in which they came. If it breaks off another one takes over, and nothing is lost: bodies lie in shared memory.
 */
export function createLongRequests(parts: LongRequestParts): LongRequestThread {
  const { ask, warm, close } = createDesk(parts)
  return {
    warm,
    close,
    async read(body, wish, signal) {
      const answer = await ask({ type: 'read', body, wish }, signal)
      if (answer.type !== 'reading') throw new Error('the thread gave another answer than was asked for')
      return answer.reading
    },
    async translate(body, wish, signal) {
      const answer = await ask({ type: 'translate', body, wish }, signal)
      if (answer.type !== 'translation') throw new Error('the thread gave another answer than was asked for')
      return answer.translation
    },
  }
}

/** False: it broke off for the last time, and who waits for it is told so. */
function isTriedAgain(job: Waiting, error: unknown): boolean {
  job.failures += 1
  if (!isTooMuch(error) && job.failures < mostFailures) return true
  job.fail(new Error(isTooMuch(error) ? 'it needs too much memory' : 'the thread for it broke off twice'))
  return false
}

function isTooMuch(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_WORKER_OUT_OF_MEMORY'
  )
}
