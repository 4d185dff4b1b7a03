import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Ranked, Ranking, Recaller, Segment } from './abi.ts'
import type { SegId } from './ids.ts'
import { KeywordRecaller } from './pager.ts'
import { Bm25Recaller, hashEmbed, VectorRecaller } from './recallers.ts'

const words = ['budget', 'window', 'kernel', 'capabilities', 'Straße', '漢字', 'a', 'b']
const text = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((all) => all.join(' '))

function segments(bodies: readonly unknown[]): Segment[] {
  return bodies.map((body, i) => Object.freeze({ id: `s${i}` as SegId, body, tokens: 1, pinned: false }))
}

const listOf = (ranking: Ranking): readonly Ranked[] => ('ranked' in ranking ? ranking.ranked : ranking)

const recallers: readonly (readonly [string, () => Recaller])[] = [
  ['keyword', () => new KeywordRecaller()],
  ['bm25', () => new Bm25Recaller()],
  ['vector', () => new VectorRecaller((body) => hashEmbed(body))],
  ['asynchronous vector', () => new VectorRecaller(async (body) => hashEmbed(body, 64))],
]

test.each(recallers)(
  '%s: same input, same ranking; scores above 0, best first, ties newest first, at most k',
  async (_, make) => {
    const used = make()
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { maxLength: 15 }), fc.nat(6), async (query, bodies, k) => {
        const all = segments(bodies)
        const ranked = listOf(await used.rank(query, all, k))
        expect(await used.rank(query, all, k)).toEqual(ranked)
        // What an earlier query left in a cache changes nothing.
        expect(await make().rank(query, segments(bodies), k)).toEqual(ranked)
        expect(ranked.length).toBeLessThanOrEqual(k)
        expect(new Set(ranked.map(({ id }) => id)).size).toBe(ranked.length)
        const at = (id: SegId): number => all.findIndex((segment) => segment.id === id)
        ranked.forEach((one, i) => {
          expect(one.score).toBeGreaterThan(0)
          const next = ranked[i + 1]
          if (!next) return
          expect(one.score > next.score || (one.score === next.score && at(one.id) > at(next.id))).toBe(true)
        })
      }),
    )
  },
)

test.each(recallers)(
  '%s: nothing in common with the query is not recalled, whatever the body',
  async (_, make) => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    const bodies = [
      null,
      undefined,
      cyclic,
      5n,
      '',
      '!!!',
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
    ]
    expect(await make().rank('zebra', segments(bodies), 5)).toEqual([])
    expect(await make().rank('', segments(['zebra']), 5)).toEqual([])
    expect(await make().rank('zebra', [], 5)).toEqual([])
  },
)

test('bm25 gives the figures of its formula', () => {
  const all = segments(['red red apple', 'red pear', 'green plum tree here'])
  const ranked = new Bm25Recaller().rank('red', all, 5)
  const idf = Math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
  const of = (count: number, length: number): number =>
    (idf * count * 2.2) / (count + 1.2 * (1 - 0.75 + (0.75 * length) / 3))
  expect(ranked).toEqual([
    { id: 's0', score: of(2, 3) },
    { id: 's1', score: of(1, 2) },
  ])
})

test('bm25 puts a rare word above a common one, and a short text above a long one', () => {
  const filler = Array.from({ length: 30 }, () => 'common words of every day').concat('common zebra')
  const rare = new Bm25Recaller().rank('common zebra', segments(filler), 1)
  expect(rare[0]?.id).toBe('s30')
  const long = new Bm25Recaller().rank('zebra', segments([`zebra ${'x '.repeat(200)}`, 'zebra']), 2)
  expect(long.map(({ id }) => id)).toEqual(['s1', 's0'])
})

test('a hash embedding has length 1 or 0, is stable, and brings inflected words near', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 512 }), (body, dims) => {
      const vector = hashEmbed(body, dims)
      expect(vector).toHaveLength(dims)
      expect(hashEmbed(body, dims)).toEqual(vector)
      const length = Math.hypot(...vector)
      expect(Math.abs(length - 1) < 1e-9 || length === 0).toBe(true)
    }),
  )
  const ranked = new VectorRecaller((body) => hashEmbed(body)).rank(
    'capability',
    segments(['weather report', 'all capabilities of a process']),
    2,
  )
  expect(ranked).toMatchObject([{ id: 's1' }])
})

test('a vector recaller embeds each segment once and passes over vectors that cannot be compared', async () => {
  let calls = 0
  const recaller = new VectorRecaller((body) => {
    calls++
    if (body === 'short') return [1]
    if (body === 'nan') return [Number.NaN, 1]
    return [1, body.length]
  })
  const all = segments(['short', 'nan', 'good'])
  expect(await recaller.rank('query', all, 5)).toMatchObject([{ id: 's2' }])
  await recaller.rank('query', all, 5)
  expect(calls).toBe(1 + 3 + 1)
})

test('what embedding costs is told, once for each text', async () => {
  const recaller = new VectorRecaller(async (body) => ({
    vector: hashEmbed(body),
    cost: { tokens: body.length, usd: 1e-7, estimated: body === 'b' },
  }))
  const all = segments(['a', 'b'])
  expect(await recaller.rank('a', all, 1)).toEqual({
    ranked: [{ id: 's0', score: 1 }],
    cost: { tokens: 3, toolCalls: 0, usd: 3e-7, reductions: 0, estimated: true },
  })
  expect(await recaller.rank('bb', all, 0)).toMatchObject({ cost: { tokens: 2, usd: 1e-7 } })
})
