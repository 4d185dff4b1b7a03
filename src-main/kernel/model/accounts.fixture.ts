import type { Quota, ResourceName } from '../abi.ts'

/**
 * Accounts as plainly as they can be said: what is reserved, resident or alive is counted afresh by walking the tree
 * whenever somebody asks, and only what was spent is remembered.
 */

export const NAMES: readonly ResourceName[] = ['toolCalls', 'tokens', 'usd', 'mem', 'children']
export const CALLS = 0
export const TOKENS = 1
export const USD = 2
export const MEM = 3
export const CHILDREN = 4
export const COLUMNS = [CALLS, TOKENS, USD, MEM, CHILDREN]

export interface PlainAccount {
  parent: PlainAccount | undefined
  readonly children: PlainAccount[]
  /** Absent: no private limit. On the root: no limit at all. */
  readonly limit: (number | undefined)[]
  /** Consumables alone. */
  readonly spent: number[]
  readonly caused: number[]
  /** Tokens resident in this process. */
  resident: number
  overdraft: number[]
  /** Closed with its process; what comes late falls on the nearest one above that is open. A root stays open. */
  isFolded: boolean
}

/** Reads a quota into limits; undefined when it is malformed. Dollars arrive as whole nano-dollars over 1e9. */
export function limitsOf(quota: Quota): (number | undefined)[] | undefined {
  const nanos = quota.usd === undefined ? undefined : Math.round(quota.usd * 1e9)
  const limits = [quota.toolCalls, quota.tokens, nanos, quota.mem, quota.children]
  const isGood = limits.every((one) => one === undefined || (Number.isSafeInteger(one) && one >= 0))
  return isGood ? limits : undefined
}

export function openPlain(parent: PlainAccount | undefined, limit: (number | undefined)[]): PlainAccount {
  const none = (): number[] => [0, 0, 0, 0, 0]
  const account = {
    parent,
    children: [],
    limit,
    spent: none(),
    caused: none(),
    resident: 0,
    overdraft: none(),
    isFolded: false,
  }
  parent?.children.push(account)
  return account
}

/** The account whose pool pays: itself or the nearest above with a limit, at last the root. */
export function pool(account: PlainAccount, r: number): PlainAccount {
  return account.limit[r] !== undefined || !account.parent ? account : pool(account.parent, r)
}

/** Everything that draws on `at`'s pool below and including `account`. */
function drawn(at: PlainAccount, account: PlainAccount, r: number): number {
  let sum = r === MEM && pool(account, r) === at ? account.resident : 0
  for (const child of account.children) {
    if (pool(account, r) === at) sum += (r === CHILDREN ? 1 : 0) + (child.limit[r] ?? 0)
    sum += drawn(at, child, r)
  }
  return sum
}

/** What is left in an account's own pool. */
function left(at: PlainAccount, r: number): number {
  return (at.limit[r] ?? Number.POSITIVE_INFINITY) - (at.spent[r] ?? 0) - drawn(at, at, r)
}

export function free(account: PlainAccount, r: number): number {
  return left(pool(account, r), r)
}

/** Makes a child account, or undefined when one of its limits does not fit above. */
export function carvePlain(parent: PlainAccount, limit: (number | undefined)[]): PlainAccount | undefined {
  for (const r of COLUMNS) {
    const need = (limit[r] ?? 0) + (r === CHILDREN ? 1 : 0)
    if (need > free(parent, r)) return undefined
  }
  return openPlain(parent, limit)
}

/** First consumable that does not fit, and then nothing was charged. */
export function chargePlain(account: PlainAccount, cost: readonly number[]): ResourceName | undefined {
  for (const r of [CALLS, TOKENS, USD]) {
    if ((cost[r] ?? 0) > 0 && (cost[r] ?? 0) > free(account, r)) return NAMES[r]
  }
  for (const r of [CALLS, TOKENS, USD]) {
    const payer = pool(account, r)
    payer.spent[r] = (payer.spent[r] ?? 0) + (cost[r] ?? 0)
    account.caused[r] = (account.caused[r] ?? 0) + (cost[r] ?? 0)
  }
  return undefined
}

/** Books what was already used, upwards as far as it takes; every resource that went past its own pool, in order. */
export function settlePlain(account: PlainAccount, cost: readonly number[]): ResourceName[] {
  const over: ResourceName[] = []
  for (const r of [CALLS, TOKENS, USD]) {
    account.caused[r] = (account.caused[r] ?? 0) + (cost[r] ?? 0)
    const rest = book(pool(account, r), r, cost[r] ?? 0)
    if (rest > 0) over.push(NAMES[r] as ResourceName)
  }
  return over
}

/** Returns what the first pool could not take; the rest went further up. */
function book(payer: PlainAccount, r: number, amount: number): number {
  const part = Math.min(amount, Math.max(0, left(payer, r)))
  payer.spent[r] = (payer.spent[r] ?? 0) + part
  const rest = amount - part
  if (rest > 0 && payer.parent) book(pool(payer.parent, r), r, rest)
  else payer.overdraft[r] = (payer.overdraft[r] ?? 0) + rest
  return rest
}

/** Closes an account: what it spent counts above from now on, and its children hang there. */
export function foldPlain(account: PlainAccount): void {
  const { parent } = account
  if (!parent) return
  for (const r of [CALLS, TOKENS, USD]) {
    parent.caused[r] = (parent.caused[r] ?? 0) + (account.caused[r] ?? 0)
    if (account.limit[r] === undefined) continue
    const up = pool(parent, r)
    up.spent[r] = (up.spent[r] ?? 0) + (account.spent[r] ?? 0)
  }
  account.isFolded = true
  parent.children.splice(parent.children.indexOf(account), 1)
  for (const child of account.children) child.parent = parent
  parent.children.push(...account.children.splice(0))
}

export function causedBelowPlain(account: PlainAccount, r: number): number {
  const own = r === MEM ? account.resident : (account.caused[r] ?? 0)
  return account.children.reduce((sum, child) => sum + causedBelowPlain(child, r), own)
}

/** One row of a usage reading. */
export function usageRow(account: PlainAccount, r: number, spent: number) {
  const limit = account.limit[r]
  const available = free(account, r)
  return {
    spent,
    ...(limit === undefined ? {} : { limit }),
    ...(available === Number.POSITIVE_INFINITY ? {} : { available }),
  }
}
