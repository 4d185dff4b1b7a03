import type { Message, RemoteSender } from './abi.ts'
import type { CapRef, MsgId, Pid } from './ids.ts'

/** A queued message; the list pointers lie in it so that queueing allocates nothing else. */
export class Envelope {
  readonly id: MsgId
  readonly from: Pid
  readonly to: Pid
  readonly body: unknown
  readonly corr: MsgId | undefined
  /** Absolute kernel ms, Infinity for none. */
  readonly deadlineAt: number
  /** Set when it came from another node; then `from` is 0. */
  readonly remote: RemoteSender | undefined
  /** References already in the receiver's space. */
  caps: readonly CapRef[]
  next: Envelope | undefined
  prev: Envelope | undefined

  constructor(
    id: MsgId,
    from: Pid,
    to: Pid,
    body: unknown,
    corr: MsgId | undefined,
    deadlineAt: number,
    remote?: RemoteSender,
  ) {
    this.id = id
    this.from = from
    this.to = to
    this.body = body
    this.corr = corr
    this.deadlineAt = deadlineAt
    this.remote = remote
    this.caps = NO_CAPS
  }

  /** Sent by the kernel itself: not bounded, not counted. */
  get isKernel(): boolean {
    return this.from === 0 && this.remote === undefined
  }

  toMessage(): Message {
    const message: { -readonly [K in keyof Message]: Message[K] } = {
      id: this.id,
      from: this.from,
      to: this.to,
      body: this.body,
      caps: this.caps,
    }
    if (this.corr !== undefined) message.corr = this.corr
    if (this.deadlineAt !== Number.POSITIVE_INFINITY) message.deadline = this.deadlineAt
    if (this.remote !== undefined) message.remote = this.remote
    return message
  }
}

const NO_CAPS: readonly CapRef[] = Object.freeze([])

/** A process's queue of messages, oldest first: O(1) at both ends and for taking out of the middle. */
export class Mailbox {
  /** Bound on messages from processes; Infinity for none. */
  readonly max: number
  #first: Envelope | undefined
  #last: Envelope | undefined
  #bounded = 0
  #kernel = 0

  constructor(max: number) {
    this.max = max
  }

  get length(): number {
    return this.#bounded + this.#kernel
  }

  get isFull(): boolean {
    return this.#bounded >= this.max
  }

  push(envelope: Envelope): void {
    envelope.prev = this.#last
    if (this.#last) this.#last.next = envelope
    else this.#first = envelope
    this.#last = envelope
    if (envelope.isKernel) this.#kernel++
    else this.#bounded++
  }

  peek(): Envelope | undefined {
    return this.#first
  }

  /** Oldest message, or the oldest reply to `corr`. */
  find(corr: MsgId | undefined): Envelope | undefined {
    if (corr === undefined) return this.#first
    let at = this.#first
    while (at && at.corr !== corr) at = at.next
    return at
  }

  remove(envelope: Envelope): void {
    if (envelope.prev) envelope.prev.next = envelope.next
    else this.#first = envelope.next
    if (envelope.next) envelope.next.prev = envelope.prev
    else this.#last = envelope.prev
    envelope.next = undefined
    envelope.prev = undefined
    if (envelope.isKernel) this.#kernel--
    else this.#bounded--
  }

  *[Symbol.iterator](): Generator<Envelope> {
    for (let at = this.#first; at; at = at.next) yield at
  }
}
