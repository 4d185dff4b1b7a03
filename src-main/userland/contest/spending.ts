import type { Sys } from '../../kernel/abi.ts'
import { UserlandError } from '../faults.ts'

/** An amount of what models and tools cost: tokens, calls, and dollars. */
export interface Spending {
  readonly tokens: number
  readonly toolCalls: number
  readonly usd: number
}

/** What a contest may cost; an absent key does not limit. */
export type Allowance = Partial<Spending>

/**
 * Measures what the calling process's account pays from here on. Only what has a limit somewhere above can be measured;
 * the rest reads 0. Carves of children that still live count as spent until they end.
 */
export class Meter {
  readonly #sys: Sys
  readonly #from: Allowance

  constructor(sys: Sys) {
    this.#sys = sys
    this.#from = sys.budget() as Allowance
  }

  spent(): Spending {
    const left = this.#sys.budget() as Allowance
    const since = (key: keyof Spending): number => Math.max(0, (this.#from[key] ?? 0) - (left[key] ?? 0))
    return { tokens: since('tokens'), toolCalls: since('toolCalls'), usd: since('usd') }
  }
}

/**
 * Stops a contest before its money is gone: consuming past the account's limit would end the process and lose what was
 * found. A round is begun only when the dearest so far would still fit, in the allowance and in the account.
 */
export class Purse {
  readonly #sys: Sys
  readonly #allowance: Allowance
  readonly #meter: Meter
  #dearest: Spending = { tokens: 0, toolCalls: 0, usd: 0 }

  /** EINVAL for an allowance that is no amount. */
  constructor(sys: Sys, allowance: Allowance = {}) {
    for (const [key, amount] of Object.entries(allowance)) {
      if (!(amount >= 0)) throw new UserlandError('EINVAL', `allowance of ${key} must be at least 0`)
    }
    this.#sys = sys
    this.#allowance = allowance
    this.#meter = new Meter(sys)
  }

  canAfford(): boolean {
    const spent = this.#meter.spent()
    const left = this.#sys.budget() as Allowance
    return KEYS.every((key) => {
      const next = this.#dearest[key]
      const free = left[key]
      const allowed = this.#allowance[key]
      const isWithin = allowed === undefined || (spent[key] + next <= allowed && allowed > spent[key])
      return isWithin && (free === undefined || next <= free)
    })
  }

  spent(): Spending {
    return this.#meter.spent()
  }

  /** Runs one round and remembers what it cost. */
  async pay<T>(round: () => Promise<T>): Promise<{ readonly value: T; readonly cost: Spending }> {
    const meter = new Meter(this.#sys)
    try {
      const value = await round()
      return { value, cost: meter.spent() }
    } finally {
      const cost = meter.spent()
      const worse = (key: keyof Spending): number => Math.max(this.#dearest[key], cost[key])
      this.#dearest = { tokens: worse('tokens'), toolCalls: worse('toolCalls'), usd: worse('usd') }
    }
  }
}

const KEYS: readonly (keyof Spending)[] = ['tokens', 'toolCalls', 'usd']
