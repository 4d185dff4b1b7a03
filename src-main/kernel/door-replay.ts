import type { Amounts } from './account.ts'
import { ReplayDivergence } from './errors.ts'
import type { EndRecord, Journal, JournaledOp } from './journal.ts'
import { requestHash } from './recorder.ts'
import { decodeValue } from './value-text.ts'

/** How a recorded operation of a door ended, and what it cost; usd in nano-dollars. */
export interface RecordedOperation {
  readonly outcome: { readonly value: unknown } | { readonly error: string }
  readonly cost: Amounts
}

/**
 * Answers what was asked of the world through doors out of a recording, so that a program outside the kernel runs once
 * more with nothing behind it. Programs ask several things at once, in no certain order, so a request is answered by the
 * first recorded one that is the same and has not been used; every answer is used once.
 */
export class DoorReplay {
  readonly #waiting: JournaledOp[]
  readonly #values = new Map<string, string>()
  readonly #sha256: (data: Uint8Array) => Uint8Array
  readonly #redact: ((text: string) => string) | undefined

  /** `redact` is the one that the recording was made with. */
  constructor(
    journal: Journal,
    sha256: (data: Uint8Array) => Uint8Array,
    redact: ((text: string) => string) | undefined = undefined,
  ) {
    this.#waiting = [...journal.doors]
    this.#sha256 = sha256
    this.#redact = redact
    for (const { end } of journal.doors) {
      if (end && 'value' in end.outcome && end.outcome.sha !== undefined)
        this.#values.set(end.outcome.sha, end.outcome.value)
    }
  }

  /** How many recorded operations have not been asked for. */
  get left(): number {
    return this.#waiting.length
  }

  /** EDIVERGE for what was not recorded, and for what had not ended when the recording did. */
  take(operation: {
    readonly kind: string
    readonly driver: string
    readonly request: unknown
  }): RecordedOperation {
    const { kind, driver, request } = operation
    const hash = requestHash(this.#sha256, request, this.#redact)
    const at = this.#waiting.findIndex(
      ({ begin }) => begin.kind === kind && begin.driver === driver && begin.hash === hash,
    )
    const [found] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (found?.end) return { outcome: this.#outcomeOf(found.end), cost: found.end.cost.amounts }
    const { begin } = found ?? this.#waiting[0] ?? {}
    const expected = begin ? `${begin.kind} ${begin.driver} ${begin.hash.slice(0, 16)}` : 'nothing'
    throw new ReplayDivergence(
      begin?.pid ?? 0,
      begin?.n ?? 0,
      found ? 'an operation that ended' : expected,
      `${kind} ${driver} ${hash.slice(0, 16)}`,
    )
  }

  #outcomeOf({ outcome }: EndRecord): RecordedOperation['outcome'] {
    if ('code' in outcome) return { error: outcome.message }
    return {
      value: decodeValue('same' in outcome ? (this.#values.get(outcome.same) ?? 'null') : outcome.value),
    }
  }
}
