import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Quota, Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { seededRandom } from '../learning/seeded-random.ts'
import { evolve } from './evolve.ts'
import { type Candidate, meteredFitness, type Scorer, tournament } from './tournament.ts'

type Spend = (tokens: number, usd?: number) => Promise<unknown>

/** A root that can spend: `spend(n)` is one call to a device that charges n tokens. */
async function spending(quota: Quota, body: (sys: Sys, spend: Spend) => Promise<void>): Promise<void> {
  const t = testKernel()
  t.kernel.registerDriver({
    name: 'shop',
    open: () => ({
      async read(cost) {
        return { value: null, cost: cost as { tokens: number; usd: number } }
      },
    }),
  })
  const reason = await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
      const shop = await sys.open(devices.shop!)
      await body(sys, (tokens, usd = 0) => sys.read(shop, { tokens, usd }))
    },
    { grant: ['shop'], quota },
  )
  expect(reason).toEqual({ kind: 'normal' })
}

const named = <T>(values: readonly T[]): Candidate<T>[] =>
  values.map((value, at) => ({ id: `c${at}`, value }))
const byValue: Scorer<number> = async ({ value }) => value
const ids = (ranking: readonly { id: string }[]) => ranking.map(({ id }) => id)

describe('tournament', () => {
  test('ranks everyone, equals in their order', async () => {
    await spending({}, async (sys) => {
      const result = await tournament(sys, named([2, 3, 1, 3, 2]), byValue, { seed: 1 })
      expect(ids(result.ranking)).toEqual(['c1', 'c3', 'c0', 'c4', 'c2'])
      expect(result.winner).toMatchObject({ id: 'c1', score: 3 })
      expect(result.isComplete).toBe(true)
    })
  })

  test("what can't be scored is last, says why, and never wins", async () => {
    const scorer: Scorer<string> = async ({ value }) => {
      if (value === 'throws') throw new Error('no idea')
      return value === 'nothing' ? Number.NaN : value === 'text' ? ('7' as never) : Number(value)
    }
    await spending({}, async (sys) => {
      const result = await tournament(sys, named(['throws', 'nothing', '1', 'text', '-Infinity']), scorer, {
        seed: 1,
      })
      expect(result.ranking[0]).toMatchObject({ id: 'c2', score: 1 })
      expect(result.ranking.map(({ failure }) => failure)).toEqual([
        undefined,
        'no idea',
        'no score',
        'no score',
        undefined,
      ])
      expect((await tournament(sys, named(['throws']), scorer, { seed: 1 })).winner).toBeUndefined()
      expect((await tournament(sys, [], scorer, { seed: 1 })).winner).toBeUndefined()
    })
  })

  test('stops before its allowance and before the account, alive and with what it has', async () => {
    await spending({ tokens: 100 }, async (sys, spend) => {
      const dear: Scorer<number> = async ({ value }) => {
        await spend(10)
        return value
      }
      const all = named([1, 2, 3, 4, 5, 6, 7, 8])
      const some = await tournament(sys, all, dear, { seed: 'x', allowance: { tokens: 35 } })
      expect(some).toMatchObject({ isComplete: false, spent: { tokens: 30 } })
      expect(some.ranking).toHaveLength(3)
      expect(some.ranking.every(({ cost }) => cost.tokens === 10)).toBe(true)
      const rest = await tournament(sys, all, dear, { seed: 'x' })
      expect(rest).toMatchObject({ isComplete: false, spent: { tokens: 70 } })
      expect(sys.budget().tokens).toBe(0)
      const none = await tournament(sys, all, dear, { seed: 'x', allowance: { tokens: 0 } })
      expect(none).toMatchObject({ ranking: [], winner: undefined, isComplete: false })
    })
  })

  test('the seed decides who is scored when not all can be', async () => {
    const first = async (seed: string): Promise<string[]> => {
      const order: string[] = []
      await spending({}, async (sys) => {
        await tournament(sys, named([1, 2, 3, 4, 5, 6]), async ({ id }) => order.push(id), { seed })
      })
      return order
    }
    expect(await first('a')).toEqual(await first('a'))
    expect(await first('a')).not.toEqual(await first('b'))
  })

  test.each([[{ tokens: -1 }], [{ usd: Number.NaN }]])('refuses an allowance of %j', async (allowance) => {
    await spending({}, async (sys) => {
      const attempt = tournament(sys, named([1]), byValue, { seed: 1, allowance })
      await expect(attempt).rejects.toMatchObject({ code: 'EINVAL' })
    })
  })

  test('refuses an id used twice', async () => {
    await spending({}, async (sys) => {
      const twice = [...named([1]), ...named([2])]
      await expect(tournament(sys, twice, byValue, { seed: 1 })).rejects.toMatchObject({ code: 'EINVAL' })
    })
  })

  test('ranking is a stable order of what was scored, for any scores', async () => {
    const scores = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(Number.NaN)), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(scores, fc.string(), async (values, seed) => {
        await spending({}, async (sys) => {
          const { ranking } = await tournament(sys, named(values), byValue, { seed })
          expect([...ids(ranking)].sort()).toEqual([...ids(named(values))].sort())
          for (let at = 1; at < ranking.length; at++) {
            const [better, worse] = [ranking[at - 1]!, ranking[at]!]
            expect(better.score).toBeGreaterThanOrEqual(worse.score)
            if (better.score === worse.score)
              expect(Number(better.id.slice(1))).toBeLessThan(Number(worse.id.slice(1)))
          }
        })
      }),
      { numRuns: 60 },
    )
  })
})

