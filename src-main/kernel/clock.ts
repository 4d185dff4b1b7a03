import type { Clock, Timer } from './abi.ts'
import { Heap } from './heap.ts'

interface Pending extends Timer {
  readonly at: number
  readonly order: number
  fire: (() => void) | undefined
}

/**
 * Time that stands still while anything is ready or in flight and then jumps to the next timer, so that sleeping
 * costs nothing and runs repeat exactly. Equal times fire in creation order.
 */
export class VirtualClock implements Clock {
  readonly #timers = new Heap<Pending>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  readonly #usPerReduction: number
  #nowUs = 0
  #order = 0
  #delays = 0
  readonly #watchers: (() => void)[] = []

  /** `usPerReduction` lets spinning code use up time; 0 (the default) means only sleeping does. */
  constructor(options: { usPerReduction?: number } = {}) {
    this.#usPerReduction = options.usPerReduction ?? 0
  }

  now(): number {
    return this.#nowUs / 1000
  }

  setTimer(ms: number, fire: () => void): Timer {
    const timer: Pending = {
      at: this.#nowUs + Math.max(0, ms) * 1000,
      order: this.#order++,
      fire,
      cancel() {
        this.fire = undefined
      },
    }
    this.#timers.push(timer)
    for (const watcher of this.#watchers) watcher()
    return timer
  }

  /** Waits in virtual time without holding it: for drivers that simulate latency. */
  delay(ms: number): Promise<void> {
    this.#delays++
    return new Promise((resolve) => {
      this.setTimer(ms, () => {
        this.#delays--
        resolve()
      })
    })
  }

  /** Tells the kernel that there is something to advance to. */
  watch(watcher: () => void): void {
    this.#watchers.push(watcher)
  }

  /** Operations that wait in `delay`; the kernel does not count them as in flight. */
  get delays(): number {
    return this.#delays
  }

  /** Lets reductions pass as time. Called by the kernel. */
  spend(reductions: number): void {
    this.#nowUs += reductions * this.#usPerReduction
  }

  /** Fires every timer that is due; true when one fired. Called by the kernel. */
  fireDue(): boolean {
    let fired = false
    for (let next = this.#next(); next && next.at <= this.#nowUs; next = this.#next()) {
      this.#timers.pop()
      const fire = next.fire
      next.fire = undefined
      fired = true
      fire?.()
    }
    return fired
  }

  /** Jumps to the next timer and fires all that are due then; false when there is none. Called by the kernel. */
  advance(): boolean {
    const next = this.#next()
    if (!next) return false
    if (next.at > this.#nowUs) this.#nowUs = next.at
    return this.fireDue()
  }

  #next(): Pending | undefined {
    for (;;) {
      const top = this.#timers.peek()
      if (!top || top.fire) return top
      this.#timers.pop()
    }
  }
}
