import type { ExitReason, LogLevel, ResourceName, Right } from './abi.ts'
import type { Pid } from './ids.ts'

/** Kernel events: telemetry, kept in a ring. They carry no capability references and no message bodies. */
export type KEvent =
  | { readonly kind: 'boot' | 'spawn'; readonly name: string; readonly parent: Pid }
  | { readonly kind: 'exit'; readonly reason: ExitReason }
  /** `node` is set when `to` is a process of another node. */
  | { readonly kind: 'send'; readonly to: Pid; readonly caps: number; readonly node?: string }
  | { readonly kind: 'recv'; readonly from: Pid }
  | { readonly kind: 'msg.expired'; readonly from: Pid }
  | { readonly kind: 'ingress'; readonly node: string; readonly from: Pid; readonly bytes: number }
  | { readonly kind: 'ingress.drop'; readonly result: string }
  | {
      readonly kind: 'cap.mint' | 'cap.derive' | 'cap.delegate'
      readonly cap: number
      readonly rights: readonly Right[]
    }
  | { readonly kind: 'cap.revoke'; readonly cap: number; readonly count: number }
  | { readonly kind: 'open' | 'close'; readonly driver: string }
  | {
      readonly kind: 'io'
      readonly driver: string
      readonly op: string
      readonly ok: boolean
      readonly late?: true
    }
  | {
      readonly kind: 'charge'
      readonly what: string
      readonly tokens: number
      readonly toolCalls: number
      readonly nanoUsd: number
      readonly late?: true
      /** The driver was not told what it cost. */
      readonly estimated?: true
    }
  | {
      readonly kind: 'charge.overrun'
      readonly resource: ResourceName
      readonly excess: number
      readonly overdraft: number
      readonly late?: true
    }
  | { readonly kind: 'page.out' | 'page.in'; readonly tokens: number; readonly segments: number }
  | { readonly kind: 'oom'; readonly need: number }
  | { readonly kind: 'sched.deadline' | 'suspend' | 'resume' }
  | { readonly kind: 'name'; readonly name: string; readonly held: boolean }
  /** One system call in 256; of processes that are recorded, also every park. */
  | { readonly kind: 'syscall'; readonly name: string }
  | { readonly kind: 'park'; readonly on: string }
  | {
      readonly kind: 'replay.diverge'
      readonly n: number
      readonly expected: string
      readonly actual: string
    }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields?: unknown }
  | { readonly kind: 'fault'; readonly where: string; readonly error: string }

/** An event with its gap-free sequence number, kernel time in ms, and subject. */
export interface StampedEvent {
  readonly seq: number
  readonly at: number
  readonly pid?: Pid
  readonly ev: KEvent
}

/** Where event times come from: `exact` reads the clock, `lately` may be a few calls old. */
export interface EventTime {
  exact(): number
  lately(): number
}

const RING = 65_536
const FIRST_RING = 1024
const NO_TAPS: readonly never[] = Object.freeze([])

/** What a slot holds: a whole event, or one of the frequent kinds as bare numbers. */
const WHOLE = 0
const SENT = 1
const RECEIVED = 2
const PAGED_OUT = 3
const PAGED_IN = 4
const MOST = 2 ** 31 - 1
const NOBODY = -1

/**
 * The last 65,536 events. Messages and paging are the most of them, and lie in the ring as numbers: an object for each would live
 * just long enough to be expensive. The ring grows to its size only as it is needed.
 */
export class EventLog {
  readonly #time: EventTime
  readonly #capacity: number
  #size = FIRST_RING
  #kinds = new Uint8Array(FIRST_RING)
  #ats = new Float64Array(FIRST_RING)
  #pids = new Int32Array(FIRST_RING)
  #others = new Int32Array(FIRST_RING)
  #counts = new Int32Array(FIRST_RING)
  #whole: (KEvent | undefined)[] = []
  #seq = 0
  #taps: readonly ((event: StampedEvent) => void)[] = NO_TAPS

  /** `capacity` is a power of two of at least 1024. */
  constructor(time: EventTime, capacity = RING) {
    this.#time = time
    this.#capacity = capacity
  }

