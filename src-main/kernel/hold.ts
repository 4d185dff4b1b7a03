import type { ResourceName } from './abi.ts'
import { type Account, type Amounts, RESOURCES, resourceName, zero } from './account.ts'

/**
 * Budget set aside for a cost that is still growing, as a card payment is authorised before it is booked. What is held
 * counts as reserved, so nobody else can spend it, and comes back whole on release; then the true cost is settled.
 */
export class Hold {
  readonly #account: Account
  readonly #held: Amounts = zero()
  /** Whose pool each part was taken from; it may have been folded or given up its limit since. */
  readonly #payers: (Account | undefined)[] = []

  constructor(account: Account) {
    this.#account = account
  }

  /** Raises the hold to `total`, never lowers it. Names the resource whose pool has not enough left; nothing is changed then. */
  raise(total: Amounts): ResourceName | undefined {
    for (let r = 0; r < RESOURCES; r++) {
      const more = (total[r] ?? 0) - (this.#held[r] ?? 0)
      if (more > 0 && more > this.#payer(r).available(r)) return resourceName(r)
    }
    for (let r = 0; r < RESOURCES; r++) {
      const more = (total[r] ?? 0) - (this.#held[r] ?? 0)
      if (more <= 0) continue
      const payer = this.#payer(r)
      payer.reserved[r] = (payer.reserved[r] ?? 0) + more
      this.#held[r] = (this.#held[r] ?? 0) + more
    }
    return undefined
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    for (let r = 0; r < RESOURCES; r++) {
      const amount = this.#held[r] ?? 0
      if (amount === 0) continue
      const payer = this.#payer(r)
      payer.reserved[r] = (payer.reserved[r] ?? 0) - amount
      this.#held[r] = 0
    }
  }

  /** The pool that holds this part now: reservations move up when an account is folded or shares the pool above. */
  #payer(column: number): Account {
    let payer = this.#payers[column] ?? this.#account
    while ((payer.isFolded || !payer.has(column)) && payer.parent) payer = payer.parent
    this.#payers[column] = payer
    return payer
  }
}
