import type { Clock, KernelPowers } from './abi.ts'
import { isVirtual, type VirtualClock } from './clock.ts'
import { KernelError } from './errors.ts'
import type { Letter } from './mailbox.ts'
import type { CallCount, Metrics } from './metrics.ts'
import { Completion, Park, type Process, type WaitKind } from './process.ts'
import { ReadyQueue } from './ready-queue.ts'
import type { Steps } from './steps.ts'

/** A stretch on the main thread that is worth a log line. */
const STALL_MS = 250
/** How many calls and dispatches at most pass between two readings of the host's clock. */
const CHECK_EVERY = 16
/** More than this between two readings, and the next call is followed by another. */
const SLOW_MS = 0.2
/** From this part of a turn on nothing more is begun, so that what is under way still ends within it. */
const TURN_SHARE = 0.5
/** One system call in this many plus one becomes an event. */
const SAMPLE = 255
/** The wait of at most one dispatch in this many plus one is measured. */
const SAMPLE_WAIT = 63
/** Dispatches that an arrival for a journaled process waits at most. */
const PATIENCE = 64

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

export interface DispatcherHooks {
  /** Runs a new process's body up to its first park. */
  start(process: Process): void
  stalled(process: Process, ms: number): void
  /** A journaled process parked. */
  parked(process: Process, kind: WaitKind): void
  sampled(process: Process, call: string): void
  /** The host's clock was read: a good moment to stamp what follows. */
  timeRead(): void
  /** All microtasks have run, and nothing runs now: time may be read, once for all that follows. */
  turned(): void
  /** Found to await something that is no system call. */
  foreign(process: Process): void
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
  /** Turns that were ended although more could run. */
  cuts = 0
  /** What arrived from outside for journaled processes and waits for the end of the turn. */
  #arrivals: (() => void)[] = []
  #arrivedAt = 0
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
  #queued = 0
  /** The process whose wait is measured. */
  #waited: Process | undefined
  #waitedSinceMs = 0
  /** Calls and dispatches until the host's clock is read again, and how many to let pass after that. */
  #untilCheck = 0
  #checkEvery = 1
  #checkedMs = 0
  /** Answers that wait for the next turn in the middle of their callers' time slices. */
  #held: Completion[] = []
  readonly #resolved = Promise.resolve()

  constructor(config: DispatcherConfig, hooks: DispatcherHooks) {
    this.#config = config
    this.#hooks = hooks
    this.ready = new ReadyQueue(config.agingRounds)
    this.#virtual = isVirtual(config.clock) ? config.clock : undefined
    this.#virtual?.watch(() => this.armTick())
  }

