import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareRuns, noTotals } from './model/compare.fixture.ts'
import { programs } from './model/program.fixture.ts'

test('generated programs run on the kernel step by step as on a plain model of it', async () => {
  const totals = noTotals()
  const property = fc.asyncProperty(programs, async (program) => {
    const difference = await compareRuns(program, totals)
    if (difference) throw new Error(difference)
  })
  await fc.assert(property, { numRuns: 1500 })
  expect(totals.programs).toBeGreaterThan(100)
  expect(totals.ambiguous).toBeLessThan(totals.programs / 20)
  expect(totals.outcomes.size).toBeGreaterThan(60)
}, 60_000)
