import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkPlan, plan } from './plan.fixture.ts'
import { checkTree, tree } from './tree.fixture.ts'

const { env } = globalThis.process
const count = Number(env.SIGNALBOX_PROGRAMS ?? 20_000)
const seed = Number(env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)

it('supervisors keep their laws through random lives', { timeout: 3_600_000 }, async () => {
  console.log(`supervisors: seed ${seed}`)
  let ran = 0
  const options = { numRuns: count, seed, interruptAfterTimeLimit: 1_700_000 }
  await fc.assert(
    fc.asyncProperty(plan, async (p) => {
      ran++
      await checkPlan(p)
    }),
    options,
  )
  await fc.assert(
    fc.asyncProperty(tree, async (t) => {
      ran++
      await checkTree(t)
    }),
    options,
  )
  console.log(`supervisors: seed ${seed}, ${ran} lives`)
  expect(ran).toBe(2 * count)
})
