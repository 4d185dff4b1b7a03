import type { Quota, ResourceName } from './abi.ts'
import { type Account, CHILDREN, causedBelow, MEM, TOKENS, TOOL_CALLS, USD } from './account.ts'
import type { Core } from './core.ts'
import type { Usage, UsageRow } from './host-events.ts'
import type { Process } from './process.ts'

const NEVER = Number.POSITIVE_INFINITY

/** Gives what an account and all below it caused in a column. */
export type Caused = (account: Account, column: number) => number

/** What a process and everything below it used, may use, and has left. */
export function usageOf(core: Core, process: Process, caused: Caused = causedBelow): Usage {
  const { account } = process
  const wall = process.wallMs(core.clock.now())
  return {
    tokens: row(account, TOKENS, caused(account, TOKENS)),
    toolCalls: row(account, TOOL_CALLS, caused(account, TOOL_CALLS)),
    usdNanos: row(account, USD, caused(account, USD)),
    mem: row(account, MEM, caused(account, MEM)),
    children: row(account, CHILDREN, process.children?.size ?? 0),
    wallMs:
      process.wallLimitMs === NEVER
        ? { spent: wall }
        : { spent: wall, limit: process.wallLimitMs, available: process.wallLeft(core.clock.now()) },
  }
}

function row(account: Account, column: number, spent: number): UsageRow {
  const out: { spent: number; limit?: number; available?: number } = { spent }
  const limit = account.limit[column] ?? 0
  if (account.has(column) && limit !== NEVER) out.limit = limit
  if (account.isLimited(column)) out.available = account.holder(column).available(column)
  return out
}

/** The `budget` call: what is left after outstanding carves; keys without any limit on the path are absent. */
export function budgetOf(core: Core, process: Process): Quota {
  const { account } = process
  const out: { -readonly [K in keyof Quota]: Quota[K] } = {}
  if (account.isLimited(TOKENS)) out.tokens = account.holder(TOKENS).available(TOKENS)
  if (account.isLimited(TOOL_CALLS)) out.toolCalls = account.holder(TOOL_CALLS).available(TOOL_CALLS)
  if (account.isLimited(USD)) out.usd = account.holder(USD).available(USD) / 1e9
  if (account.isLimited(CHILDREN)) out.children = account.holder(CHILDREN).available(CHILDREN)
  if (account.isLimited(MEM)) out.mem = account.holder(MEM).available(MEM)
  if (process.wallLimitMs !== NEVER) out.wallMs = process.wallLeft(core.clock.now())
  if (process.mailbox.max !== NEVER) out.maxMailbox = process.mailbox.max
  return out
}

const COLUMN_OF: Readonly<Record<Exclude<ResourceName, 'wallMs'>, number>> = {
  toolCalls: TOOL_CALLS,
  tokens: TOKENS,
  usd: USD,
  mem: MEM,
  children: CHILDREN,
}

/** Tells the host once that a budget did not hold; `isLate` for a cost that arrived after the end. */
export function tellExceeded(core: Core, process: Process, resource: ResourceName, isLate = false): void {
  if (!isLate) core.metrics.add('quota_kills_total', 1, resource)
  core.host.emit({
    type: 'budget.exceeded',
    pid: process.pid,
    resource,
    isLate,
    ...heldTo(core, process, resource),
  })
}

function heldTo(
  core: Core,
  process: Process,
  resource: ResourceName,
): { used: number; limit: number | null } {
  if (resource === 'wallMs') return { used: process.wallMs(core.clock.now()), limit: process.wallLimitMs }
  const column = COLUMN_OF[resource]
  const limit = process.account.holder(column).limit[column] ?? NEVER
  return { used: causedBelow(process.account, column), limit: limit === NEVER ? null : limit }
}
