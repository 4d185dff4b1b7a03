import { expect, it } from 'vitest'
import { runKillRounds } from './fixtures/kill-rounds.ts'

it('loses nothing when the daemon is killed at a random moment', { timeout: 180_000 }, async () => {
  const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  console.log(`seed ${seed}`)
  const totals = await runKillRounds(2, seed)
  expect(totals).toMatchObject({ rounds: 2, sessions: expect.any(Number) as number })
})
