import { expect, it } from 'vitest'
import { asOperator, demoAgent, openApp } from './app.suite.ts'
import { end, rowOf, run, type Started, started, submit } from './flow.suite.ts'
import type { ProcessTable } from './kernel-powers.ts'

const dollar = 1_000_000_000
const conditions = async (open: Started) =>
  (await open.app.handlers.fleet.overview({}, asOperator())).conditions.map(({ kind, text }) => ({
    kind,
    text,
  }))
const statusOf = async (open: Started, id: Awaited<ReturnType<typeof submit>>) =>
  (await rowOf(open, id.sessionId)).status

/** A project whose sessions are paid for, so that budgets count. */
function paying(options: Parameters<typeof started>[0] = {}) {
  const agents = {
    list: async () => [{ ...demoAgent, payments: ['signalbox' as const] }],
    providers: async () => [],
  }
  return started({ ...options, powers: { agents, ...options.powers } })
}

it('a session of a project that is over its budget waits, says why, and goes on when the budget is raised', async () => {
  const open = await paying()
  const { handlers } = open.app
  const { projectId } = open
  const setBudget = (budget: { dailyUsdNanos: number | null; dailyTokens: number | null }, id?: string) =>
    handlers.project.setBudget({ projectId, budget }, asOperator(id))
  const done = setBudget({ dailyUsdNanos: 200, dailyTokens: null }, 'budget-once')
  expect(setBudget({ dailyUsdNanos: 200, dailyTokens: null }, 'budget-once')).toEqual(done)
  const first = await submit(open)
  run(open, first.sessionId)
  end(open, first.sessionId)
  const second = await submit(open)
  expect(await statusOf(open, second)).toBe('queued')
  expect(await conditions(open)).toEqual([
    {
      kind: `project-budget:${projectId}`,
      text: 'The budget of repo for today is used up ($0.0000 of $0.0000). 1 queued session waits.',
    },
  ])
  const [project] = await handlers.project.list({}, asOperator())
  expect(project).toMatchObject({
    budget: { dailyUsdNanos: 200, dailyTokens: null },
    usedToday: { usdNanos: 250, tokens: 2 },
  })
  setBudget({ dailyUsdNanos: 300, dailyTokens: null })
  expect(await statusOf(open, second)).toBe('working')
  expect(await conditions(open)).toEqual([])
})

it('tokens count as well, of running sessions too, and the next day everything is free', async () => {
  const open = await paying()
  const { handlers } = open.app
  handlers.project.setBudget(
    { projectId: open.projectId, budget: { dailyUsdNanos: null, dailyTokens: 1000 } },
    asOperator(),
  )
  const first = await submit(open)
  run(open, first.sessionId)
  open.app.ledger.setUsage(first.sessionId, {
    inputTokens: 900,
    cachedTokens: 0,
    outputTokens: 100,
    costUsdNanos: null,
    toolCalls: 0,
    wallMs: 1,
    source: 'reported',
  })
  const second = await submit(open)
  expect(await statusOf(open, second)).toBe('queued')
  expect((await conditions(open))[0]?.text).toContain('1000 of 1000 tokens')
  const { projectId: other } = await handlers.project.add({ path: '/home/me/other' }, asOperator())
  expect(await statusOf(open, await submit({ ...open, projectId: other }))).toBe('working')
  end(open, first.sessionId)
  expect(await statusOf(open, second)).toBe('working')
  end(open, second.sessionId, { kind: 'normal' }, 0)
  handlers.project.setBudget(
    { projectId: open.projectId, budget: { dailyUsdNanos: null, dailyTokens: 4 } },
    asOperator(),
  )
  const third = await submit(open)
  expect(await statusOf(open, third)).toBe('queued')
  open.pass(24 * 3_600_000)
  expect(await statusOf(open, third)).toBe('working')
})

it("the day's money is promised to sessions that work; the next one waits for what is free", async () => {
  const allowances: (number | null)[] = []
  const { powers } = openApp()
  const processes: ProcessTable = {
    ...powers.processes,
    setFleetAllowance: (usd) => void allowances.push(usd),
  }
  const open = await paying({ powers: { processes } })
  const { handlers } = open.app
  expect(allowances.at(-1)).toBeNull()
  handlers.settings.set({ dailyBudgetUsdNanos: 2 * dollar }, asOperator())
  expect(allowances.at(-1)).toBe(2 * dollar)
  const first = await submit(open, { budget: { usdNanos: 1.5 * dollar } })
  run(open, first.sessionId)
  const second = await submit(open, { budget: { usdNanos: 1 * dollar } })
  expect([await statusOf(open, first), await statusOf(open, second)]).toEqual(['working', 'queued'])
  expect(await conditions(open)).toEqual([
    {
      kind: 'daily-budget',
      text: "The next session may spend $1.00, and $0.50 of today's budget is free: $1.50 is promised to sessions that work. It waits.",
    },
  ])
  end(open, first.sessionId, { kind: 'normal' }, 0.2 * dollar)
  expect(await statusOf(open, second)).toBe('working')
  expect(allowances.at(-1)).toBe(1.8 * dollar)
  handlers.settings.set({ dailyBudgetUsdNanos: null }, asOperator())
  expect(allowances.at(-1)).toBeNull()
})

it('a session that may spend more than a day has gets a day; one that costs nothing waits for no money', async () => {
  const open = await paying()
  open.app.handlers.settings.set({ dailyBudgetUsdNanos: dollar }, asOperator())
  const big = await submit(open, { budget: { usdNanos: 5 * dollar } })
  expect(await statusOf(open, big)).toBe('working')
  const free = await started()
  free.app.handlers.settings.set({ dailyBudgetUsdNanos: dollar }, asOperator())
  for (let count = 0; count < 3; count++)
    expect(await statusOf(free, await submit(free, { budget: { usdNanos: dollar } }))).toBe('working')
})

it('refuses a budget for a repository that is not there', async () => {
  const open = await started()
  const { project } = open.app.handlers
  const budget = { dailyUsdNanos: null, dailyTokens: 1 }
  expect(() => project.setBudget({ projectId: 'prj-nothing' as never, budget }, asOperator())).toThrow(
    'project_not_found',
  )
  project.remove({ projectId: open.projectId }, asOperator())
  expect(() => project.setBudget({ projectId: open.projectId, budget }, asOperator())).toThrow(
    'project_not_found',
  )
})
