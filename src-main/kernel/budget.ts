import { type Account, CHILDREN, limitAmount, MEM, resourceName, TOKENS, TOOL_CALLS, USD } from './account.ts'
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

/**
 * Changes a live process's limits, all or none. A new limit counts what was already spent; less than that, or than
 * what its own children hold, is EINVAL; more than the pool above has left is EQUOTA.
 */
export function changeBudget(core: Core, process: Process, change: BudgetChange): void {
  const { account } = process
  const steps: (() => void)[] = []
  for (const [column, key] of COLUMNS) {
    const wanted = change[key]
    if (wanted === undefined) continue
    steps.push(
      wanted === null ? planShared(account, column) : planLimit(account, column, amountOf(column, wanted)),
    )
  }
  const wall = change.wallMs
  const wallMs = wall === undefined || wall === null ? wall : parseMs(wall, 'wallMs')
  for (const step of steps) step()
  if (wallMs !== undefined) setWall(core, process, wallMs ?? Number.POSITIVE_INFINITY)
  core.host.emit({ type: 'budget.changed', pid: process.pid, usage: usageOf(core, process) })
}

function amountOf(column: number, value: number): number {
  if (column !== USD) return limitAmount(column, value)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new KernelError('EINVAL', 'usdNanos must be a whole number')
  return value
}

function setWall(core: Core, process: Process, limitMs: number): void {
  const { parent } = process
  const most = parent
    ? process.wallMs(core.clock.now()) + parent.wallLeft(core.clock.now())
    : Number.POSITIVE_INFINITY
  process.wallLimitMs = Math.min(limitMs, most)
  armWall(core, process)
}

function planLimit(account: Account, column: number, limit: number): () => void {
  const held = account.has(column) && account.limit[column] !== Number.POSITIVE_INFINITY
  if (!held && account.parent) return planCarve(account, account.parent, column, limit)
  const used = (account.spent[column] ?? 0) + (account.reserved[column] ?? 0)
  if (limit < used) throw new KernelError('EINVAL', `${resourceName(column)}: ${used} are already used`)
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
  if (limit < used) throw new KernelError('EINVAL', `${resourceName(column)}: ${used} are already used`)
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

/** What the part of a subtree that shares one pool has spent there, and carved out of it. */
function sharedPart(account: Account, column: number): { spent: number; reserved: number } {
  let spent = column === CHILDREN ? account.children.size : (account.caused[column] ?? 0)
  let reserved = 0
  for (const child of account.children) {
    if (child.has(column)) reserved += child.limit[column] ?? 0
    else {
      const below = sharedPart(child, column)
      spent += below.spent
      reserved += below.reserved
    }
  }
  return { spent, reserved }
}
