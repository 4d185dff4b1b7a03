import { expect, it } from 'vitest'
import { asOperator } from '../app.suite.ts'
import { end, run, started, submit } from '../flow.suite.ts'

const dayMs = 24 * 3_600_000

it('sums money by day, agent and project, and counts those that did not say', async () => {
  const open = await started()
  const ask = (days: number) => open.app.handlers.fleet.costs({ days }, asOperator())
  const early = await submit(open)
  end(open, early.sessionId, { kind: 'normal' }, 1000)
  open.pass(dayMs)
  const first = await submit(open)
  const silent = await submit(open)
  const second = await submit(open)
  end(open, first.sessionId)
  end(open, silent.sessionId, { kind: 'normal' }, null)
  end(open, second.sessionId, { kind: 'normal' }, 50)
  const today = { usdNanos: 300, sessions: 3, unknown: 1 }
  const both = { usdNanos: 1300, sessions: 4, unknown: 1 }
  const two = await ask(2)
  expect(two.days).toMatchObject([{ usdNanos: 1000, sessions: 1, unknown: 0 }, today])
  expect(two).toMatchObject({
    total: both,
    before: { usdNanos: 0, sessions: 0, unknown: 0 },
    byAgent: [{ agent: 'scripted:demo', ...both }],
    byProject: [{ projectId: open.projectId, name: 'repo', ...both }],
    dailyBudgetUsdNanos: null,
  })
  const one = await ask(1)
  expect(one).toMatchObject({ total: today, before: { usdNanos: 1000, sessions: 1, unknown: 0 } })
  expect(one.byAgent).toMatchObject([today])
})

it('counts what works now on today, as the title strip does', async () => {
  const open = await started()
  const { sessionId } = await submit(open)
  run(open, sessionId)
  const usage = { inputTokens: 1, cachedTokens: 0, outputTokens: 1, toolCalls: 0, wallMs: 5 }
  open.store.live.setUsage(sessionId, { ...usage, costUsdNanos: 70, source: 'metered' })
  const costs = await open.app.handlers.fleet.costs({ days: 7 }, asOperator())
  const overview = await open.app.handlers.fleet.overview({}, asOperator())
  expect(costs.days).toHaveLength(7)
  expect(costs.days.at(-1)).toMatchObject({ usdNanos: overview.costTodayUsdNanos, sessions: 1 })
  expect(costs.total.usdNanos).toBe(70)
  expect(costs.days.map(({ day }) => day)).toEqual(costs.days.map(({ day }) => day).sort())
})
