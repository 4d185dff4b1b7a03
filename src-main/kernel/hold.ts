import type { ResourceName } from './abi.ts'
import { type Account, type Amounts, RESOURCES, resourceName, zero } from './account.ts'

/**
 * Budget set aside for a cost that is still growing, as a card payment is authorised before it is booked. What is held
 * counts as reserved, so nobody else can spend it, and comes back whole on release; then the true cost is settled.
 */
export class Hold {
  readonly #account: Account
  readonly #held: Amounts = zero()

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
      this.#set(r, more)
    }
    return undefined
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    for (let r = 0; r < RESOURCES; r++) {
      const amount = this.#held[r] ?? 0
      if (amount !== 0) this.#set(r, -amount)
    }
  }

  #set(column: number, more: number): void {
    const account = this.#account
    const payer = this.#payer(column)
    payer.reserved[column] = (payer.reserved[column] ?? 0) + more
    account.held ??= zero()
    account.held[column] = (account.held[column] ?? 0) + more
    this.#held[column] = (this.#held[column] ?? 0) + more
  }

  /**
   * The pool that holds this part now, which is always the one that pays: what is set aside moves up when an account is
   * folded or shares the pool above, and back down when it gets a limit of its own.
   */
  #payer(column: number): Account {
    let payer = this.#account
    while ((payer.isFolded || !payer.has(column)) && payer.parent) payer = payer.parent
    return payer
  }
}