describe('metered fitness', () => {
  test('is quality less lambda times what it cost', async () => {
    await spending({ tokens: 1000, usd: 10 }, async (sys, spend) => {
      const quality: Scorer<number> = async ({ value }) => {
        await spend(value * 10, value / 100)
        return 1
      }
      const cheap = meteredFitness(sys, { quality, lambda: 2 })
      expect(await cheap({ id: 'a', value: 5 })).toBeCloseTo(1 - 2 * 0.05)
      const byTokens = meteredFitness(sys, { quality, lambda: 0.001, costOf: ({ tokens }) => tokens })
      expect(await byTokens({ id: 'a', value: 5 })).toBeCloseTo(0.95)
      const result = await tournament(sys, named([9, 1, 4]), cheap, { seed: 1 })
      expect(ids(result.ranking)).toEqual(['c1', 'c2', 'c0'])
      expect(() => meteredFitness(sys, { quality, lambda: -1 })).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      )
    })
  })
})

describe('evolution', () => {
  /** Climbs towards 100 from 0 by steps of at most 5 either way. */
  const climb = (seed: string | number, extra: object = {}) => ({
    seed,
    population: named([0, 0, 0, 0, 0, 0]),
    mutate: async (parent: number, random: { below(limit: number): number }) => parent + random.below(11) - 5,
    scorer: (async ({ value }) => -Math.abs(100 - value)) as Scorer<number>,
    generations: 60,
    ...extra,
  })

  test('improves, never falls back, and repeats for its seed', async () => {
    await spending({}, async (sys) => {
      const first = await evolve(sys, climb('s'))
      expect(first.best?.score).toBeGreaterThan(-3)
      expect(first.history).toHaveLength(61)
      for (let at = 1; at < first.history.length; at++) {
        expect(first.history[at]).toBeGreaterThanOrEqual(first.history[at - 1]!)
      }
      expect(await evolve(sys, climb('s'))).toEqual(first)
      expect((await evolve(sys, climb('other'))).history).not.toEqual(first.history)
    })
  })

  test('crosses two parents when told how', async () => {
    await spending({}, async (sys) => {
      const result = await evolve(sys, {
        ...climb(3),
        population: named([10, 30, 60, 90]),
        cross: async (mother: number, father: number) => (mother + father) / 2,
        mutate: async (value: number) => value,
        scorer: (async ({ value }) => -Math.abs(45 - value)) as Scorer<number>,
        generations: 12,
        drawn: 1,
      })
      expect(result.history[0]).toBe(-15)
      expect(result.best?.score).toBeGreaterThan(-8)
    })
  })

  test('stops on budget with the best so far, paying for mutation and scoring', async () => {
    await spending({ tokens: 205 }, async (sys, spend) => {
      const options = climb(1)
      const result = await evolve(sys, {
        ...options,
        async mutate(parent, random) {
          await spend(3)
          return options.mutate(parent, random)
        },
        async scorer(candidate) {
          await spend(7)
          return options.scorer(candidate)
        },
      })
      expect(result.isComplete).toBe(false)
      expect(result.best?.score).toBeGreaterThanOrEqual(-100)
      expect(result.spent.tokens).toBeGreaterThan(190)
      expect(sys.budget().tokens).toBeGreaterThanOrEqual(0)
    })
  })

  test('lives through mutations and scorers that fail, and through extinction', async () => {
    await spending({}, async (sys) => {
      const failing = async (): Promise<number> => {
        throw new Error('refused')
      }
      const still = await evolve(sys, climb(1, { mutate: failing, generations: 3 }))
      expect(still.best).toMatchObject({ id: 'c0', score: -100 })
      const nobody = await evolve(sys, climb(1, { scorer: failing, generations: 3 }))
      expect(nobody.best).toBeUndefined()
    })
  })

  test('an elite of none still keeps the best found', async () => {
    await spending({}, async (sys) => {
      const { history } = await evolve(sys, climb(9, { elite: 0, generations: 20 }))
      for (let at = 1; at < history.length; at++) expect(history[at]).toBeGreaterThanOrEqual(history[at - 1]!)
    })
  })

  test.each([
    [{ population: [] }],
    [{ generations: -1 }],
    [{ generations: 0.5 }],
    [{ elite: -1 }],
    [{ drawn: 0 }],
  ])('refuses %j', async (wrong) => {
    await spending({}, async (sys) => {
      await expect(evolve(sys, climb(1, wrong))).rejects.toMatchObject({ code: 'EINVAL' })
    })
  })
})

describe('seeded random', () => {
  test('repeats, differs by seed, and is spread evenly', () => {
    const draw = (seed: string | number) => Array.from({ length: 50 }, seededRandom(seed).next)
    expect(draw('a')).toEqual(draw('a'))
    expect(draw('a')).not.toEqual(draw('b'))
    expect(draw(1)).toEqual(draw('1'))
    const random = seededRandom('spread')
    const buckets = new Array<number>(10).fill(0)
    for (let n = 0; n < 100_000; n++) buckets[random.below(10)]!++
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  test('shuffles without losing anything', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.string(), (items, seed) => {
        const shuffled = seededRandom(seed).shuffled(items)
        expect([...shuffled].sort()).toEqual([...items].sort())
      }),
    )
  })
})
