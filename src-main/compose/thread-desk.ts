import type { JobOwner } from '../gateway/long-requests.ts'
import type { Log } from '../ports/clock.ts'
import { createJobQueue, type Waiting } from './job-queue.ts'
import type { RequestAnswer, RequestJob } from './request-thread.ts'
import { createThreadKeeper, type Keeping, type ThreadParts } from './thread-keeper.ts'

export interface DeskParts extends ThreadParts {
  readonly log: Log
  /** Who takes longer is ended; see {@link usualJobMs}. */
  readonly jobMs?: number
}

/** One thread, what waits for it, and the one job that it has. */
export interface ThreadDesk {
  ask(job: RequestJob, by: JobOwner): Promise<RequestAnswer>
  warm(): void
  /** What waits or is under way fails. Idempotent. */
  close(): Promise<void>
}

type Job = Waiting<RequestJob, RequestAnswer>

/** Who takes two threads down is not tried a third time. */
const mostFailures = 2
/** Ten times what the worst request takes on a quiet machine: beyond it nobody knows whether it would ever end. */
const usualJobMs = 20_000

const closing = () => new Error('the gateway is closing')

export function createThreadDesk(parts: DeskParts, keeping: Keeping): ThreadDesk {
  const { log, clock, jobMs = usualJobMs } = parts
  const queue = createJobQueue<RequestJob, RequestAnswer>()
  const slot = createSlot(clock, jobMs, overtime)
  let isClosed = false
  const keeper = createThreadKeeper(parts, keeping, {
    answered(answer) {
      const job = slot.empty()
      if (answer.type === 'problem') job?.fail(new Error(answer.reason))
      else job?.done(answer)
      begin()
    },
    brokenOff(error) {
      const job = slot.empty()
      log.warn('a thread for long requests broke off', { error, hadJob: job !== undefined })
      if (job && isTriedAgain(job, error)) queue.again(job)
      begin()
    },
  })
  function begin(): void {
    if (slot.isTaken || isClosed) return
    const next = queue.next()
    if (!next) {
      keeper.rest()
      return
    }
    slot.put(next)
    try {
      keeper.give(next.job)
    } catch (error) {
      // No thread could be started.
      slot.empty()?.fail(error)
      begin()
    }
  }
  function overtime(): void {
    const job = slot.empty()
    log.warn('a long request took too long', { limitMs: jobMs })
    keeper.drop()
    job?.fail(new Error(`it took longer than ${jobMs / 1000} s`))
    begin()
  }
  return {
    async ask(job, by) {
      if (isClosed) throw closing()
      const answer = queue.add(job, by)
      begin()
      return await answer
    },
    warm() {
      if (!isClosed) keeper.warm()
    },
    async close() {
      isClosed = true
      slot.empty()?.fail(closing())
      queue.end(closing)
      await keeper.close()
    },
  }
}

/** The one job that a thread has, and the clock that runs meanwhile. */
function createSlot(clock: ThreadParts['clock'], limitMs: number, overtime: () => void) {
  let job: Job | undefined
  let stopClock: (() => void) | undefined
  return {
    get isTaken() {
      return job !== undefined
    },
    put(next: Job): void {
      job = next
      stopClock = clock.after(limitMs, overtime)
    },
    /** What the thread had; it has nothing any more. */
    empty(): Job | undefined {
      const had = job
      job = undefined
      stopClock?.()
      return had
    },
  }
}

/** False: it broke off for the last time, and who waits for it is told so. */
function isTriedAgain(job: Job, error: unknown): boolean {
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
