import type { ExitReason, LogLevel, ResourceName, Right } from './abi.ts'
import { estTokens } from './body-text.ts'
import { rightNames } from './capability.ts'
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
/** Characters of a log line up to which it counts as short: as many as the ring holds of those do no harm. */
const SHORT_LINE = 1024
/** Characters of longer lines that the ring keeps; of what is older only the beginning. */
const KEPT_CHARS = 8 * 2 ** 20
const FIRST_RING = 1024
const NO_TAPS: readonly never[] = Object.freeze([])

/** What a slot holds. Those from `WHOLE` on have an object or a text beside their numbers. */
const SENT = 1
const RECEIVED = 2
const PAGED_OUT = 3
const PAGED_IN = 4
const MINTED = 5
const DERIVED = 6
const DELEGATED = 7
const REVOKED = 8
const WHOLE = 9
const READ = 10
const WRITTEN = 11
const CHARGED = 12
const MOST = 2 ** 31 - 1
const NOBODY = -1
const CAP_KINDS = { 'cap.mint': MINTED, 'cap.derive': DERIVED, 'cap.delegate': DELEGATED } as const

/**
 * The last 65,536 events. The frequent kinds lie in the ring as numbers: an object for each would live just long enough
 * to be expensive, and collecting such objects is what holds a busy thread longest. The ring grows to its size only as
 * it is needed.
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
  #amounts = new Float64Array(FIRST_RING)
  /** The event itself, or its one text: of a driver. */
  #things: (KEvent | string | undefined)[] = new Array(FIRST_RING).fill(undefined)
  #seq = 0
  /** Long log lines, oldest first: whoever may log could otherwise fill the host's memory with 65,536 of them. */
  #long: { readonly seq: number; readonly chars: number }[] = []
  #longChars = 0
  #taps: readonly ((event: StampedEvent) => void)[] = NO_TAPS

  /** `capacity` is a power of two of at least 1024. */
  constructor(time: EventTime, capacity = RING) {
    this.#time = time
    this.#capacity = capacity
  }

  push(pid: Pid | undefined, ev: KEvent): void {
    this.#put(WHOLE, pid ?? NOBODY, this.#time.exact(), 0, 0, ev)
    if (ev.kind === 'log') this.#cutLong(lengthOf(ev))
  }

  /** As `push`, for what happens so often that it is not worth reading the clock. */
  pushOften(pid: Pid, ev: KEvent): void {
    this.#put(WHOLE, pid, this.#time.lately(), 0, 0, ev)
  }

  /** A message was sent to a process of this kernel. */
  pushSent(from: Pid, to: Pid, caps: number): void {
    this.#put(SENT, from, this.#time.lately(), to, caps)
  }

  /** A message was handed to its receiver. */
  pushReceived(pid: Pid, from: Pid): void {
    this.#put(RECEIVED, pid, this.#time.lately(), from, 0)
  }

  /** Segments left for swap, or came back. */
  pushPaged(pid: Pid, kind: 'page.out' | 'page.in', tokens: number, segments: number): void {
    if (tokens > MOST) this.pushOften(pid, { kind, tokens, segments })
    else this.#put(kind === 'page.out' ? PAGED_OUT : PAGED_IN, pid, this.#time.lately(), tokens, segments)
  }

  /** A capability was made; `rights` packed. */
  pushCap(pid: Pid, kind: keyof typeof CAP_KINDS, cap: number, rights: number): void {
    this.#put(CAP_KINDS[kind], pid, this.#time.lately(), cap, rights)
  }

  /** A capability was taken away with all that derived from it. */
  pushRevoked(pid: Pid, cap: number, count: number): void {
    this.#put(REVOKED, pid, this.#time.lately(), cap, count)
  }

  /** A driver's operation ended. */
  pushIo(pid: Pid, driver: string, op: 'read' | 'write', ok: boolean, isLate: boolean): void {
    const flags = (ok ? 1 : 0) | (isLate ? 2 : 0)
    this.#put(op === 'read' ? READ : WRITTEN, pid, this.#time.lately(), flags, 0, driver)
  }

  /** A process paid, in time and by what is known to be the price. */
  pushCharged(pid: Pid, what: string, tokens: number, toolCalls: number, nanoUsd: number): void {
    if (tokens > MOST || toolCalls > MOST)
      this.pushOften(pid, { kind: 'charge', what, tokens, toolCalls, nanoUsd })
    else this.#put(CHARGED, pid, this.#time.lately(), tokens, toolCalls, what, nanoUsd)
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

  #put(
    kind: number,
    pid: number,
    at: number,
    other: number,
    count: number,
    thing?: KEvent | string,
    amount = 0,
  ): void {
    if (this.#seq === this.#size && this.#size < this.#capacity) this.#grow()
    const slot = this.#seq++ & (this.#size - 1)
    // What was there may be large; it must not live on because its slot is used for numbers.
    if (thing !== undefined || (this.#kinds[slot] ?? 0) >= WHOLE) this.#things[slot] = thing
    this.#kinds[slot] = kind
    this.#pids[slot] = pid
    this.#ats[slot] = at
    this.#others[slot] = other
    this.#counts[slot] = count
    if (kind === CHARGED) this.#amounts[slot] = amount
    if (this.#taps !== NO_TAPS) this.#tell()
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
    const thing = this.#things[slot]
    if (typeof thing === 'object') return thing
    const other = this.#others[slot] ?? 0
    const count = this.#counts[slot] ?? 0
    const kind = this.#kinds[slot]
    if (typeof thing === 'string') {
      if (kind === CHARGED) {
        const nanoUsd = this.#amounts[slot] ?? 0
        return { kind: 'charge', what: thing, tokens: other, toolCalls: count, nanoUsd }
      }
      const ev = {
        kind: 'io',
        driver: thing,
        op: kind === READ ? 'read' : 'write',
        ok: (other & 1) !== 0,
      } as const
      return (other & 2) === 0 ? ev : { ...ev, late: true }
    }
    return numbered(kind, other, count)
  }

  /** Takes in the newest line, and cuts the oldest long ones when they are too much together. */
  #cutLong(chars: number): void {
    if (chars <= SHORT_LINE) return
    this.#long.push({ seq: this.#seq, chars })
    this.#longChars += chars
    let cut = 0
    for (; this.#longChars > KEPT_CHARS && cut < this.#long.length - 1; cut++) {
      const { seq, chars: gone } = this.#long[cut] ?? { seq: 0, chars: 0 }
      this.#longChars -= gone
      if (seq > this.#seq - this.#size) this.#cut((seq - 1) & (this.#size - 1))
    }
    if (cut > 0) this.#long = this.#long.slice(cut)
  }

  #cut(slot: number): void {
    const ev = this.#things[slot]
    if (typeof ev === 'object' && ev.kind === 'log')
      this.#things[slot] = { kind: 'log', level: ev.level, message: `${copyOf(ev.message.slice(0, 200))} …` }
  }

  /** Only while nothing has been overwritten yet, so that every slot keeps its place. */
  #grow(): void {
    const things = new Array<undefined>(this.#size).fill(undefined)
    this.#things = [...this.#things, ...things]
    this.#size *= 2
    this.#kinds = longer(this.#kinds, new Uint8Array(this.#size))
    this.#ats = longer(this.#ats, new Float64Array(this.#size))
    this.#pids = longer(this.#pids, new Int32Array(this.#size))
    this.#others = longer(this.#others, new Int32Array(this.#size))
    this.#counts = longer(this.#counts, new Int32Array(this.#size))
    this.#amounts = longer(this.#amounts, new Float64Array(this.#size))
  }
}

function lengthOf({ message, fields }: Extract<KEvent, { kind: 'log' }>): number {
  return message.length + (fields === undefined ? 0 : estTokens(fields) * 4)
}

/** A text of its own: a part of a text keeps the whole alive. */
function copyOf(part: string): string {
  return JSON.parse(JSON.stringify(part)) as string
}

/** An event that is numbers and nothing else. */
function numbered(kind: number | undefined, other: number, count: number): KEvent {
  switch (kind) {
    case SENT:
      return { kind: 'send', to: other as Pid, caps: count }
    case RECEIVED:
      return { kind: 'recv', from: other as Pid }
    case PAGED_OUT:
      return { kind: 'page.out', tokens: other, segments: count }
    case PAGED_IN:
      return { kind: 'page.in', tokens: other, segments: count }
    case MINTED:
      return { kind: 'cap.mint', cap: other, rights: rightNames(count) }
    case DERIVED:
      return { kind: 'cap.derive', cap: other, rights: rightNames(count) }
    case DELEGATED:
      return { kind: 'cap.delegate', cap: other, rights: rightNames(count) }
    case REVOKED:
      return { kind: 'cap.revoke', cap: other, count }
    default:
      return { kind: 'fault', where: 'events', error: 'an event is missing' }
  }
}

function longer<T extends Uint8Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
