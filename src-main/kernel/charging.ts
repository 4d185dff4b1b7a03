import type { ResourceName } from './abi.ts'
import {
  type Account,
  type Amounts,
  charge,
  openAccount,
  RESOURCES,
  resourceName,
  settle,
  TOKENS,
  TOOL_CALLS,
  USD,
} from './account.ts'
import type { Core } from './core.ts'
import type { Meter, Process } from './process.ts'
import { tellExceeded } from './usage.ts'

/** Where accounts meet processes: charges and settlements with their events, counters and kills. */

/** Ends a process over budget and says so once. */
export function killOver(core: Core, process: Process, resource: ResourceName): void {
  if (process.isDead) return
  tellExceeded(core, process, resource)
  core.exit(process, { kind: 'quota', resource })
}

/** Charges before an effect; false when it did not fit, and then the process is dead (consumption failures kill). */
export function chargeOrKill(core: Core, process: Process, cost: Amounts, what: string): boolean {
  const refused = charge(process.account, cost)
  if (refused) {
    killOver(core, process, refused)
    return false
  }
  record(core, process, cost, what)
  return true
}

/**
 * Books a cost already incurred. When the process is gone it falls on its nearest live ancestor's account, marked
 * late: dying must not make an expensive call free. Returns the resource that went over.
 */
export function settleCost(
  core: Core,
  process: Process,
  cost: Amounts,
  what: string,
  isEstimated = false,
): ResourceName | undefined {
  const isLate = process.isDead
  const account: Account = isLate ? openAccount(process.account) : process.account
  const { overrun, excess, overdraft } = settle(account, cost)
  record(core, process, cost, what, isLate, isEstimated)
  if (!overrun) return undefined
  for (let r = 0; r < RESOURCES; r++) {
    const over = excess[r] ?? 0
    if (over <= 0) continue
    const resource = resourceName(r)
    const unit = r === USD ? 1e-9 : 1
    core.metrics.add('overrun_total', over * unit, resource)
    core.metrics.add('overdraft_total', (overdraft[r] ?? 0) * unit, resource)
    core.events.push(process.pid, {
      kind: 'charge.overrun',
      resource,
      excess: over,
      overdraft: overdraft[r] ?? 0,
      ...(isLate ? { late: true } : {}),
    })
    if (isLate) tellExceeded(core, process, resource, isLate)
  }
  return overrun
}

/** Books a cost and ends the process if it went past its reach; true while it lives. */
export function settleOrKill(
  core: Core,
  process: Process,
  cost: Amounts,
  what: string,
  isEstimated = false,
): boolean {
  const before = process.isDead
  const overrun = settleCost(core, process, cost, what, isEstimated)
  if (overrun && !before) killOver(core, process, overrun)
  return !process.isDead
}

/** The counters for one process and what it pays for; nearly always the same as the last time. */
function meterOf(core: Core, process: Process, what: string): Meter {
  const known = process.meter
  if (known?.what === what) return known
  const { metrics } = core
  const meter = {
    what,
    tokens: metrics.counter('tokens_total', what, process.name),
    toolCalls: metrics.counter('tool_calls_total', what, process.name),
    usd: metrics.counter('cost_usd_total', what, process.name),
  }
  process.meter = meter
  return meter
}

function record(
  core: Core,
  process: Process,
  cost: Amounts,
  what: string,
  isLate = false,
  isEstimated = false,
): void {
  const tokens = cost[TOKENS]
  const toolCalls = cost[TOOL_CALLS]
  const nanoUsd = cost[USD]
  if (tokens === 0 && toolCalls === 0 && nanoUsd === 0) return
  const meter = meterOf(core, process, what)
  meter.tokens.value += tokens
  meter.toolCalls.value += toolCalls
  meter.usd.value += nanoUsd / 1e9
  if (!isLate && !isEstimated) {
    core.events.pushCharged(process.pid, what, tokens, toolCalls, nanoUsd)
    return
  }
  core.events.pushOften(process.pid, {
    kind: 'charge',
    what,
    tokens,
    toolCalls,
    nanoUsd,
    ...(isLate && { late: true }),
    ...(isEstimated && { estimated: true }),
  })
}
