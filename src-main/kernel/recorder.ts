import type { Clock, Timer } from './abi.ts'
import { type Amounts, zero } from './account.ts'
import type { Core } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import type { StampedEvent } from './events.ts'
import type { Pid } from './ids.ts'
import type { HeaderRecord, Store, StoredCost, StoredOutcome, Unnumbered } from './journal.ts'
import type { Process } from './process.ts'
import type { Begun, Issue, Judged, OpSpec, Outcome, Tape } from './tape.ts'
import { encodeValue, hexOf } from './value-text.ts'

/** Values longer than this are stored once and named by their hash from then on. */
const LARGE_CHARS = 4096
/** So many dispatches after the last thing that was noted, the end of a turn is. */
const UNMARKED = 64
const NO_COST = { amounts: zero(), reductions: 0 } as const

/** What a recorder needs besides the kernel. */
export interface RecorderParts {
  readonly store: Store
  readonly core: Core
  /** Takes secrets out of every text before it is hashed or stored. Must be idempotent and look at nothing else. */
  readonly redact: ((text: string) => string) | undefined
  /** Real time to be journaled; undefined under a virtual clock, which needs none. */
  readonly realClock: Clock | undefined
  /** True for a whole kernel, whose time only moves between turns and is journaled as well. */
  readonly isWhole: boolean
  /** The store refused a record: nothing after it is recorded. */
  readonly failed: (error: KernelError) => void
  /** The next record numbers, when it goes on where a replay ended. */
  readonly from?: RecorderStart
}

/** How far a journal has come. */
export interface RecorderStart {
  readonly seq: number
  readonly comp: number
  readonly dispatches: number
  readonly calls: number
  readonly timers: number
}

/** Hash of a request as the journal knows it: canonical, redacted, without the side channels of a model call. */
export function requestHash(
  sha256: (data: Uint8Array) => Uint8Array,
  request: unknown,
  redact: ((text: string) => string) | undefined,
): string {
  const text = encodeValue(withoutChannels(request), { isSorted: true, redact })
  return hexOf(sha256(new TextEncoder().encode(text)))
}

function withoutChannels(request: unknown): unknown {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return request
  if (!('onDelta' in request) && !('signal' in request)) return request
  const { onDelta, signal, ...rest } = request as Record<string, unknown>
  const isChannel = typeof onDelta === 'function' || (typeof signal === 'object' && signal !== null)
  return isChannel ? rest : request
}

/**
 * Notes what a kernel, or one tree of its processes, gets from outside. Outcomes are handed over between turns of the
 * host's event loop, where nothing else runs, so that their place can be named exactly: after so many dispatches.
 */
export class Recorder implements Tape {
  readonly isReplay = false
  /** Written before the first record, with the first boot in it. */
  header: Omit<HeaderRecord, 'seq' | 'type'> | undefined
  readonly #parts: RecorderParts
  readonly #pids = new Set<Pid>()
  readonly #known = new Set<string>()
  #isOpen = true
  #openDoors = 0
  #whenIdle: (() => void) | undefined
  #seq: number
  #comp: number
  #dispatches: number
  #calls: number
  /** Timers that have fired in virtual time. */
  #timers: number
  #storedAt: number
  /** Turns that had been ended when a place was last noted, or at the last dispatch. */
  #cuts: number
  /** Dispatches when a place was last noted. */
  #placed = 0

  constructor(parts: RecorderParts) {
    this.#parts = parts
    this.#seq = parts.from?.seq ?? 0
    this.#comp = parts.from?.comp ?? 0
    this.#dispatches = parts.from?.dispatches ?? 0
    this.#calls = parts.from?.calls ?? 0
    this.#timers = parts.from?.timers ?? 0
    this.#storedAt = parts.core.clock.now()
    this.#cuts = parts.core.dispatcher.cuts
  }

  adopt(process: Process): void {
    this.#pids.add(process.pid)
    process.tape = this
  }

  dispatched(): void {
    const { isWhole, realClock, core } = this.#parts
    const isLater = isWhole && realClock !== undefined && core.clock.now() !== this.#storedAt
    const isLong = this.#isCut && this.#dispatches - this.#placed >= UNMARKED
    if (isLater || isLong) this.#place('time', 'null')
    this.#dispatches++
    this.#cuts = core.dispatcher.cuts
  }

