import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Clock } from '../ports/clock.ts'
import type { RequestAnswer, RequestJob, RequestMessage } from './request-thread.ts'

export interface ThreadParts {
  /** Known secrets in the order in which they became known; more are added at its end, none goes. */
  readonly secrets: () => readonly string[]
  readonly clock: Pick<Clock, 'after'>
  /** Memory of a thread; the largest body that is let in, made of nothing but brackets, has to find room. */
  readonly heapMb?: number
  readonly newWorker?: (entry: URL, options: WorkerOptions) => Worker
}

/** How long a thread lives that nobody needs. */
export type Keeping = 'for good' | 'while busy'

export interface ThreadEvents {
  answered(answer: RequestAnswer): void
  /** It is gone without having been let go; `error` says why where it is known. */
  brokenOff(error: unknown): void
}

/** Keeps one thread at hand: started when it is wanted, and anew after it broke off. */
export interface ThreadKeeper {
  warm(): void
  give(job: RequestJob): void
  /** There is nothing to do for it. */
  rest(): void
  /** Ends the thread in the middle of what it does; the next job gets another one. */
  drop(): void
  close(): Promise<void>
}

const usualHeapMb = 2048
/** A thread that is kept while it is busy goes after this long without a job. */
const quietMs = 3000

/** A thread, and how many secrets it was told. */
interface Thread {
  readonly worker: Worker
  told: number
}

function startThread(parts: ThreadParts, { answered, brokenOff }: ThreadEvents): Thread {
  const { heapMb = usualHeapMb, newWorker = usualWorker } = parts
  const resourceLimits = { maxOldGenerationSizeMb: heapMb }
  const worker = newWorker(new URL('./request.worker.ts', import.meta.url), { resourceLimits })
  let error: unknown
  worker.on('error', (cause) => {
    error = cause
  })
  worker.on('message', answered)
  worker.on('messageerror', (cause) => {
    error = cause
    void worker.terminate()
  })
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

export function createThreadKeeper(
  parts: ThreadParts,
  keeping: Keeping,
  { answered, brokenOff }: ThreadEvents,
): ThreadKeeper {
  let thread: Thread | undefined
  const ending = new Set<Promise<unknown>>()
  let stopWaiting: (() => void) | undefined
  function start(): Thread {
    const started: Thread = startThread(parts, {
      answered(answer) {
        if (started === thread) answered(answer)
      },
      brokenOff(error) {
        if (started !== thread) return
        thread = undefined
        stopWaiting?.()
        brokenOff(error)
      },
    })
    return started
  }
  function drop(): void {
    stopWaiting?.()
    const ended = thread?.worker.terminate()
    thread = undefined
    if (!ended) return
    ending.add(ended)
    void ended.finally(() => ending.delete(ended))
  }
  return {
    warm() {
      thread ??= start()
    },
    give(job) {
      stopWaiting?.()
      thread ??= start()
      thread.worker.ref()
      send(thread, job, parts.secrets())
    },
    rest() {
      stopWaiting?.()
      thread?.worker.unref()
      if (keeping === 'while busy' && thread) stopWaiting = parts.clock.after(quietMs, drop)
    },
    drop,
    async close() {
      drop()
      await Promise.all(ending)
    },
  }
}
