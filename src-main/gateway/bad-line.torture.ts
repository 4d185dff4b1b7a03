import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { type BadLine, type Mischief, openBadLine } from './bad-line.fixture.ts'
import { ask, dialects, openBed, requestIn, routeTo, type TestBed, upstreamKey } from './test-gateway.ts'

let bed: TestBed
let line: BadLine
afterEach(async () => {
  await line.close()
  await bed.close()
})

const seed = Number(process.env.SIGNALBOX_SEED ?? Date.now() % 1_000_000)
const rounds = Number(process.env.SIGNALBOX_LINE_CALLS ?? 400)
const none: Mischief = { drops: 0, delays: 0, duplicates: 0, reorders: 0, corrupts: 0, resets: 0 }
const kinds: readonly (readonly [string, Mischief])[] = [
  ['drops', { ...none, drops: 0.1 }],
  ['delays', { ...none, delays: 0.5 }],
  ['duplicates', { ...none, duplicates: 0.15 }],
  ['reorders', { ...none, reorders: 0.15 }],
  ['corrupts', { ...none, corrupts: 0.15 }],
  ['resets', { ...none, resets: 0.1 }],
  [
    'does all of it',
    { drops: 0.03, delays: 0.3, duplicates: 0.05, reorders: 0.05, corrupts: 0.05, resets: 0.03 },
  ],
]

function randomFrom(start: number): () => number {
  const values = fc.sample(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), {
    seed: start,
    numRuns: 5000,
  })
  let at = 0
  return () => values[at++ % values.length] ?? 0
}

describe.each(kinds)('a line to the upstream that %s', (_kind, mischief) => {
  it(`leaves nothing open, nothing charged twice and no lie (seed ${seed})`, {
    timeout: 300_000,
  }, async () => {
    const words = Array.from({ length: 20 }, (_, at) => `These are some forty letters of text ${at}. `)
    bed = await openBed({
      script: () => ({ text: words }),
      countsUsage: true,
      frameDelayMs: 1,
      limits: { firstByteMs: 300, idleMs: 200, callsPerSession: 100 },
      route: (asked, model) => {
        const upstream = random() < 0.7 ? asked : (dialects[Math.floor(random() * 4)] ?? asked)
        return routeTo(`http://127.0.0.1:${line.port}`, upstream, model)
      },
    })
    const random = randomFrom(seed)
    line = await openBadLine(bed.server.port, mischief, random)
    for (let done = 0; done < rounds / kinds.length; done += 10) {
      const batch = Array.from({ length: 10 }, (_, at) => {
        const dialect = dialects[(done + at) % 4] ?? 'anthropic'
        return ask(bed, dialect, requestIn(dialect, random() < 0.8))
      })
      for (const answer of await Promise.all(batch)) expect(answer.body.includes(upstreamKey)).toBe(false)
    }
    await expect.poll(() => bed.session.running()).toBe(0)
    const begun = bed.session.openings.length
    expect(bed.session.outcomes).toHaveLength(begun)
    for (const { end, use, error } of bed.session.outcomes) {
      for (const value of [use.inputTokens, use.cachedTokens, use.outputTokens, use.costUsdNanos])
        expect(Number.isSafeInteger(value) && Number(value) >= 0).toBe(true)
      // Either it went well, or it says what did not.
      expect(end === 'done').toBe(error === null)
      // What one answer can cost at the very most here, however often its pieces came. A corrupted figure is a figure.
      if (mischief.corrupts === 0) expect(use.outputTokens).toBeLessThan(2000)
    }
    const shown = new Set(bed.rows.filter(({ durationMs }) => durationMs !== null).map(({ id }) => id))
    expect(shown.size).toBe(begun)
    await line.close()
    line = await openBadLine(bed.server.port, none, random)
    expect((await ask(bed, 'anthropic', requestIn('anthropic', true))).status).toBe(200)
  })
})
