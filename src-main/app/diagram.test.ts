import { expect, it } from 'vitest'
import { addSessions, type Stage } from '../../e2e/fixtures/many-sessions.ts'
import { asOperator, openApp } from './app.suite.ts'

const stages: readonly Stage[] = ['queued', 'working', 'asking', 'review', 'landed']

async function manySessions(count: number) {
  const open = openApp()
  // Several at the same moment, so that steps also end between sessions of equal age.
  let n = 0
  const seeded = await addSessions(
    open.app,
    Array.from({ length: count }, (_, i) => stages[i % stages.length] ?? 'landed'),
    () => {
      if (n++ % 7 === 0) open.pass(1)
      return open.clock.nowMs()
    },
  )
  return { ...open, seeded }
}

it('shows each session that moves or waits once, those that need somebody first, however many steps it takes', async () => {
  const { store, seeded } = await manySessions(1500)
  const steps = [...store.queries.fleet.markSteps(5000)]
  expect(Math.max(...steps.map((some) => some.length))).toBeLessThan(500)
  const ids = steps.flat().map(({ id }) => id)
  const wanted = seeded.filter(({ stage }) => stage !== 'landed').map(({ sessionId }) => sessionId)
  expect([...ids].sort()).toEqual([...wanted].sort())
  expect(steps.flat()[0]?.phase).toBe('ask')
  const some = [...store.queries.fleet.markSteps(700)].flat().map(({ id }) => id)
  expect(some).toEqual(ids.slice(0, 700))
})

it('reads once for all that ask meanwhile, and lets others work in between', async () => {
  const { app, pass } = await manySessions(1500)
  const context = asOperator()
  const both = Promise.all([app.handlers.fleet.diagram({}, context), app.handlers.fleet.diagram({}, context)])
  let isDone = false
  both.then(
    () => {
      isDone = true
    },
    () => undefined,
  )
  let turns = 0
  while (!isDone) {
    turns += 1
    pass(1)
    await new Promise((resolve) => void setImmediate(resolve))
  }
  const [one, other] = await both
  expect(one).toHaveLength(1200)
  expect(other).toBe(one)
  expect(turns).toBeGreaterThan(1)
})
