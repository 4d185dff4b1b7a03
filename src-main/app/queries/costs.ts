import type { Costs } from '../../contract/fleet.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Spent, SpentShare } from '../../store/queries/costs.ts'
import type { Store } from '../../store/store.ts'

const dayMs = 24 * 3_600_000
const nothing: Spent = { usdNanos: 0, sessions: 0, unknown: 0 }

/** What was spent in the last `days` UTC days, today among them, and in as many before. */
export function readCosts(store: Store, clock: Clock, days: number): Costs {
  const todayMs = Math.floor(clock.nowMs() / dayMs) * dayMs
  const firstMs = todayMs - (days - 1) * dayMs
  const working = store.queries.costs.working()
  const ended = store.queries.costs.daysSince(dayOf(firstMs - days * dayMs))
  const byDay = new Map(ended.map((one) => [one.day, one]))
  const span = Array.from({ length: days }, (_, index) => {
    const day = dayOf(firstMs + index * dayMs)
    return { ...sum([byDay.get(day) ?? nothing, ...(index === days - 1 ? working : [])]), day }
  })
  const shares = [...store.queries.costs.endedSince(firstMs), ...working]
  return {
    days: span,
    total: sum(span),
    before: sum(ended.filter(({ day }) => day < dayOf(firstMs))),
    byAgent: groupsOf(shares, ({ agent }) => agent).map(([agent, group]) => ({ agent, ...sum(group) })),
    byProject: groupsOf(shares, ({ projectId }) => projectId).map(([projectId, group]) => ({
      projectId,
      name: group[0]?.projectName ?? projectId,
      ...sum(group),
    })),
    dailyBudgetUsdNanos: store.operator.settings().dailyBudgetUsdNanos,
  }
}

/** Shares by key, the dearest group first; groups of equal cost by their number of sessions. */
function groupsOf<K extends string>(shares: readonly SpentShare[], keyOf: (share: SpentShare) => K) {
  const groups = new Map<K, SpentShare[]>()
  for (const share of shares) {
    const there = groups.get(keyOf(share))
    if (there) there.push(share)
    else groups.set(keyOf(share), [share])
  }
  return [...groups].sort(([, a], [, b]) => {
    const [left, right] = [sum(a), sum(b)]
    return right.usdNanos - left.usdNanos || right.sessions - left.sessions
  })
}

function sum(parts: readonly Spent[]): Spent {
  const add = (of: (one: Spent) => number) => parts.reduce((total, one) => total + of(one), 0)
  return {
    usdNanos: add((one) => one.usdNanos),
    sessions: add((one) => one.sessions),
    unknown: add((one) => one.unknown),
  }
}

/** `YYYY-MM-DD` of an instant, UTC. */
function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
