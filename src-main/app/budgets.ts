import type { Condition } from '../contract/fleet.ts'
import type { ProjectBudget } from '../contract/project.ts'
import type { SessionRow } from '../contract/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'

/** What is asked of the store here. */
export interface BudgetParts {
  readonly store: Store
  readonly clock: Clock
}

/** What a project's sessions used in the UTC day: those that ended in it, and those that work. */
export interface ProjectUse {
  readonly usdNanos: number
  readonly tokens: number
}

/** Money of today: of sessions that ended, and of those that work. */
export function costToday({ store, clock }: BudgetParts) {
  const ended = store.costs.dayAt(clock.nowMs())
  const running = store.queries.fleet.runningCost()
  return { usdNanos: ended.usdNanos + running.usdNanos, unknown: ended.unknown + running.unknown }
}

/** What of the day's money is spent, what is promised to sessions that work, and what is free; undefined without a limit. */
export function dayMoney(parts: BudgetParts) {
  const limit = parts.store.operator.settings().dailyBudgetUsdNanos
  if (limit === null) return undefined
  const spent = costToday(parts).usdNanos
  let promised = 0
  for (const { budgetUsdNanos, usdNanos, isFree } of parts.store.queries.fleet.working())
    if (!isFree && budgetUsdNanos !== null)
      promised += Math.max(0, Math.min(budgetUsdNanos, limit) - usdNanos)
  return { limit, spent, promised, free: Math.max(0, limit - spent - promised) }
}

export type DayMoney = NonNullable<ReturnType<typeof dayMoney>>

/**
 * What must be free of the day's money before a session starts, as the kernel reserves it: all that it may spend. One that
 * may spend more than a whole day's budget gets a whole day's.
 */
export function moneyNeeded(
  { budget, payment }: Pick<SessionRow, 'budget' | 'payment'>,
  day: DayMoney,
): number {
  if (payment === 'none' || budget.usdNanos === null) return 0
  return Math.min(budget.usdNanos, day.limit)
}

export function useToday(parts: BudgetParts, projectId: string): ProjectUse {
  const { store, clock } = parts
  let { usdNanos, tokens } = store.costs.projectDayAt(projectId, clock.nowMs())
  for (const running of store.queries.fleet.working()) {
    if (running.projectId !== projectId) continue
    usdNanos += running.usdNanos
    tokens += running.tokens
  }
  return { usdNanos, tokens }
}

/** Projects whose budget of the day is used up: no more sessions of theirs start. */
export function usedUpProjects(parts: BudgetParts) {
  return parts.store.projects.limited().filter(({ id, budget }) => isUsedUp(budget, useToday(parts, id)))
}

function isUsedUp({ dailyUsdNanos, dailyTokens }: ProjectBudget, use: ProjectUse): boolean {
  const hasNoMoney = dailyUsdNanos !== null && use.usdNanos >= dailyUsdNanos
  return hasNoMoney || (dailyTokens !== null && use.tokens >= dailyTokens)
}

/** Why queued sessions wait for money or tokens, for people. */
export function budgetConditions(parts: BudgetParts): Condition[] {
  const day = dayMoney(parts)
  const sinceMs = parts.clock.nowMs()
  const usedUp = usedUpProjects(parts)
  const queued = usedUp.length === 0 ? new Map<string, number>() : parts.store.queries.fleet.queuedByProject()
  const projects = usedUp.map(({ id, name, budget }): Condition => {
    const waiting = queued.get(id) ?? 0
    const wait =
      waiting === 0 ? '' : ` ${waiting} queued ${waiting === 1 ? 'session waits' : 'sessions wait'}.`
    const { usdNanos, tokens } = useToday(parts, id)
    const used =
      budget.dailyUsdNanos !== null && usdNanos >= budget.dailyUsdNanos
        ? `${dollars(usdNanos)} of ${dollars(budget.dailyUsdNanos)}`
        : `${tokens} of ${budget.dailyTokens ?? 0} tokens`
    return {
      kind: `project-budget:${id}`,
      tone: 'caution',
      text: `The budget of ${name} for today is used up (${used}).${wait}`,
      remedy: 'Raise the budget of the repository in Settings, or wait for the next day (UTC).',
      sinceMs,
    }
  })
  return [...dayConditions(parts, day, sinceMs), ...projects]
}

function dayConditions(parts: BudgetParts, day: DayMoney | undefined, sinceMs: number): Condition[] {
  if (!day) return []
  const remedy = 'Raise the daily budget in Settings, or wait for the next day (UTC).'
  if (day.spent >= day.limit) {
    const text = 'The budget of today is used up. Queued sessions wait.'
    return [{ kind: 'daily-budget', tone: 'caution', text, remedy, sinceMs }]
  }
  const [next] = parts.store.queries.fleet.queue(
    1,
    usedUpProjects(parts).map(({ id }) => id),
  )
  const row = next === undefined ? undefined : parts.store.sessions.read(next)?.row
  const needed = row ? moneyNeeded(row, day) : 0
  if (needed <= day.free) return []
  const text =
    `The next session may spend ${dollars(needed)}, and ${dollars(day.free)} of today's budget is free: ` +
    `${dollars(day.promised)} is promised to sessions that work. It waits.`
  return [{ kind: 'daily-budget', tone: 'caution', text, remedy, sinceMs }]
}

/** `$1.50`; small amounts keep four decimals, so that they are not nothing. */
export function dollars(usdNanos: number): string {
  const usd = usdNanos / 1e9
  return `$${usd.toFixed(usd >= 0.01 || usd === 0 ? 2 : 4)}`
}
