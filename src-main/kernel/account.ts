import type { DriverCost, Quota, ResourceName } from './abi.ts'
import { KernelError, QuotaExceeded } from './errors.ts'

/**
 * Hierarchical accounts. A private limit is a reservation carved out of the nearest ancestor that has one for the same
 * resource; without one, charges fall through to that ancestor. For every account and resource
 * `limit = spent + available + reserved` holds, where `reserved` is the sum of its live children's limits.
 * Money is integer nano-dollars throughout; binary fractions would break that law.
 */

/** Column numbers, in the order in which a failing resource is named. */
export const TOOL_CALLS = 0
export const TOKENS = 1
export const USD = 2
export const MEM = 3
export const CHILDREN = 4
export const RESOURCES = 5

const NAMES: readonly ResourceName[] = ['toolCalls', 'tokens', 'usd', 'mem', 'children']
/** No private limit: the charge falls through to an ancestor. */
const NONE = -1

/** An amount per resource column; usd in nano-dollars. */
export type Amounts = [toolCalls: number, tokens: number, usd: number, mem: number, children: number]

export function zero(): Amounts {
  return [0, 0, 0, 0, 0]
}

export function resourceName(column: number): ResourceName {
  return NAMES[column] ?? 'tokens'
}

export class Account {
  parent: Account | undefined
  /** Private limit, NONE, or Infinity on a root without one. */
  readonly limit: Amounts
  /** Charged here: consumables for ever, levels (mem, children) as the live amount. */
  readonly spent: Amounts = zero()
  readonly reserved: Amounts = zero()
  /** Caused by this process and its ended descendants, wherever it was charged. */
  readonly caused: Amounts = zero()
  /** Only on a root: what not even it could back. */
  readonly overdraft: Amounts = zero()
  /** Set aside for this process's operations under way; part of what the pool that pays for it has reserved. */
  held: Amounts | undefined
  /** Made for the first: most have none. */
  children: Set<Account> | undefined
  isFolded = false

  constructor(parent: Account | undefined, limit: Amounts) {
    this.parent = parent
    this.limit = limit
    parent?.adopt(this)
  }

  adopt(child: Account): void {
    this.children ??= new Set()
    this.children.add(child)
  }

  has(column: number): boolean {
    return this.limit[column] !== NONE
  }

  /** Unreserved and unspent; Infinity where the root has no limit. */
  available(column: number): number {
    return (this.limit[column] ?? 0) - (this.spent[column] ?? 0) - (this.reserved[column] ?? 0)
  }

  /** The account whose pool pays for this one: itself or the nearest ancestor with a limit. Every root is one. */
  holder(column: number): Account {
    let account: Account = this
    while (account.limit[column] === NONE && account.parent) account = account.parent
    return account
  }

  /** False when no account on the path has a finite limit. */
  isLimited(column: number): boolean {
    return this.holder(column).limit[column] !== Number.POSITIVE_INFINITY
  }
}

/** Opens the account at the top of a tree: an absent key means unlimited. */
export function openRoot(quota: Quota): Account {
  const limit = limitsOf(quota)
  for (let r = 0; r < RESOURCES; r++) if (limit[r] === NONE) limit[r] = Number.POSITIVE_INFINITY
  return new Account(undefined, limit)
}

/**
 * Carves a child account: all its limits and one child slot, or nothing and a thrown EQUOTA. A key of 0 means none
 * at all; an absent one shares the ancestor's pool.
 */
export function carve(parent: Account, quota: Quota): Account {
  const limit = limitsOf(quota)
  for (let r = 0; r < RESOURCES; r++) {
    const need = (r === CHILDREN ? 1 : 0) + Math.max(0, limit[r] ?? 0)
    const free = parent.holder(r).available(r)
    if (need > free) throw new QuotaExceeded(resourceName(r), need, free)
  }
  for (let r = 0; r < RESOURCES; r++) {
    const own = limit[r] ?? 0
    const holder = parent.holder(r)
    if (own !== NONE) holder.reserved[r] = (holder.reserved[r] ?? 0) + own
    if (r === CHILDREN) holder.spent[r] = (holder.spent[r] ?? 0) + 1
  }
  return new Account(parent, limit)
}

/** Checks every component against its pool, then applies all, or applies none and names the first that fails. */
export function charge(account: Account, cost: Amounts): ResourceName | undefined {
  for (let r = 0; r < RESOURCES; r++) {
    const amount = cost[r] ?? 0
    if (amount > 0 && amount > account.holder(r).available(r)) return resourceName(r)
  }
  for (let r = 0; r < RESOURCES; r++) {
    const amount = cost[r] ?? 0
    if (amount > 0) add(account, account.holder(r), r, amount)
  }
  return undefined
}

/** As `charge`, of a single resource; false when it does not fit. */
export function chargeOne(account: Account, column: number, amount: number): boolean {
  const holder = account.holder(column)
  if (amount > holder.available(column)) return false
  add(account, holder, column, amount)
  return true
}

/** Gives back a level resource (mem or a child slot); consumables are never given back. */
export function release(account: Account, column: typeof MEM | typeof CHILDREN, amount: number): void {
  add(account, account.holder(column), column, -amount)
}

function add(causer: Account, payer: Account, column: number, amount: number): void {
  payer.spent[column] = (payer.spent[column] ?? 0) + amount
  causer.caused[column] = (causer.caused[column] ?? 0) + amount
}

export interface Settled {
  /** First resource, in naming order, that went past the caller's own reach. */
  readonly overrun: ResourceName | undefined
  /** Past the caller's reach, per resource. */
  readonly excess: Amounts
  /** What even the root could not back. */
  readonly overdraft: Amounts
}

