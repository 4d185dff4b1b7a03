import type { Clock, Timer } from './abi.ts'
import type { TurnClock, VirtualClock } from './clock.ts'
import type { Core } from './core.ts'
import { KernelError, type KernelErrorCode, ReplayDivergence } from './errors.ts'
import type { Pid } from './ids.ts'
import type { EndRecord, InjectRecord, Journal, JournaledOp } from './journal.ts'
import type { Process } from './process.ts'
import { type Recorder, requestHash } from './recorder.ts'
import { StoredValues } from './stored-values.ts'
import type { Begun, Issue, Judged, OpSpec, Tape } from './tape.ts'
import { decodeValue } from './value-text.ts'

/** What a replay needs besides the kernel. */
export interface ReplayParts {
  readonly core: Core
  readonly journal: Journal
  readonly redact: ((text: string) => string) | undefined
  readonly virtual: VirtualClock | undefined
  /** Shows the recorded real time; undefined under a virtual clock. */
  readonly turns: TurnClock | undefined
  /** Carries out a recorded call of the host; false while what it needs has not been given yet. */
  readonly perform: (call: string, args: unknown) => boolean
  /** Books what an operation of a door cost. */
  readonly settle: (pid: Pid, record: EndRecord) => void
  /** The replay can't go on: it diverged, or lacks an image. */
  readonly halt: (error: KernelError) => void
  /** Makes the recorder that takes over at the end of the journal; undefined when it ends there. */
  readonly goLive: (() => Recorder) | undefined
  /** The journal is used up, and nothing is left to run without it. */
  readonly ended: () => void
}

interface Waiting {
  readonly begun: Begun
  readonly issue: Issue
}

/**
 * Answers a kernel out of a journal. Every outcome is handed over where it was when it was recorded: after the same
 * number of dispatches, in the same order. The first operation that is not the recorded one stops the kernel.
 */
export class Replay implements Tape {
  readonly isReplay = true
  readonly #parts: ReplayParts
  readonly #values = new StoredValues()
  readonly #waiting = new Map<string, Waiting>()
  readonly #timers = new Map<string, { readonly fire: () => void; readonly dueAt: number; timer?: Timer }>()
  #cursor = 0
  #dispatches = 0
  #calls = 0
  /** Timers that have fired in virtual time. */
  #fired = 0
  /** Recorded operations that were not asked for yet. */
  readonly #unissued = new Set<JournaledOp>()
  /** Has taken over at the end of the journal. */
  #live: Recorder | undefined
  #isOver = false

  constructor(parts: ReplayParts) {
    this.#parts = parts
    for (const list of parts.journal.operations.values())
      for (const op of list) {
        this.#unissued.add(op)
        if (op.end) this.#values.keep(op.end.outcome)
      }
  }

  adopt(process: Process): void {
    process.tape = this
  }

  dispatched(): void {
    this.#dispatches++
  }

