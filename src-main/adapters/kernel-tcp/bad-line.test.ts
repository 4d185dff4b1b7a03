import { expect, test } from 'vitest'
import { runOverBadLine } from './bad-line.fixture.ts'

test('over a line that drops, delays, doubles, swaps and spoils, nothing arrives twice or changed', async () => {
  const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  const totals = await runOverBadLine(seed, 30, 0.15)
  console.log(`bad line: seed ${seed}`, JSON.stringify(totals))
  expect(totals.sent).toBe(60)
  expect(totals.faults).toBeGreaterThan(5)
  expect(totals.delivered).toBeGreaterThan(40)
})

test('over a good line everything is delivered', async () => {
  const totals = await runOverBadLine(1, 60, 0)
  expect(totals).toEqual({ sent: 120, delivered: 120, arrived: 120, failed: {}, faults: 0 })
})
