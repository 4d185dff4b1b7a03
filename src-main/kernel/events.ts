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
    }
  | {
      readonly kind: 'charge.overrun'
      readonly resource: ResourceName
      readonly excess: number
      readonly overdraft: number
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

const RING = 65_536
const NO_TAPS: readonly never[] = Object.freeze([])

/** The last 65,536 events. The ring grows to that size only as it is needed. */
export class EventLog {
  readonly #ring: StampedEvent[] = []
  readonly #now: () => number
  readonly #capacity: number
  #seq = 0
  #taps: readonly ((event: StampedEvent) => void)[] = NO_TAPS

  constructor(now: () => number, capacity = RING) {
    this.#now = now
    this.#capacity = capacity
  }

  push(pid: Pid | undefined, ev: KEvent): void {
    const seq = ++this.#seq
    const at = this.#now()
    const event = pid === undefined ? { seq, at, ev } : { seq, at, pid, ev }
    this.#ring[(seq - 1) % this.#capacity] = event
    if (this.#taps !== NO_TAPS) for (const tap of this.#taps) tap(event)
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
    const oldest = Math.max(afterSeq, this.#seq - this.#ring.length)
    for (let seq = oldest + 1; seq <= this.#seq; seq++) {
      const event = this.#ring[(seq - 1) % this.#capacity]
      if (event) out.push(event)
    }
    return out
  }
}
