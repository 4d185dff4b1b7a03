import type { Clock, KernelPowers } from './abi.ts'
import { isVirtual, type VirtualClock } from './clock.ts'
import { KernelError } from './errors.ts'
import type { Metrics } from './metrics.ts'
import { Park, type Process, type WaitKind } from './process.ts'
import { ReadyQueue } from './ready-queue.ts'

/** A stretch on the main thread that is worth a log line. */
const STALL_MS = 250
/** One system call in this many plus one becomes an event. */
const SAMPLE = 255

export interface DispatcherConfig {
  readonly clock: Clock
  readonly powers: KernelPowers
  readonly metrics: Metrics
  readonly quantum: number
  readonly agingRounds: number
  readonly dispatchesPerTurn: number
  readonly turnMs: number
  readonly maxDispatchesWithoutTimeAdvance: number
}

/** Drives a kernel from a journal: what comes from outside takes effect after a recorded number of dispatches. */
export interface Steps {
  /** Something takes effect before the next dispatch; the turn must end. */
  isDue(): boolean
  /** Between turns: lets take effect what is due. */
  turn(): void
  /** Nothing is ready: true when it brought something about. */
  idle(): boolean
}

export interface DispatcherHooks {
  /** Runs a new process's body up to its first park. */
  start(process: Process): void
  stalled(process: Process, ms: number): void
  /** A journaled process parked. */
  parked(process: Process, kind: WaitKind): void
  sampled(process: Process, call: string): void
  /** All microtasks have run, and nothing runs now: time may be read, once for all that follows. */
  turned(): void
  /** The kernel can't go on (ELIVELOCK). */
  halted(error: KernelError): void
}

/**
 * Gives processes the processor one at a time. A dispatch settles one parked call of one process; the process then
 * runs in microtasks until it parks again, which queues the next dispatch. A macrotask that is outstanding whenever
 * something runs bounds each batch, finds processes that await no system call, and moves virtual time.
 */
export class Dispatcher {
  readonly ready: ReadyQueue<Process>
  /** Operations outside the kernel that hold virtual time. */
  inFlight = 0
  current: Process | undefined
  /** Set while a replay runs. */
  steps: Steps | undefined
  /** What arrived from outside for journaled processes and waits for the end of the turn. */
  #arrivals: (() => void)[] = []
  readonly #config: DispatcherConfig
  readonly #hooks: DispatcherHooks
  readonly #virtual: VirtualClock | undefined
  #isPumpQueued = false
  #isTurnOver = false
  #isTickArmed = false
  #isHalted = false
  #batch = 0
  #turnStartedMs = 0
  #last: Process | undefined
  #sameTime = 0
  #sameTimeAt = -1
  #calls = 0

  constructor(config: DispatcherConfig, hooks: DispatcherHooks) {
    this.#config = config
    this.#hooks = hooks
    this.ready = new ReadyQueue(config.agingRounds)
    this.#virtual = isVirtual(config.clock) ? config.clock : undefined
    this.#virtual?.watch(() => this.armTick())
  }

