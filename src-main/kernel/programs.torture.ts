import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareRuns, noTotals } from './model/compare.fixture.ts'
import { programs } from './model/program.fixture.ts'

const { env } = globalThis.process
const count = Number(env.SIGNALBOX_PROGRAMS ?? 20_000)

it('runs generated programs step by step as the plain model does', { timeout: 3_600_000 }, async () => {
  const seed = Number(env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  const totals = noTotals()
  console.log(`programs: seed ${seed}`)
  const property = fc.asyncProperty(programs, async (program) => {
    const difference = await compareRuns(program, totals)
    if (difference) throw new Error(difference)
  })
  await fc.assert(property, { numRuns: count, seed, interruptAfterTimeLimit: 3_500_000 })
  const { steps, ambiguous, outcomes } = totals
  console.log(
    `programs: seed ${seed}, ${totals.programs} programs, ${steps} steps, ${outcomes.size} outcomes, ${ambiguous} skipped`,
  )
  expect(totals.programs).toBe(count)
  expect(ambiguous).toBeLessThan(count / 50)
  expect(outcomes.size).toBeGreaterThan(75)
})
