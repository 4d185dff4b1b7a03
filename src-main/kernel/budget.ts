import type { ResourceName } from './abi.ts'
import {
  type Account,
  CHILDREN,
  causedBelow,
  limitAmount,
  MEM,
  resourceName,
  TOKENS,
  TOOL_CALLS,
  USD,
} from './account.ts'
import { type Core, parseMs } from './core.ts'
import { KernelError, QuotaExceeded } from './errors.ts'
import type { HostQuota } from './host-events.ts'
import { armWall } from './lifetime.ts'
import type { Process } from './process.ts'
import { usageOf } from './usage.ts'

/** A changed budget: an absent key stays as it is, null gives the limit up and shares the pool above. */
export type BudgetChange = { readonly [K in keyof Omit<HostQuota, 'maxMailbox'>]?: HostQuota[K] | null }

const COLUMNS: readonly (readonly [number, keyof BudgetChange])[] = [
  [TOOL_CALLS, 'toolCalls'],
  [TOKENS, 'tokens'],
  [USD, 'usdNanos'],
  [MEM, 'mem'],
  [CHILDREN, 'children'],
]

/** A limit below what is used already, or held for what runs below (EINVAL). Amounts as in {@link QuotaExceeded}. */
export class LimitTooLow extends KernelError {
  readonly resource: ResourceName
  readonly used: number

  constructor(resource: ResourceName, used: number) {
    super('EINVAL', `${resource}: ${used} are already used`)
    this.name = 'LimitTooLow'
    this.resource = resource
    this.used = used
  }
}

/**
 * Changes a live process's limits, all or none. A new limit counts what was already spent; less than that, or than
 * what its own children hold, is EINVAL ({@link LimitTooLow}); more than the pool above has left is EQUOTA.
 */
export function changeBudget(core: Core, process: Process, change: BudgetChange): void {
  const setWall = planWall(core, process, change.wallMs)
  changeLimits(process.account, change)
  setWall()
  core.host.emit({ type: 'budget.changed', pid: process.pid, usage: usageOf(core, process) })
}

/** The account's part of a changed budget: all limits or none. Errors as of {@link changeBudget}. */
export function changeLimits(account: Account, change: BudgetChange): void {
  const steps: (() => void)[] = []
  for (const [column, key] of COLUMNS) {
    const wanted = change[key]
    if (wanted === undefined) continue
    steps.push(
      wanted === null ? planShared(account, column) : planLimit(account, column, amountOf(column, wanted)),
    )
  }
  for (const step of steps) step()
}

/**
 * Lets everything below a root spend `more` from now on, in nano-dollars; null takes the limit away. What is promised to
 * processes that live stays theirs, so that the true limit may be higher.
 */
export function setAllowance(core: Core, root: Process, more: number | null): void {
  const { account } = root
  if (more === null) {
    if (account.isLimited(USD)) changeBudget(core, root, { usdNanos: null })
    return
  }
  const spent = causedBelow(account, USD) - (account.overdraft[USD] ?? 0)
  const promised = (account.spent[USD] ?? 0) + (account.reserved[USD] ?? 0)
  const limit = Math.max(promised, spent + more)
  if (limit !== account.limit[USD]) changeBudget(core, root, { usdNanos: limit })
}

function amountOf(column: number, value: number): number {
  if (column !== USD) return limitAmount(column, value)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new KernelError('EINVAL', 'usdNanos must be a whole number')
  return value
}

/** Its parent's ceiling holds for it as well: it can have no more, and without a ceiling of its own it has that one. */
function planWall(core: Core, process: Process, wanted: number | null | undefined): () => void {
  if (wanted === undefined) return () => undefined
  const now = core.clock.now()
  const used = Math.round(process.wallMs(now))
  const left = process.parent?.wallLeft(now) ?? Number.POSITIVE_INFINITY
  const limitMs = wanted === null ? used + left : parseMs(wanted, 'wallMs')
  if (limitMs < used) throw new LimitTooLow('wallMs', used)
  if (wanted !== null && limitMs > used + left) throw new QuotaExceeded('wallMs', limitMs - used, left)
  return () => {
    process.wallLimitMs = limitMs
    armWall(core, process)
  }
}

function planLimit(account: Account, column: number, limit: number): () => void {
  const held = account.has(column) && account.limit[column] !== Number.POSITIVE_INFINITY
  if (!held && account.parent) return planCarve(account, account.parent, column, limit)
  const used = (account.spent[column] ?? 0) + (account.reserved[column] ?? 0)
  if (limit < used) throw new LimitTooLow(resourceName(column), used)
  const up = account.parent?.holder(column)
  const more = limit - (account.limit[column] ?? 0)
  if (up && more > up.available(column))
    throw new QuotaExceeded(resourceName(column), more, up.available(column))
  return () => {
    account.limit[column] = limit
    if (up) up.reserved[column] = (up.reserved[column] ?? 0) + more
  }
}

/** Turns a share of the pool above into a limit of its own: what it and its poolmates below used comes along. */
function planCarve(account: Account, parent: Account, column: number, limit: number): () => void {
  const up = parent.holder(column)
  const part = sharedPart(account, column)
  const spent = Math.min(part.spent, up.spent[column] ?? 0)
  const used = spent + part.reserved
  if (limit < used) throw new LimitTooLow(resourceName(column), used)
  const more = limit - used
  if (more > up.available(column)) throw new QuotaExceeded(resourceName(column), more, up.available(column))
  return () => {
    up.spent[column] = (up.spent[column] ?? 0) - spent
    up.reserved[column] = (up.reserved[column] ?? 0) - part.reserved + limit
    account.spent[column] = spent
    account.reserved[column] = part.reserved
    account.limit[column] = limit
  }
}

function planShared(account: Account, column: number): () => void {
  const { parent } = account
  if (!account.has(column)) return () => undefined
  if (!parent) {
    return () => {
      account.limit[column] = Number.POSITIVE_INFINITY
    }
  }
  const up = parent.holder(column)
  return () => {
    const { limit, spent, reserved } = account
    up.reserved[column] = (up.reserved[column] ?? 0) - (limit[column] ?? 0) + (reserved[column] ?? 0)
    up.spent[column] = (up.spent[column] ?? 0) + (spent[column] ?? 0)
    spent[column] = 0
    reserved[column] = 0
    limit[column] = -1
  }
}

/** What the part of a subtree that shares one pool has spent there, and carved out of it or set aside. */
function sharedPart(account: Account, column: number): { spent: number; reserved: number } {
  let spent = column === CHILDREN ? (account.children?.size ?? 0) : (account.caused[column] ?? 0)
  let reserved = account.held?.[column] ?? 0
  for (const child of account.children ?? []) {
    if (child.has(column)) reserved += child.limit[column] ?? 0
    else {
      const below = sharedPart(child, column)
      spent += below.spent
      reserved += below.reserved
    }
  }
  return { spent, reserved }
}
