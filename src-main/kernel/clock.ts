import type { Clock, Timer } from './abi.ts'
import { KernelError } from './errors.ts'
import { Heap } from './heap.ts'

interface Pending extends Timer {
  readonly at: number
  readonly order: number
  fire: (() => void) | undefined
}

/**
 * Time in whole microseconds that stands still while anything is ready or in flight and then jumps to the next timer, so that sleeping
 * costs nothing and runs repeat exactly. Equal times fire in creation order.
 */
export class VirtualClock implements Clock {
  readonly #timers = new Heap<Pending>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  readonly usPerReduction: number
  #nowUs = 0
  #order = 0
  #delays = 0
  readonly #watchers: (() => void)[] = []

  /** `usPerReduction`, a whole number, lets spinning code use up time; 0 (the default) means only sleeping does. */
  constructor(options: { usPerReduction?: number } = {}) {
    const { usPerReduction = 0 } = options
    if (!Number.isSafeInteger(usPerReduction) || usPerReduction < 0)
      throw new KernelError('EINVAL', 'usPerReduction must be a whole number of at least 0')
    this.usPerReduction = usPerReduction
  }

  now(): number {
    return this.#nowUs / 1000
  }

  setTimer(ms: number, fire: () => void): Timer {
    const timer: Pending = {
      at: Math.ceil(this.#nowUs + Math.max(0, ms) * 1000),
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
    this.#nowUs += reductions * this.usPerReduction
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

  /** When the next timer is due; undefined without one. */
  nextAt(): number | undefined {
    const next = this.#next()
    return next && next.at / 1000
  }

  /** Lets time pass up to a point before which no timer is due. Called by a replay. */
  moveTo(ms: number): void {
    this.#nowUs = Math.max(this.#nowUs, Math.round(ms * 1000))
  }

  #next(): Pending | undefined {
    for (;;) {
      const top = this.#timers.peek()
      if (!top || top.fire) return top
      this.#timers.pop()
    }
  }
}

/**
 * Real time as a journaled kernel sees it: it stands still while processes run and is read between turns of the event
 * loop, so that few readings have to be stored. In a replay it shows the stored ones.
 */
export class TurnClock implements Clock {
  readonly #real: Clock
  #nowMs: number
  #isReplay: boolean

  constructor(real: Clock, replayFromMs?: number) {
    this.#real = real
    this.#isReplay = replayFromMs !== undefined
    this.#nowMs = replayFromMs ?? real.now()
  }

  now(): number {
    return this.#nowMs
  }

  /** Not part of what is recorded: envelopes are checked against the world's time. */
  epochMs(): number {
    return this.#real.epochMs?.() ?? this.#real.now()
  }

  setTimer(ms: number, fire: () => void): Timer {
    return this.#real.setTimer(ms, fire)
  }

  /** Reads the real clock. Called by the kernel between turns. */
  turn(): void {
    if (!this.#isReplay) this.#nowMs = Math.max(this.#nowMs, this.#real.now())
  }

  /** Shows a stored reading. */
  set(ms: number): void {
    if (this.#isReplay) this.#nowMs = ms
  }

  /** The stored readings are used up. */
  goLive(): void {
    this.#isReplay = false
    this.turn()
  }
}

/** Whether the kernel moves this clock itself. */
export function isVirtual(clock: Clock): clock is VirtualClock {
  return clock instanceof VirtualClock
}
