import { expect, it } from 'vitest'
import { moments } from './fixtures/kill-moments.ts'
import { runKillRounds } from './fixtures/kill-rounds.ts'

it('loses nothing when the daemon is killed at any moment', { timeout: 180_000 }, async () => {
  const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  console.log(`seed ${seed}`)
  const totals = await runKillRounds(moments.length, seed)
  expect(totals.rounds).toBe(moments.length)
})