/**
 * Books a cost that was already incurred. Never refuses: what does not fit is debited to ever higher ancestors'
 * unreserved pools and at last to the root's overdraft, because an overrun that is not booked would be free.
 */
export function settle(account: Account, cost: Amounts): Settled {
  const excess = zero()
  const overdraft = zero()
  let overrun: ResourceName | undefined
  for (let r = 0; r < RESOURCES; r++) {
    let rest = cost[r] ?? 0
    if (rest <= 0) continue
    account.caused[r] = (account.caused[r] ?? 0) + rest
    let payer: Account | undefined = account.holder(r)
    let top = payer
    for (let first = true; rest > 0 && payer; first = false) {
      top = payer
      const part = Math.min(rest, Math.max(0, payer.available(r)))
      payer.spent[r] = (payer.spent[r] ?? 0) + part
      rest -= part
      if (first && rest > 0) {
        excess[r] = rest
        overrun ??= resourceName(r)
      }
      payer = payer.parent?.holder(r)
    }
    if (rest > 0) {
      overdraft[r] = rest
      top.overdraft[r] = (top.overdraft[r] ?? 0) + rest
    }
  }
  return { overrun, excess, overdraft }
}

/**
 * Closes an ended process's account: its spending and its live orphans' carves move to the pool above, the rest of
 * its reservation returns there, its child slot is freed. A root stays, as the ledger of what is left below it.
 */
export function fold(account: Account): void {
  const parent = account.parent
  if (!parent || account.isFolded) return
  for (let r = 0; r < RESOURCES; r++) {
    parent.caused[r] = (parent.caused[r] ?? 0) + (account.caused[r] ?? 0)
    const up = parent.holder(r)
    if (account.limit[r] !== NONE) {
      up.spent[r] = (up.spent[r] ?? 0) + (account.spent[r] ?? 0)
      up.reserved[r] = (up.reserved[r] ?? 0) - (account.limit[r] ?? 0) + (account.reserved[r] ?? 0)
    }
    if (r === CHILDREN) up.spent[r] = (up.spent[r] ?? 0) - 1
  }
  for (const child of account.children ?? []) {
    child.parent = parent
    parent.adopt(child)
  }
  account.children = undefined
  parent.children?.delete(account)
  account.isFolded = true
}

/** The account that answers for a folded one: its nearest ancestor still open. */
export function openAccount(account: Account): Account {
  let at = account
  while (at.isFolded && at.parent) at = at.parent
  return at
}

/** Caused by the process and everything below it, ended or live, wherever it was charged. */
export function causedBelow(account: Account, column: number): number {
  let sum = account.caused[column] ?? 0
  for (const child of account.children ?? []) sum += causedBelow(child, column)
  return sum
}

/** First of the given columns whose pool is empty although it is limited; the pre-flight check. */
export function exhausted(account: Account, columns: readonly number[]): ResourceName | undefined {
  for (const r of columns) if (account.holder(r).available(r) <= 0) return resourceName(r)
  return undefined
}

const QUOTA_COLUMNS: readonly (readonly [number, 'toolCalls' | 'tokens' | 'usd' | 'mem' | 'children'])[] = [
  [TOOL_CALLS, 'toolCalls'],
  [TOKENS, 'tokens'],
  [USD, 'usd'],
  [MEM, 'mem'],
  [CHILDREN, 'children'],
]

function limitsOf(quota: Quota): Amounts {
  const limit: Amounts = [NONE, NONE, NONE, NONE, NONE]
  for (const [column, key] of QUOTA_COLUMNS) {
    const value = quota[key]
    if (value !== undefined) limit[column] = limitAmount(column, value)
  }
  return limit
}

/** Checks one limit and turns it into the column's unit: dollars become nano-dollars, rounded down. EINVAL otherwise. */
export function limitAmount(column: number, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new KernelError('EINVAL', `quota ${resourceName(column)} must be a finite number of at least 0`)
  }
  const amount = column === USD ? toNanos(value, Math.floor) : value
  if (!Number.isSafeInteger(amount)) {
    throw new KernelError('EINVAL', `quota ${resourceName(column)} must be a whole number`)
  }
  return amount
}

/** Dollars to whole nano-dollars. A product within float noise of a whole number is that number. */
export function toNanos(usd: number, round: (x: number) => number): number {
  const exact = usd * 1e9
  const nearest = Math.round(exact)
  return Math.abs(exact - nearest) <= Math.max(1e-6, exact * 4e-16) ? nearest : round(exact)
}

/**
 * Checks a cost that a driver reported: undefined when it is not to be believed (NaN, infinite, negative, not a
 * number, fractional counts). A negative cost would be a refund, and NaN passes every comparison.
 */
export function parseCost(
  cost: unknown,
): { amounts: Amounts; reductions: number; isEstimated: boolean } | undefined {
  const amounts = zero()
  if (cost === undefined) return { amounts, reductions: 0, isEstimated: false }
  if (typeof cost !== 'object' || cost === null) return undefined
  const { tokens, toolCalls, usd, reductions, estimated } = cost as DriverCost
  for (const value of [tokens, toolCalls, reductions]) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) return undefined
  }
  if (usd !== undefined && !(typeof usd === 'number' && Number.isFinite(usd) && usd >= 0)) return undefined
  const nanos = usd === undefined ? 0 : toNanos(usd, Math.ceil)
  if (!Number.isSafeInteger(nanos)) return undefined
  amounts[TOKENS] = tokens ?? 0
  amounts[TOOL_CALLS] = toolCalls ?? 0
  amounts[USD] = nanos
  return { amounts, reductions: reductions ?? 0, isEstimated: estimated === true }
}
