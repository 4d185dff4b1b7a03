import { expect, it } from 'vitest'
import { runKillRounds } from './fixtures/kill-rounds.ts'

it('loses nothing in 30 kills at random moments', { timeout: 1_800_000 }, async () => {
  const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  const totals = await runKillRounds(30, seed)
  console.log(
    `kill: seed ${seed}, ${totals.rounds} kills, ${totals.sessions} sessions accepted, ${totals.lost} ended as lost`,
  )
  expect(totals.rounds).toBe(30)
})
