import { it } from 'vitest'
import { runKillRounds } from './fixtures/kill-rounds.ts'
it('x', { timeout: 600_000 }, async () => {
  const t = Date.now()
  console.log(await runKillRounds(Number(process.env.N ?? 6), Number(process.env.SEED ?? 2119546437), (process.env.M ?? 'shim').split(',') as never), Date.now() - t)
})
