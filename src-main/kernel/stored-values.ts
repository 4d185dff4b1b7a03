import { KernelError } from './errors.ts'
import type { StoredOutcome } from './journal.ts'
import { decodeValue } from './value-text.ts'

/** The values of a journal: a large one stands in it once, and is named by its hash from then on. */
export class StoredValues {
  readonly #large = new Map<string, string>()

  /** Notes what an outcome holds under a hash. */
  keep(outcome: StoredOutcome): void {
    if ('value' in outcome && outcome.sha !== undefined) this.#large.set(outcome.sha, outcome.value)
  }

  /** The value of an outcome, a fresh copy each time. EINVAL when the journal does not hold it. */
  read(outcome: StoredOutcome): unknown {
    if ('value' in outcome) return decodeValue(outcome.value)
    const text = 'same' in outcome ? this.#large.get(outcome.same) : undefined
    if (text === undefined) throw new KernelError('EINVAL', 'not a journal: a value is missing')
    return decodeValue(text)
  }
}
