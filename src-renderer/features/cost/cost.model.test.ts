import type { Costs } from '@contract/fleet.ts'
import { expect, it } from 'vitest'
import { costText, csvOf, leadOf, sharesOf, shortDay } from './cost.model.ts'

const spent = (usdNanos: number, sessions = 1, unknown = 0) => ({ usdNanos, sessions, unknown })
const costs: Costs = {
  days: [
    { day: '2026-11-20', ...spent(1_500_000_000, 2) },
    { day: '2026-11-21', ...spent(40, 2, 1) },
  ],
  total: spent(1_500_000_040, 4, 1),
  before: spent(2_000_000_000, 3),
  byAgent: [{ agent: 'acp:codex', ...spent(1_500_000_040, 4, 1) }],
  byProject: [{ projectId: 'prj-aaaa' as never, name: '=cmd|"x", y', ...spent(1_500_000_040, 4, 1) }],
  dailyBudgetUsdNanos: null,
}

it('says the sum, the change and what is unknown', () => {
  expect(leadOf(costs)).toBe(
    '$1.50 in 2 days, 4 sessions. $0.50 less than in the 2 before. 1 session did not say what it cost.',
  )
  expect(leadOf({ ...costs, total: spent(0, 0), before: spent(0, 0) })).toBe('No spend recorded.')
})

it('never shows unknown as nothing', () => {
  expect(costText(spent(0, 2, 2))).toBe('—')
  expect(costText(spent(0, 2, 1))).toBe('$0.00')
})

it('writes exact amounts, and names that can neither break a line nor run as a formula', () => {
  const lines = csvOf(costs).split('\n')
  expect(lines[1]).toBe('day,2026-11-20,1.500000000,2,0')
  expect(lines[2]).toBe('day,2026-11-21,0.000000040,2,1')
  expect(lines[4]).toBe('project,"\'=cmd|""x"", y",1.500000040,4,1')
})

it('measures shares against the dearest', () => {
  const shares = sharesOf([
    { key: 'a', name: 'a', ...spent(4) },
    { key: 'b', name: 'b', ...spent(1) },
  ])
  expect(shares.map((one) => one.share)).toEqual([1, 0.25])
  expect(sharesOf([{ key: 'a', name: 'a', ...spent(0) }])[0]?.share).toBe(0)
  expect(shortDay('2026-11-21')).toBe('21 Nov')
})
