import { expect, it } from 'vitest'
import { runOverBadLine } from './bad-line.fixture.ts'

it('holds over lines from good to hopeless', { timeout: 1_800_000 }, async () => {
  const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 2 ** 31)
  console.log(`bad line: seed ${seed}`)
  for (const [at, rate] of [0.02, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1].entries()) {
    for (let round = 0; round < 4; round++) {
      const totals = await runOverBadLine(seed + at * 100 + round, rate > 0.6 ? 12 : 240, rate)
      console.log(`bad line: rate ${rate}`, JSON.stringify(totals))
      expect(totals.faults).toBeGreaterThan(0)
      if (rate <= 0.35) expect(totals.delivered).toBeGreaterThan(totals.sent * 0.9)
    }
  }
})