  /** The turn was ended since the last dispatch, and nothing noted says so. */
  get #isCut(): boolean {
    return this.#parts.core.dispatcher.cuts !== this.#cuts
  }

  catchUp(): void {}

  called(): void {
    // What was under way at the turn's end goes on before anything more is dispatched, so it matters where that was.
    if (this.#isCut) this.#place('time', 'null')
    this.#calls++
  }

  begin({ process, kind, driver, request }: OpSpec): Begun {
    const begun = { pid: process.pid, n: ++process.operations, kind, driver, hash: this.#hash(request) }
    this.#append({ type: 'io.begin', ...begun })
    return begun
  }

  issue(begun: Begun, issue: Issue): Judged | undefined {
    const { core } = this.#parts
    let result: unknown
    try {
      result = issue.call()
    } catch (error) {
      result = Promise.reject(error)
      if (issue.mayAnswerAtOnce) {
        ;(result as Promise<never>).catch(() => undefined)
        return this.#end(begun, issue.judge({ error }), true)
      }
    }
    if (!(result instanceof Promise) && issue.mayAnswerAtOnce) {
      return this.#end(begun, issue.judge({ result }), true)
    }
    core.dispatcher.inFlight++
    const arrived = (outcome: Outcome): void =>
      core.dispatcher.arrive(() => {
        core.dispatcher.inFlight--
        issue.deliver(this.#end(begun, issue.judge(outcome), false))
      })
    Promise.resolve(result).then(
      (value: unknown) => arrived({ result: value }),
      (error: unknown) => arrived({ error }),
    )
    return undefined
  }

  /** Ends an operation whose outcome a crash took away, because nobody can tell whether it happened. */
  doubt(begun: Begun, issue: Issue): void {
    this.#parts.core.dispatcher.arrive(() => {
      const error = new KernelError('EINDOUBT', `outcome of ${issue.kind} on ${issue.driver} is unknown`)
      const judged = { value: undefined, cost: zero(), reductions: 0, error }
      issue.deliver(this.#end(begun, judged, false))
    })
  }

  /** An operation made through a door. It is not handed to the process, so it has no place among its turns. */
  beginDoor({ process, driver, request }: Omit<OpSpec, 'kind'>, kind: string): (outcome: Judged) => void {
    const n = ++process.doorOperations
    const common = { pid: process.pid, n, kind, driver, hash: this.#hash(request), isDoor: true as const }
    this.#append({ type: 'io.begin', ...common })
    this.#openDoors++
    return (judged) => {
      this.#appendEnd(common, judged)
      if (--this.#openDoors === 0) this.#whenIdle?.()
    }
  }

  /** Calls `done` as soon as no operation of a door is under way: what one came to is known only after its process died of it. */
  whenIdle(done: () => void): void {
    if (this.#openDoors === 0) done()
    else this.#whenIdle = done
  }

  now(process: Process): number {
    const { core, realClock } = this.#parts
    const at = core.clock.now()
    if (!realClock) return at
    const op = { pid: process.pid, n: ++process.operations, kind: 'now', driver: '', hash: '' }
    this.#appendEnd(op, { value: at, cost: zero(), reductions: 0, error: undefined }, true)
    return at
  }

  timer(process: Process, ms: number, fire: () => void): Timer {
    const { core, realClock } = this.#parts
    if (!realClock)
      return core.clock.setTimer(ms, () => {
        this.timerFired()
        fire()
      })
    const op = { pid: process.pid, n: ++process.timers, kind: 'timer', driver: '', hash: '' }
    let isCancelled = false
    const timer = realClock.setTimer(ms, () =>
      core.dispatcher.arrive(() => {
        if (isCancelled) return
        this.#appendEnd(op, { value: null, cost: zero(), reductions: 0, error: undefined })
        fire()
      }),
    )
    return {
      cancel() {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  /** A timer of a process fired in virtual time; told by a replay of those that were set in it. */
  timerFired(): void {
    this.#timers++
  }

  event(event: StampedEvent): void {
    if (this.#parts.isWhole || (event.pid !== undefined && this.#pids.has(event.pid)))
      this.#append({ type: 'event', event: this.#clean(event) })
  }

  inject(call: string, args: unknown): void {
    const text = encodeValue(args, { redact: this.#parts.redact })
    const { header } = this
    if (header && !header.boot && call === 'boot') this.#begin({ ...header, at: this.#mark(), boot: text })
    else this.#place(call, text)
  }

  exited(): void {}

  /** Nothing is noted from now on. Idempotent. */
  close(): void {
    this.#isOpen = false
    this.#pids.clear()
  }

  #end(begun: Begun, judged: Judged, isSync: boolean): Judged {
    this.#appendEnd(begun, judged, isSync)
    return judged
  }

  #appendEnd(op: Begun & { readonly isDoor?: true }, judged: Judged, isSync = false): void {
    if (!this.#isOpen) return
    const cost = isFree(judged) ? NO_COST : storedCost(judged)
    const end = {
      type: 'io',
      ...op,
      outcome: this.#outcome(judged),
      cost,
      comp: ++this.#comp,
      dispatch: this.#dispatches,
      at: this.#mark(),
    } as const
    this.#append(isSync ? { ...end, isSync } : { ...end, ...this.#fired() })
  }

  #outcome({ value, error }: Judged): StoredOutcome {
    const { redact, core } = this.#parts
    if (error) return { code: error.code, message: redact ? redact(error.message) : error.message }
    const text = encodeValue(value, { redact })
    if (text.length <= LARGE_CHARS) return { value: text }
    const sha = hexOf(core.powers.sha256(new TextEncoder().encode(text)))
    if (this.#known.has(sha)) return { same: sha }
    this.#known.add(sha)
    return { value: text, sha }
  }

  #place(call: string, args: string): void {
    const { core } = this.#parts
    const place = { dispatch: this.#dispatches, calls: this.#calls, at: this.#mark() }
    const isMidTurn = core.dispatcher.isBusy
    this.#placed = this.#dispatches
    this.#cuts = core.dispatcher.cuts
    this.#append({
      type: 'inject',
      call,
      args,
      ...place,
      ...this.#fired(),
      ...(isMidTurn ? { isMidTurn } : {}),
    })
  }

  #fired(): { readonly timers?: number } {
    return this.#parts.realClock ? {} : { timers: this.#timers }
  }

  #mark(): number {
    this.#storedAt = this.#parts.core.clock.now()
    return this.#storedAt
  }

  #hash(request: unknown): string {
    return requestHash(this.#parts.core.powers.sha256, request, this.#parts.redact)
  }

  /** Log lines, names and faults carry text of processes and drivers, and fields that JSON may not know. */
  #clean(event: StampedEvent): StampedEvent {
    const { redact } = this.#parts
    const { ev } = event
    if (ev.kind === 'log' && ev.fields !== undefined) {
      const fields: unknown = JSON.parse(encodeValue(ev.fields, { redact }))
      return { ...event, ev: { ...ev, message: redact?.(ev.message) ?? ev.message, fields } }
    }
    if (!redact) return event
    if (ev.kind === 'log') return { ...event, ev: { ...ev, message: redact(ev.message) } }
    if (ev.kind === 'name') return { ...event, ev: { ...ev, name: redact(ev.name) } }
    if (ev.kind === 'fault') return { ...event, ev: { ...ev, error: redact(ev.error) } }
    if (ev.kind === 'exit' && ev.reason.kind === 'fault')
      return { ...event, ev: { ...ev, reason: { ...ev.reason, error: redact(ev.reason.error) } } }
    return event
  }

  #begin(header: Omit<HeaderRecord, 'seq' | 'type'>): void {
    this.header = undefined
    this.#append({ type: 'header', ...header })
  }

  #append(record: Unnumbered): void {
    if (!this.#isOpen) return
    if (this.header) this.#begin(this.header)
    try {
      this.#parts.store.append({ seq: this.#seq + 1, ...record })
      this.#seq++
    } catch (error) {
      this.close()
      this.#parts.failed(new KernelError('EDRIVER', `journal: ${textOf(error)}`, { cause: error }))
    }
  }
}

function storedCost({ cost, reductions, isEstimated }: Judged): StoredCost {
  return isEstimated ? { amounts: cost, reductions, isEstimated } : { amounts: cost, reductions }
}

function isFree({ cost, reductions }: Judged): boolean {
  return reductions === 0 && cost.every((amount) => amount === 0)
}

/**
 * Notes an operation that a door carries out for a process; undefined when nobody records it, and then it cost nothing.
 * `end` is to be called once, with what it came to.
 */
export function recordOperation(
  process: Process,
  operation: { readonly kind: string; readonly driver: string; readonly request: unknown },
): { end(outcome: { value: unknown } | { error: string }, cost: Amounts): void } | undefined {
  const { tape } = process
  if (!(tape instanceof Recorder)) return undefined
  const { kind, ...spec } = operation
  const ended = tape.beginDoor({ process, ...spec }, kind)
  return {
    end: (outcome, cost) =>
      ended({
        value: 'value' in outcome ? outcome.value : undefined,
        cost,
        reductions: 0,
        error: 'error' in outcome ? new KernelError('EDRIVER', outcome.error) : undefined,
      }),
  }
}