  catchUp(): void {
    for (let next = this.#script(); next && isMidTurn(next) && !this.#isOver; next = this.#script()) {
      if (next.dispatch !== this.#dispatches || next.calls !== this.#calls || !this.#isFired(next)) return
      if (!this.#apply(next)) return
    }
  }

  called(): void {
    this.#calls++
  }

  begin(spec: OpSpec): Begun | undefined {
    const { process, kind, driver, request } = spec
    const { core, redact } = this.#parts
    const op = this.#next(process)
    if (!op) return process.tape === this ? this.#pastEnd(spec) : process.tape?.begin(spec)
    const hash = requestHash(core.powers.sha256, request, redact)
    const begun = { pid: process.pid, n: ++process.operations, kind, driver, hash }
    return this.#matches(op, begun) ? begun : undefined
  }

  issue(begun: Begun, issue: Issue): Judged | undefined {
    const tape = issue.process.tape
    if (tape && tape !== this) return tape.issue(begun, issue)
    const end = this.#recorded(begun)?.end
    if (end?.isSync) return this.#judged(end, issue)
    this.#waiting.set(keyOf(begun), { begun, issue })
    return undefined
  }

  now(process: Process): number {
    const { turns, core } = this.#parts
    if (!turns) return core.clock.now()
    const op = this.#next(process)
    if (!op && process.tape !== this) return process.tape?.now(process) ?? core.clock.now()
    const begun = { pid: process.pid, n: ++process.operations, kind: 'now', driver: '', hash: '' }
    if (!op) throw this.#diverge(begun, 'nothing', describe(begun))
    if (!this.#matches(op, begun) || !op.end) throw new KernelError('EDIVERGE', 'the replay has diverged')
    return Number(this.#values.read(op.end.outcome))
  }

  timer(process: Process, ms: number, fire: () => void): Timer {
    const { turns, core } = this.#parts
    if (!turns)
      return core.clock.setTimer(ms, () => {
        if (this.#live) this.#live.timerFired()
        else this.#fired++
        fire()
      })
    const key = `${process.pid}:${++process.timers}`
    const entry = { fire, dueAt: turns.now() + ms }
    this.#timers.set(key, entry)
    return { cancel: () => this.#cancel(key) }
  }

  inject(): void {}

  exited(process: Process): void {
    const next = this.#parts.journal.operations.get(process.pid)?.[process.operations]
    if (next) this.#diverge(next.begin, describe(next.begin), 'exit')
  }

  /** Compares nothing any more: the kernel is being shut down. */
  abandon(): void {
    this.#isOver = true
  }

  get place(): { dispatches: number; calls: number; timers: number } {
    return { dispatches: this.#dispatches, calls: this.#calls, timers: this.#fired }
  }

  /**
   * Lets take effect what came in the middle of this turn; true when something came at its end, or is still to come in
   * it: the recorded turn was over before the next dispatch then, and only calls followed that were under way.
   */
  isDue(): boolean {
    this.catchUp()
    const next = this.#script()
    return next !== undefined && next.dispatch <= this.#dispatches
  }

  /** Lets everything take effect that did so at this point. */
  turn(): void {
    for (let next = this.#script(); next && !this.#isOver; next = this.#script()) {
      if (next.dispatch > this.#dispatches) break
      if (next.dispatch < this.#dispatches || this.#isOutOfTime(next)) {
        this.#diverge(opOf(next), describe(opOf(next)), `dispatch ${this.#dispatches}`)
        return
      }
      if (!this.#isTime(next)) break
      if (!this.#apply(next)) return
    }
    if (!this.#script() && this.#parts.goLive) this.#finish(this.#parts.goLive)
  }

  /** Nothing is ready: lets virtual time pass up to what comes next. True when that may have changed something. */
  idle(): boolean {
    const { virtual } = this.#parts
    // A pager, a recaller or a guest of a sandbox is asked again, and time waits for it again.
    if (this.#isOver || this.#parts.core.dispatcher.inFlight > 0) return false
    const next = this.#script()
    if (!next) return this.#rest()
    const timerAt = virtual?.nextAt()
    if (next.type === 'inject' && next.call === 'boot') return false
    if (virtual && timerAt !== undefined && timerAt <= Math.max(next.at, virtual.now()))
      return virtual.advance()
    if (next.dispatch === this.#dispatches) {
      virtual?.moveTo(next.at)
      this.turn()
      if (this.#script() === next) this.#diverge(opOf(next), describe(opOf(next)), 'no such time')
      return true
    }
    this.#stuck(opOf(next))
    return false
  }

  /** Nothing more is handed over: time passes for what was begun all the same, then for those who wait for nothing else. */
  #rest(): boolean {
    if ((this.#unissued.size > 0 || this.#waiting.size === 0) && this.#parts.virtual?.advance()) return true
    const [left] = this.#unissued
    if (left) this.#stuck(left.begin)
    else this.#parts.ended()
    return false
  }

  /** What comes next can't come any more, unless a process awaits something that is no system call. */
  #stuck(at: Begun): void {
    const isWaited = [...this.#parts.core.processes.values()].some((process) => process.isForeign)
    if (!isWaited) this.#diverge(at, describe(at), 'nothing left to run')
  }

  #script(): EndRecord | InjectRecord | undefined {
    return this.#parts.journal.script[this.#cursor]
  }

  #isTime(next: EndRecord | InjectRecord): boolean {
    const { virtual } = this.#parts
    if (!virtual) return true
    return next.at <= virtual.now() && (this.#isFired(next) || !this.#isTimerDue())
  }

  /** It comes later in time, but something is ready, and while anything is no time passes. */
  #isOutOfTime(next: EndRecord | InjectRecord): boolean {
    return this.#parts.core.dispatcher.ready.size > 0 && !this.#isTime(next) && !this.#isTimerDue()
  }

  #isTimerDue(): boolean {
    const { virtual } = this.#parts
    return (virtual?.nextAt() ?? Number.POSITIVE_INFINITY) <= (virtual?.now() ?? 0)
  }

  /** All timers have fired that had before it. */
  #isFired(next: EndRecord | InjectRecord): boolean {
    return next.timers === undefined || next.timers <= this.#fired
  }

  #apply(next: EndRecord | InjectRecord): boolean {
    this.#parts.turns?.set(next.at)
    if (next.type === 'inject') {
      if (next.call !== 'time' && !this.#perform(next)) return false
      const { dispatcher } = this.#parts.core
      if (dispatcher.isBusy) dispatcher.endTurn()
      this.#cursor++
      return true
    }
    this.#cursor++
    if (next.isDoor) this.#parts.settle(next.pid, next)
    else if (next.kind === 'timer') this.#fire(next)
    else this.#deliver(next)
    return !this.#isOver
  }

  #perform({ call, args }: InjectRecord): boolean {
    try {
      return this.#parts.perform(call, decodeValue(args))
    } catch (error) {
      if (!(error instanceof KernelError)) throw error
      this.#isOver = true
      this.#parts.halt(error)
      return false
    }
  }

  #deliver(end: EndRecord): void {
    const waiting = this.#waiting.get(keyOf(end))
    if (!waiting) {
      this.#diverge(end, describe(end), 'not asked for')
      return
    }
    this.#waiting.delete(keyOf(end))
    waiting.issue.deliver(this.#judged(end, waiting.issue))
  }

  #fire(record: EndRecord): void {
    const key = keyOf(record)
    const entry = this.#timers.get(key)
    this.#timers.delete(key)
    if (entry) entry.fire()
    else this.#diverge(record, describe(record), 'no such timer')
  }

  #cancel(key: string): void {
    this.#timers.get(key)?.timer?.cancel()
    this.#timers.delete(key)
  }

  /** The next recorded operation of a process. */
  #next(process: Process): JournaledOp | undefined {
    return this.#parts.journal.operations.get(process.pid)?.[process.operations]
  }

  #recorded(begun: Begun): JournaledOp | undefined {
    return this.#parts.journal.operations.get(begun.pid)?.[begun.n - 1]
  }

  #matches(op: JournaledOp, actual: Begun): boolean {
    const expected = op.begin
    this.#unissued.delete(op)
    if (this.#isOver) return false
    if (expected.kind === actual.kind && expected.driver === actual.driver && expected.hash === actual.hash)
      return true
    this.#diverge(actual, describe(expected), describe(actual))
    return false
  }

  #judged(end: EndRecord, issue: Issue): Judged {
    const { amounts, reductions, isEstimated = false } = end.cost
    const { outcome } = end
    const cost = { cost: [...amounts] as typeof amounts, reductions, isEstimated }
    if ('code' in outcome) {
      const error = new KernelError(outcome.code as KernelErrorCode, outcome.message)
      return { value: undefined, error, ...cost }
    }
    const value = this.#values.read(outcome)
    tellDelta(issue.request, value)
    return { value, error: undefined, ...cost }
  }

  /** An operation that the journal does not know: where it was cut off the kernel goes live, elsewhere it diverged. */
  #pastEnd(spec: OpSpec): Begun | undefined {
    if (!this.#script() && this.#unissued.size === 0 && this.#parts.goLive) {
      this.#finish(this.#parts.goLive)
      return spec.process.tape?.begin(spec)
    }
    const { process, kind, driver } = spec
    this.#diverge({ pid: process.pid, n: process.operations + 1 }, 'nothing', `${kind} ${driver}`)
    return undefined
  }

  #diverge(at: { pid: Pid; n: number }, expected: string, actual: string): ReplayDivergence {
    const error = new ReplayDivergence(at.pid, at.n, expected, actual)
    if (this.#isOver) return error
    this.#isOver = true
    this.#parts.halt(error)
    return error
  }

  /** The journal is used up: hands everything over to the world. */
  #finish(goLive: () => Recorder): void {
    if (this.#isOver || this.#unissued.size > 0) return
    const { core, turns } = this.#parts
    this.#isOver = true
    const recorder = goLive()
    this.#live = recorder
    for (const process of core.processes.values()) recorder.adopt(process)
    for (const { begun, issue } of this.#waiting.values()) {
      if (issue.isIdempotent) recorder.issue(begun, { ...issue, mayAnswerAtOnce: false })
      else recorder.doubt(begun, issue)
    }
    for (const [key, entry] of this.#timers) if (turns) this.#arm(key, entry, turns)
    this.#parts.ended()
  }

  /** A timer set in the replayed part runs on in real time. */
  #arm(key: string, entry: { fire: () => void; dueAt: number; timer?: Timer }, clock: Clock): void {
    const { dispatcher } = this.#parts.core
    entry.timer = clock.setTimer(Math.max(0, entry.dueAt - clock.now()), () =>
      dispatcher.arrive(() => {
        if (this.#timers.delete(key)) entry.fire()
      }),
    )
  }
}

function isMidTurn(item: EndRecord | InjectRecord): item is InjectRecord {
  return item.type === 'inject' && item.isMidTurn === true
}

/** The text of a streamed answer reaches its reader once, whole. A reader that throws must not stop the replay. */
function tellDelta(request: unknown, value: unknown): void {
  if (typeof request !== 'object' || request === null || !('onDelta' in request)) return
  const { onDelta } = request
  const text = typeof value === 'object' && value !== null && 'text' in value ? value.text : undefined
  if (typeof onDelta !== 'function' || typeof text !== 'string') return
  try {
    onDelta(text)
  } catch {
    // It would have been the driver's to deal with.
  }
}

function keyOf({ pid, n }: { readonly pid: Pid; readonly n: number }): string {
  return `${pid}:${n}`
}

function opOf(item: EndRecord | InjectRecord): {
  pid: Pid
  n: number
  kind: string
  driver: string
  hash: string
} {
  if (item.type === 'io') return item
  return { pid: 0 as Pid, n: 0, kind: item.call, driver: 'host', hash: '' }
}

function describe({ kind, driver, hash }: { kind: string; driver: string; hash: string }): string {
  return [kind, driver, hash.slice(0, 16)].filter((part) => part !== '').join(' ')
}
