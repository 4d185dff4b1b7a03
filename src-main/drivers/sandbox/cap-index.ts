import type { Message, SendOptions } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { SandboxRefusal } from './refusal.ts'

/** References one guest can hold; more is an attack or a leak. */
const MAX_REFS = 100_000

/**
 * The references of one guest, which knows them by number alone. The real ones never cross, so that one which leaks is
 * worth nothing anywhere, and a number means nothing outside this table.
 */
export class CapIndex {
  readonly #refs = new Map<number, CapRef>()
  readonly #numbers = new Map<CapRef, number>()
  /** Those that lead to the guest itself, as far as it made them. */
  readonly #own = new Set<CapRef>()
  /** Never given twice: a number that was dropped stays unknown. */
  #last = 0

  /** The guest's number for a reference. */
  number(ref: CapRef): number {
    const known = this.#numbers.get(ref)
    if (known !== undefined) return known
    this.requireRoom()
    const next = ++this.#last
    this.#refs.set(next, ref)
    this.#numbers.set(ref, next)
    return next
  }

  /** The number of a reference to the guest itself. */
  ownNumber(ref: CapRef): number {
    const number = this.number(ref)
    this.#own.add(ref)
    return number
  }

  isOwn(ref: CapRef): boolean {
    return this.#own.has(ref)
  }

  /** To be asked before the kernel makes another one, which it would keep. ECAP. */
  requireRoom(): void {
    if (this.#refs.size >= MAX_REFS) throw new SandboxRefusal('ECAP', 'a sandbox holds too many capabilities')
  }

  /** Forgets a reference that was revoked, so that its place is free. */
  drop(ref: CapRef): void {
    const number = this.#numbers.get(ref)
    if (number !== undefined) this.#refs.delete(number)
    this.#numbers.delete(ref)
    this.#own.delete(ref)
  }

  /** ECAP, in the words of the kernel, for anything but a number that was given out. */
  ref(number: unknown): CapRef {
    const ref = typeof number === 'number' ? this.#refs.get(number) : undefined
    if (ref === undefined) throw new SandboxRefusal('ECAP', 'capability unknown or not owned')
    return ref
  }

  refs(numbers: unknown): CapRef[] {
    if (!Array.isArray(numbers)) throw new SandboxRefusal('EINVAL', 'caps must be a list')
    return numbers.map((number: unknown) => this.ref(number))
  }

  /** Options with their capabilities as references; everything else is the kernel's to judge. */
  options<T extends SendOptions>(options: unknown): T | undefined {
    if (options === undefined) return undefined
    if (typeof options !== 'object' || options === null)
      throw new SandboxRefusal('EINVAL', 'options must be an object')
    const given: Record<string, unknown> = { ...options }
    if (given.caps !== undefined) given.caps = this.refs(given.caps)
    return given as T
  }

  /** A received message as the guest sees it. Only the kernel's own boot message carries references in its body. */
  message(message: Message): unknown {
    const caps = message.caps.map((ref) => this.number(ref))
    return {
      ...message,
      caps,
      body: message.from === 0 && message.remote === undefined ? this.#bootBody(message.body) : message.body,
    }
  }

  #bootBody(body: unknown): unknown {
    if (typeof body !== 'object' || body === null || !('$' in body) || body.$ !== 'boot') return body
    const { devices, spawn } = body as { devices?: Readonly<Record<string, CapRef>>; spawn?: CapRef }
    const named = Object.entries(devices ?? {}).map(([name, ref]) => [name, this.number(ref)])
    return {
      ...body,
      devices: Object.fromEntries(named),
      ...(spawn === undefined ? {} : { spawn: this.number(spawn) }),
    }
  }
}