  /** Books a system call on the caller's time slice. */
  enter(process: Process, name: string, reductions: number): void {
    const calls = this.#config.metrics.syscalls
    calls[name] = (calls[name] ?? 0) + 1
    process.tape?.called()
    if ((++this.#calls & SAMPLE) === 0) this.#hooks.sampled(process, name)
    process.isForeign = false
    this.spend(process, reductions)
  }

  spend(process: Process, reductions: number): void {
    process.quantum -= reductions
    process.reductions += reductions
    this.#virtual?.spend(reductions)
  }

  /** Answers a call whose result is there: at once within the time slice, else at the tail of the queue. */
  answer<T>(process: Process, value: T): Promise<T> {
    if (this.current === process && process.quantum > 0) return Promise.resolve(value)
    return this.#requeue(process, value, false) as Promise<T>
  }

  /** Refuses a call, in the same way as `answer`, so that a loop of failing calls can't hold the processor. */
  refuse(process: Process, error: unknown): Promise<never> {
    if (this.current === process && process.quantum > 0) {
      const refused = Promise.reject(error)
      refused.catch(() => undefined)
      return refused
    }
    return this.#requeue(process, error, true) as Promise<never>
  }

  /** Ends the caller's time slice; it runs again after its equals. */
  yieldSlice(process: Process): Promise<void> {
    return this.#requeue(process, undefined, false, 'yield') as Promise<void>
  }

  /** Parks the caller until `complete` or `fail`. */
  park(process: Process, kind: WaitKind): Park {
    const park = new Park(process, kind)
    process.addOutstanding(park)
    if (process.tape) this.#hooks.parked(process, kind)
    this.release(process)
    return park
  }

  complete(park: Park, value: unknown): void {
    this.#finish(park, value, false)
  }

  fail(park: Park, error: unknown): void {
    this.#finish(park, error, true)
  }

  /** Queues a process that has something to run, unless it is stopped. */
  enqueue(process: Process): void {
    if (process.isStopped || process.isDead) return
    if (process.isStarted && !process.firstCompletion) return
    this.ready.push(process)
    this.queuePump()
  }

  /** The process no longer runs: it parked, or ended. */
  release(process: Process): void {
    if (this.current !== process) return
    this.current = undefined
    this.queuePump()
  }

  /** Makes sure that a dispatch, and with it any virtual timer, is looked at soon. */
  wake(): void {
    if (this.#virtual) this.armTick()
  }

  /** Runs `take` at the end of the turn, when no process runs and no microtask is left. */
  arrive(take: () => void): void {
    this.#arrivals.push(take)
    this.armTick()
  }

  /** Processes have run in this turn, so that it can't be told which part of their work is done. */
  get isBusy(): boolean {
    return this.#batch > 0
  }

  /** Stops for good. */
  halt(): void {
    this.#isHalted = true
    this.current = undefined
  }

  queuePump(): void {
    if (this.#isPumpQueued || this.#isHalted) return
    this.#isPumpQueued = true
    queueMicrotask(this.#pump)
  }

  #requeue(
    process: Process,
    value: unknown,
    failed: boolean,
    kind: WaitKind | undefined = undefined,
  ): Promise<unknown> {
    if (this.current === process && kind === undefined) this.#config.metrics.quantumExpirations++
    const park = new Park(process, kind ?? 'yield')
    park.isDone = true
    park.outcome(value, failed)
    process.pushCompletion(park)
    this.release(process)
    this.enqueue(process)
    return park.promise
  }

  #finish(park: Park, value: unknown, failed: boolean): void {
    const process = park.process
    if (park.isDone || process.isDead) return
    park.isDone = true
    park.timer?.cancel()
    park.withdraw = undefined
    process.removeOutstanding(park)
    park.outcome(value, failed)
    process.pushCompletion(park)
    this.enqueue(process)
  }

  readonly #pump = (): void => {
    this.#isPumpQueued = false
    if (this.current || this.#isTurnOver || this.#isHalted) return
    const virtual = this.#virtual
    if (virtual && !this.#checkTime(virtual)) return
    if (this.#batch >= this.#config.dispatchesPerTurn || this.#isTurnSpent()) {
      this.#isTurnOver = true
      this.armTick()
      return
    }
    if (this.steps?.isDue()) {
      this.#isTurnOver = true
      this.armTick()
      return
    }
    const process = this.ready.pick()
    if (!process) {
      if (virtual) this.armTick()
      return
    }
    process.tape?.dispatched()
    this.armTick()
    this.#batch++
    this.#config.metrics.dispatches++
    this.current = process
    this.#last = process
    process.quantum = this.#config.quantum
    if (!process.isStarted) {
      this.#hooks.start(process)
      return
    }
    const park = process.takeCompletion()
    if (process.firstCompletion) this.enqueue(process)
    park?.release()
  }

  /** Every 8 dispatches, of up to a quantum each, is often enough to keep 8 ms, and cheap enough not to show. */
  #isTurnSpent(): boolean {
    if ((this.#batch & 7) !== 7) return false
    return this.#config.powers.monotonicMs() - this.#turnStartedMs >= this.#config.turnMs
  }

  #checkTime(clock: VirtualClock): boolean {
    clock.fireDue()
    const now = clock.now()
    if (now !== this.#sameTimeAt) {
      this.#sameTimeAt = now
      this.#sameTime = 0
      return true
    }
    if (++this.#sameTime <= this.#config.maxDispatchesWithoutTimeAdvance) return true
    this.#isHalted = true
    this.#hooks.halted(new KernelError('ELIVELOCK', `no time passed in ${this.#sameTime} dispatches`))
    return false
  }

  /** Makes sure that the turn ends, and what is due between turns is done. */
  armTick(): void {
    if (this.#isTickArmed) return
    this.#isTickArmed = true
    if (this.#batch === 0) this.#turnStartedMs = this.#config.powers.monotonicMs()
    this.#config.powers.defer(this.#tick)
  }

  /** All microtasks have run: whoever is still current awaits something that is no system call. */
  readonly #tick = (): void => {
    this.#isTickArmed = false
    const nowMs = this.#config.powers.monotonicMs()
    const heldMs = nowMs - this.#turnStartedMs
    if (heldMs > STALL_MS && this.#last && this.#batch > 0) this.#hooks.stalled(this.#last, heldMs)
    this.#batch = 0
    this.#turnStartedMs = nowMs
    this.#isTurnOver = false
    const current = this.current
    if (current) {
      this.current = undefined
      if (!current.outstanding && !current.firstCompletion) {
        current.isForeign = true
        this.#config.metrics.add('foreign_awaits_total', 1)
      }
    }
    this.#betweenTurns()
    if (this.ready.size > 0) this.queuePump()
  }

  /** Takes in what came from outside, and lets virtual time pass while nothing is ready. */
  #betweenTurns(): void {
    if (this.#isHalted) return
    this.#hooks.turned()
    if (this.#arrivals.length > 0) {
      const arrivals = this.#arrivals
      this.#arrivals = []
      for (const take of arrivals) take()
    }
    this.steps?.turn()
    const virtual = this.#virtual
    for (;;) {
      if (this.ready.size > 0 || this.#isHalted) return
      if (this.steps) {
        if (!this.steps.idle()) return
      } else if (!virtual || this.inFlight > virtual.delays || !virtual.advance()) return
    }
  }
}
