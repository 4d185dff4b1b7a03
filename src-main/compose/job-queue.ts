import type { JobOwner } from '../gateway/long-requests.ts'

/** A job that waits for a thread, or has one. */
export interface Waiting<Job, Answer> {
  readonly job: Job
  /** How often a thread broke off with it. */
  failures: number
  done(answer: Answer): void
  fail(error: unknown): void
}

/** Jobs that no thread has begun. Owners take turns, so that nobody waits for more than one job of each other owner. */
export interface JobQueue<Job, Answer> {
  /** The answer to a job; rejects with the signal's reason when it fires before a thread has begun. */
  add(job: Job, by: JobOwner): Promise<Answer>
  next(): Waiting<Job, Answer> | undefined
  /** Puts one before all others that was begun already. */
  again(one: Waiting<Job, Answer>): void
  /** Fails all that wait. */
  end(error: () => Error): void
}

export function createJobQueue<Job, Answer>(): JobQueue<Job, Answer> {
  const begun: Waiting<Job, Answer>[] = []
  /** The owner whose turn it is comes first. */
  const byOwner = new Map<object, Waiting<Job, Answer>[]>()
  function leave(owner: object, one: Waiting<Job, Answer>): boolean {
    const own = byOwner.get(owner) ?? []
    const at = own.indexOf(one)
    if (at < 0) return false
    own.splice(at, 1)
    if (own.length === 0) byOwner.delete(owner)
    return true
  }
  return {
    add(job, { owner, signal }) {
      if (signal.aborted) return Promise.reject(signal.reason)
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      const one = { job, failures: 0, done: resolve, fail: reject }
      const own = byOwner.get(owner) ?? []
      own.push(one)
      byOwner.set(owner, own)
      const giveUp = () => leave(owner, one) && reject(signal.reason)
      signal.addEventListener('abort', giveUp, { once: true })
      const settled = () => signal.removeEventListener('abort', giveUp)
      promise.then(settled, settled)
      return promise
    },
    next() {
      const again = begun.shift()
      if (again) return again
      const [turn] = byOwner
      if (!turn) return undefined
      const [owner, [one, ...rest]] = turn
      byOwner.delete(owner)
      if (rest.length > 0) byOwner.set(owner, rest)
      return one
    },
    again: (one) => void begun.unshift(one),
    end(error) {
      const left = [...begun.splice(0), ...[...byOwner.values()].flat()]
      byOwner.clear()
      for (const one of left) one.fail(error())
    },
  }
}
