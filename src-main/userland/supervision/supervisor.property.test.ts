import fc from 'fast-check'
import { test } from 'vitest'
import { checkPlan, plan } from './plan.fixture.ts'
import { checkTree, tree } from './tree.fixture.ts'

test('44: restarts in any window stay within the intensity, else the supervisor is dead with all its children', async () => {
  await fc.assert(fc.asyncProperty(plan, checkPlan), { numRuns: 1500 })
}, 60_000)

test('trees of supervisors lose nobody, double nobody, and leave nobody behind', async () => {
  await fc.assert(fc.asyncProperty(tree, checkTree), { numRuns: 500 })
}, 60_000)
