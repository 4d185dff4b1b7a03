import type { Message, RemoteSender } from './abi.ts'
import type { CapRef, MsgId, Pid } from './ids.ts'

/** A message until it is handed over: what it carries is delegated at the last moment. */
export type Letter = { -readonly [K in keyof Message]: Message[K] }

const NO_CAPS: readonly CapRef[] = Object.freeze([])
/** A power of two. */
const FIRST_SIZE = 4
/** An empty ring of more is given back. */
const KEPT_SIZE = 256

/** Makes the very object that the receiver gets. `deadlineAt` in absolute kernel ms, Infinity for none. */
export function newLetter(
  id: MsgId,
  from: Pid,
  to: Pid,
  body: unknown,
  corr: MsgId | undefined,
  deadlineAt: number,
  remote?: RemoteSender,
): Letter {
  const letter: Letter = { id, from, to, body, caps: NO_CAPS }
  if (corr !== undefined) letter.corr = corr
  if (deadlineAt !== Number.POSITIVE_INFINITY) letter.deadline = deadlineAt
  if (remote !== undefined) letter.remote = remote
  return letter
}

/** Sent by the kernel itself: not bounded, not counted. */
function isKernel(letter: Letter): boolean {
  return letter.from === 0 && letter.remote === undefined
}

/**
 * A process's queue of messages, oldest first: a ring that holds the messages themselves, O(1) at both ends. Taking one
 * out of the middle costs as much as finding it did.
 */
export class Mailbox {
  /** Bound on messages from processes; Infinity for none. */
  readonly max: number
  /** Made for the first message. */
  #ring: (Letter | undefined)[] | undefined
  #head = 0
  #count = 0
  #bounded = 0

  constructor(max: number) {
    this.max = max
  }

  get length(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#bounded >= this.max
  }

  push(letter: Letter): void {
    this.#ring ??= new Array(FIRST_SIZE).fill(undefined)
    if (this.#count === this.#ring.length) this.#grow(this.#ring)
    this.#ring[(this.#head + this.#count++) & (this.#ring.length - 1)] = letter
    if (!isKernel(letter)) this.#bounded++
  }

  /** Takes the oldest message, or the oldest reply to `corr`. */
  take(corr: MsgId | undefined): Letter | undefined {
    const ring = this.#ring
    if (!ring || this.#count === 0) return undefined
    if (corr !== undefined && ring[this.#head]?.corr !== corr) return this.#takeReply(ring, corr)
    const letter = ring[this.#head]
    ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (ring.length - 1)
    if (--this.#count === 0 && ring.length > KEPT_SIZE) this.#ring = undefined
    if (letter && !isKernel(letter)) this.#bounded--
    return letter
  }

  *[Symbol.iterator](): Generator<Letter> {
    for (let i = 0; i < this.#count; i++) {
      const letter = this.#at(i)
      if (letter) yield letter
    }
  }

  #at(i: number): Letter | undefined {
    return this.#ring?.[(this.#head + i) & (this.#ring.length - 1)]
  }

  /** Closes the gap from the front, along the way that was looked at. */
  #takeReply(ring: (Letter | undefined)[], corr: MsgId): Letter | undefined {
    let at = 0
    while (at < this.#count && this.#at(at)?.corr !== corr) at++
    const found = at < this.#count ? this.#at(at) : undefined
    if (!found) return undefined
    for (let i = at; i > 0; i--) ring[(this.#head + i) & (ring.length - 1)] = this.#at(i - 1)
    ring[this.#head] = found
    return this.take(undefined)
  }

  #grow(ring: readonly (Letter | undefined)[]): void {
    const larger: (Letter | undefined)[] = new Array(ring.length * 2).fill(undefined)
    for (let i = 0; i < this.#count; i++) larger[i] = ring[(this.#head + i) & (ring.length - 1)]
    this.#ring = larger
    this.#head = 0
  }
}