  /** Books a system call on the caller's time slice. */
  enter(process: Process, call: CallCount, reductions: number): void {
    call.value++
    process.tape?.called()
    if ((++this.#calls & SAMPLE) === 0) this.#hooks.sampled(process, call.name)
    process.isForeign = false
    this.spend(process, reductions)
  }

  spend(process: Process, reductions: number): void {
    process.quantum -= reductions
    process.reductions += reductions
    this.#virtual?.spend(reductions)
  }

  /**
   * Answers a call whose result is there: at once within the time slice, else at the tail of the queue. A message is said
   * to be one, so that it can still be found until its receiver has it.
   */
  answer<T>(process: Process, value: T, isMail = false): Promise<T> {
    const isInSlice = this.current === process && process.quantum > 0
    // Where it is journaled, how long things take must not decide in which order they happen.
    if (isInSlice && (process.tape || !this.#isTurnSpent())) return Promise.resolve(value)
    const answer = isInSlice ? this.#hold(process, value) : this.#requeue(process, value, false)
    if (isMail) answer.markMail()
    return answer.promise as Promise<T>
  }

  /** Messages on their way to a process that has not run since they were taken out of its mailbox, oldest first. */
  inHand(process: Process): Letter[] {
    const answers: Completion[] = this.#held.filter((one) => one.process === process)
    for (let one = process.firstCompletion; one; one = one.nextCompletion) answers.push(one)
    return answers.flatMap(({ letter }) => (letter ? [letter] : []))
  }

  /** Refuses a call, in the same way as `answer`, so that a loop of failing calls can't hold the processor. */
  refuse(process: Process, error: unknown): Promise<never> {
    if (this.current === process && process.quantum > 0) {
      const refused = Promise.reject(error)
      refused.catch(() => undefined)
      return refused
    }
    return this.#requeue(process, error, true).promise as Promise<never>
  }

  /** Ends the caller's time slice; it runs again after its equals. */
  yieldSlice(process: Process): Promise<void> {
    return this.#requeue(process, undefined, false, true).promise as Promise<void>
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
    if ((++this.#queued & SAMPLE_WAIT) === 0 && !this.#waited) {
      this.#waited = process
      this.#waitedSinceMs = this.#config.powers.monotonicMs()
    }
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

  /**
   * Runs `take` between turns, when no process runs and no microtask is left. Which turn depends on dispatches alone, not
   * on how long they took, so that equal runs stay equal.
   */
  arrive(take: () => void): void {
    if (this.#arrivals.length === 0) this.#arrivedAt = this.#config.metrics.dispatches
    this.#arrivals.push(take)
    this.armTick()
  }

  /** An arrival has waited long enough: for everything that was ready, or for a fixed number of dispatches. */
  #isArrivalDue(): boolean {
    if (this.#arrivals.length === 0) return false
    return this.ready.size === 0 || this.#config.metrics.dispatches - this.#arrivedAt >= PATIENCE
  }

  /** Processes have run in this turn, so that it can't be told which part of their work is done. */
  get isBusy(): boolean {
    return this.#batch > 0
  }

  /** Dispatches nothing more in this turn: what is under way runs to its end first. */
  endTurn(): void {
    this.cuts++
    this.#isTurnOver = true
    this.armTick()
  }

  /** Stops for good. */
  halt(): void {
    this.#isHalted = true
    this.current = undefined
  }

  queuePump(): void {
    if (this.#isPumpQueued || this.#isHalted) return
    this.#isPumpQueued = true
    // A resolved promise, because the host's queueMicrotask makes an object of its own for each call.
    void this.#resolved.then(this.#pump)
  }

  /** Lets the host have its turn before the caller goes on; the caller keeps the processor. */
  #hold(process: Process, value: unknown): Completion {
    const answer = new Completion(process)
    answer.outcome(value, false)
    this.#held.push(answer)
    this.armTick()
    return answer
  }

  /** True when answers were held: their callers go on where they were, unless something stopped or ended them. */
  #goOn(): boolean {
    if (this.#held.length === 0) return false
    const held = this.#held
    this.#held = []
    for (const park of held) {
      const { process } = park
      if (process.isDead) continue
      if (this.current === process) park.release()
      else {
        process.pushCompletion(park)
        this.enqueue(process)
      }
    }
    // Something runs again, and with it a turn's end must be outstanding, at which arrivals and timers are looked at.
    this.armTick()
    return this.current !== undefined
  }

  #requeue(process: Process, value: unknown, failed: boolean, isYielded = false): Completion {
    if (this.current === process && !isYielded) this.#config.metrics.quantumExpirations++
    const answer = new Completion(process)
    answer.outcome(value, failed)
    process.pushCompletion(answer)
    this.release(process)
    this.enqueue(process)
    return answer
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
    // What it brings about may end the turn, or the kernel, before timers that are due by now.
    if (!this.current && !this.#isTurnOver) this.steps?.catchUp()
    if (this.current || this.#isTurnOver || this.#isHalted) return
    const virtual = this.#virtual
    if (virtual && !this.#checkTime(virtual)) return
    // One dispatch happens in every turn, however slow the host is. Where turns ended, a replay's journal says.
    const { dispatchesPerTurn: most } = this.#config
    const isOver = this.steps?.isDue() ?? (this.#batch >= most || (this.#batch > 0 && this.#isTurnSpent()))
    if (isOver || this.#isArrivalDue()) this.endTurn()
    if (this.#isTurnOver || this.#isHalted) return
    const process = this.ready.pick()
    if (!process) {
      if (virtual) this.armTick()
      return
    }
    if (process === this.#waited) {
      this.#waited = undefined
      const waitedMs = this.#config.powers.monotonicMs() - this.#waitedSinceMs
      this.#config.metrics.observe('dispatch_wait_seconds', waitedMs / 1000)
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

  /** Reads the host's clock every few calls and dispatches, and at each of them where they take long. */
  #isTurnSpent(): boolean {
    if (--this.#untilCheck > 0) return false
    const nowMs = this.#config.powers.monotonicMs()
    this.#checkEvery = nowMs - this.#checkedMs > SLOW_MS ? 1 : Math.min(this.#checkEvery * 2, CHECK_EVERY)
    this.#untilCheck = this.#checkEvery
    this.#checkedMs = nowMs
    this.#hooks.timeRead()
    return nowMs - this.#turnStartedMs >= this.#config.turnMs * TURN_SHARE
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
    this.#checkedMs = nowMs
    this.#isTurnOver = false
    this.#hooks.timeRead()
    if (this.#goOn()) return
    this.steps?.catchUp()
    const current = this.current
    if (current) {
      this.current = undefined
      if (!current.outstanding && !current.firstCompletion) {
        current.isForeign = true
        this.#hooks.foreign(current)
      }
    }
    this.#betweenTurns()
    if (this.ready.size > 0) this.queuePump()
  }

  /** Takes in what came from outside, and lets virtual time pass while nothing is ready. */
  #betweenTurns(): void {
    if (this.#isHalted) return
    this.#hooks.turned()
    if (this.#isArrivalDue()) {
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