  push(pid: Pid | undefined, ev: KEvent): void {
    const slot = this.#take(WHOLE, pid ?? NOBODY, this.#time.exact())
    this.#whole[slot] = ev
    if (this.#taps !== NO_TAPS) this.#tell()
  }

  /** As `push`, for what happens so often that it is not worth reading the clock. */
  pushOften(pid: Pid, ev: KEvent): void {
    const slot = this.#take(WHOLE, pid, this.#time.lately())
    this.#whole[slot] = ev
    if (this.#taps !== NO_TAPS) this.#tell()
  }

  /** A message was sent to a process of this kernel. */
  pushSent(from: Pid, to: Pid, caps: number): void {
    const slot = this.#take(SENT, from, this.#time.lately())
    this.#others[slot] = to
    this.#counts[slot] = caps
    if (this.#taps !== NO_TAPS) this.#tell()
  }

  /** A message was handed to its receiver. */
  pushReceived(pid: Pid, from: Pid): void {
    const slot = this.#take(RECEIVED, pid, this.#time.lately())
    this.#others[slot] = from
    if (this.#taps !== NO_TAPS) this.#tell()
  }

  /** Segments left for swap, or came back. */
  pushPaged(pid: Pid, kind: 'page.out' | 'page.in', tokens: number, segments: number): void {
    if (tokens > MOST) {
      this.pushOften(pid, { kind, tokens, segments })
      return
    }
    const slot = this.#take(kind === 'page.out' ? PAGED_OUT : PAGED_IN, pid, this.#time.lately())
    this.#others[slot] = tokens
    this.#counts[slot] = segments
    if (this.#taps !== NO_TAPS) this.#tell()
  }

  /** Calls `take` with every event from now on, as it happens; returns how to stop that. */
  tap(take: (event: StampedEvent) => void): () => void {
    this.#taps = [...this.#taps, take]
    return () => {
      const left = this.#taps.filter((tap) => tap !== take)
      this.#taps = left.length === 0 ? NO_TAPS : left
    }
  }

  /** Events after `afterSeq` that are still in the ring, oldest first. */
  list(afterSeq = 0): StampedEvent[] {
    const out: StampedEvent[] = []
    const oldest = Math.max(afterSeq, this.#seq - this.#size)
    for (let seq = oldest + 1; seq <= this.#seq; seq++) out.push(this.#read(seq))
    return out
  }

  #take(kind: number, pid: number, at: number): number {
    if (this.#seq === this.#size && this.#size < this.#capacity) this.#grow()
    const slot = this.#seq++ & (this.#size - 1)
    if (this.#kinds[slot] === WHOLE && kind !== WHOLE) this.#whole[slot] = undefined
    this.#kinds[slot] = kind
    this.#pids[slot] = pid
    this.#ats[slot] = at
    return slot
  }

  #tell(): void {
    const event = this.#read(this.#seq)
    for (const tap of this.#taps) tap(event)
  }

  #read(seq: number): StampedEvent {
    const slot = (seq - 1) & (this.#size - 1)
    const at = this.#ats[slot] ?? 0
    const pid = this.#pids[slot] ?? NOBODY
    const ev = this.#eventIn(slot)
    return pid === NOBODY ? { seq, at, ev } : { seq, at, pid: pid as Pid, ev }
  }

  #eventIn(slot: number): KEvent {
    const other = this.#others[slot] ?? 0
    const count = this.#counts[slot] ?? 0
    switch (this.#kinds[slot]) {
      case SENT:
        return { kind: 'send', to: other as Pid, caps: count }
      case RECEIVED:
        return { kind: 'recv', from: other as Pid }
      case PAGED_OUT:
        return { kind: 'page.out', tokens: other, segments: count }
      case PAGED_IN:
        return { kind: 'page.in', tokens: other, segments: count }
      default:
        return this.#whole[slot] ?? { kind: 'fault', where: 'events', error: 'an event is missing' }
    }
  }

  /** Only while nothing has been overwritten yet, so that every slot keeps its place. */
  #grow(): void {
    this.#size *= 2
    this.#kinds = longer(this.#kinds, new Uint8Array(this.#size))
    this.#ats = longer(this.#ats, new Float64Array(this.#size))
    this.#pids = longer(this.#pids, new Int32Array(this.#size))
    this.#others = longer(this.#others, new Int32Array(this.#size))
    this.#counts = longer(this.#counts, new Int32Array(this.#size))
  }
}

function longer<T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
