import { Worker } from 'node:worker_threads'

export interface PoolOptions {
  /** Makes the address of the thread's entry; the bundler needs to see the literal at its call. */
  readonly entry: URL
  readonly workerData: unknown
  /** Threads at most. */
  readonly threads: number
  /** How long one job may run, from when its thread is there. */
  readonly timeoutMs: number
  /** Heap of one thread, MiB. */
  readonly memMb: number
}

/** What a thread answers to a job. */
export type ThreadReply = { readonly value: unknown } | { readonly failure: string }

export interface JobResult {
  readonly value: unknown
  readonly elapsedMs: number
}

/** Runs jobs on threads, one at a time on each, in the order in which they came. */
export interface ThreadPool {
  /** Rejects when the job fails, takes too long, or `signal` aborts: then its thread is ended, whatever it is doing. */
  run(job: unknown, signal: AbortSignal): Promise<JobResult>
  /** Ends all threads and fails what runs or waits. The pool can be used again afterwards. */
  clear(): Promise<void>
}

interface Job {
  readonly job: unknown
  readonly resolve: (result: JobResult) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  isOnline: boolean
  job: Job | undefined
  timer: NodeJS.Timeout | undefined
  startedMs: number
}

export function createThreadPool(options: PoolOptions): ThreadPool {
  return new Pool(options)
}

class Pool implements ThreadPool {
  readonly #options: PoolOptions
  readonly #threads = new Set<Thread>()
  #queue: Job[] = []

  constructor(options: PoolOptions) {
    this.#options = options
  }

  run(job: unknown, signal: AbortSignal): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new Error('cancelled'))
        return
      }
      const stop = (): void => this.#cancel(waiting, new Error('cancelled'))
      const settled = (): void => signal.removeEventListener('abort', stop)
      const waiting: Job = {
        job,
        resolve(result) {
          settled()
          resolve(result)
        },
        reject(error) {
          settled()
          reject(error)
        },
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#queue.push(waiting)
      this.#next()
    })
  }

  async clear(): Promise<void> {
    const error = new Error('closed')
    const queue = this.#queue
    this.#queue = []
    for (const waiting of queue) waiting.reject(error)
    await Promise.all(Array.from(this.#threads, (thread) => this.#end(thread, error)))
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const idle = [...this.#threads].find((thread) => !thread.job) ?? this.#hire()
      const job = idle && this.#queue.shift()
      if (!idle || !job) return
      idle.job = job
      idle.worker.ref()
      idle.worker.postMessage(job.job)
      if (idle.isOnline) this.#startClock(idle)
    }
  }

  #hire(): Thread | undefined {
    const { entry, workerData, threads, memMb } = this.#options
    if (this.#threads.size >= threads) return undefined
    const worker = new Worker(entry, {
      workerData,
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: memMb },
    })
    const thread: Thread = { worker, isOnline: false, job: undefined, timer: undefined, startedMs: 0 }
    this.#threads.add(thread)
    worker.on('online', () => {
      thread.isOnline = true
      if (thread.job) this.#startClock(thread)
    })
    worker.on('message', (reply: ThreadReply) => this.#done(thread, reply))
    worker.on('error', (error: unknown) => void this.#end(thread, wordsOf(error)))
    worker.on('exit', () => void this.#end(thread, new Error('the thread ended')))
    return thread
  }

  #startClock(thread: Thread): void {
    thread.startedMs = performance.now()
    const { timeoutMs } = this.#options
    thread.timer = setTimeout(
      () => void this.#end(thread, new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
  }

  #done(thread: Thread, reply: ThreadReply): void {
    const { job } = thread
    clearTimeout(thread.timer)
    thread.job = undefined
    // An idle thread doesn't keep the program running.
    thread.worker.unref()
    const elapsedMs = performance.now() - thread.startedMs
    if ('failure' in reply) job?.reject(new Error(reply.failure))
    else job?.resolve({ value: reply.value, elapsedMs })
    this.#next()
  }

  #cancel(job: Job, error: Error): void {
    const at = this.#queue.indexOf(job)
    if (at >= 0) {
      this.#queue.splice(at, 1)
      job.reject(error)
      return
    }
    for (const thread of this.#threads) if (thread.job === job) void this.#end(thread, error)
  }

  /** Ends a thread for good and fails its job; the next one that waits gets a new thread. */
  async #end(thread: Thread, error: Error): Promise<void> {
    if (!this.#threads.delete(thread)) return
    clearTimeout(thread.timer)
    const ended = thread.worker.terminate()
    thread.job?.reject(error)
    thread.job = undefined
    this.#next()
    await ended
  }
}

function wordsOf(error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new Error('out of memory')
  return error instanceof Error ? error : new Error(String(error))
}
