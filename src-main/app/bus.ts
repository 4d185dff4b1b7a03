import type { Fact } from '../contract/events.ts'
import type { Log } from '../ports/clock.ts'

type Listener = (facts: readonly Fact[]) => void

/** A doorbell: whoever waits is told that there is news, not what it is. */
export interface Bell {
  /** Rings so far; take it before reading, and give it to `after`. */
  count(): number
  /** Resolves once it has rung more than `count` times, or the signal aborts. */
  after(count: number, signal: AbortSignal): Promise<void>
}

function createBell() {
  let rings = 0
  let waiters: (() => void)[] = []
  return {
    count: () => rings,
    ring(): void {
      rings += 1
      const woken = waiters
      waiters = []
      for (const wake of woken) wake()
    },
    after(count: number, signal: AbortSignal): Promise<void> {
      if (rings > count || signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          resolve()
        }
        signal.addEventListener('abort', wake, { once: true })
        waiters.push(wake)
      })
    },
  }
}

/** Carries committed facts to their readers in this process. A listener that throws does not stop the others. */
export function createBus(log: Log) {
  const listeners = new Set<Listener>()
  const facts = createBell()
  const rows = createBell()
  const queue: (readonly Fact[])[] = []
  let isPublishing = false
  const deliver = (batch: readonly Fact[]) => {
    for (const listener of listeners) {
      try {
        listener(batch)
      } catch (error) {
        log.error('a listener of the bus failed', { error })
      }
    }
  }
  return {
    /** Only the dispatcher calls this, after a commit. Facts that a listener causes come after those it was told of. */
    publish(batch: readonly Fact[]): void {
      if (batch.length === 0) return
      queue.push(batch)
      if (isPublishing) return
      isPublishing = true
      for (let next = queue.shift(); next; next = queue.shift()) deliver(next)
      isPublishing = false
      facts.ring()
      rows.ring()
    },
    /** Something that is no fact changed a row: activities, usage. */
    ringRows: () => rows.ring(),
    onFacts(listener: Listener): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    facts: facts as Bell,
    rows: rows as Bell,
  }
}

export type Bus = ReturnType<typeof createBus>
