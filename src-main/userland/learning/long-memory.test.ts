import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { runRoot, testKernel } from '../../kernel/test-kernel.ts'
import { kvPersist } from './kv-persist.ts'
import { type Lesson, LongMemory, type LongMemoryOptions, type MemoryPersist } from './long-memory.ts'

const HOUR = 3_600_000

function memory(extra: Partial<LongMemoryOptions> = {}) {
  let now = 0
  const m = new LongMemory({ now: () => now, halfLifeMs: HOUR, ...extra })
  return { m, pass: (ms: number) => (now += ms) }
}

const shelf = (value: unknown): MemoryPersist => ({ load: async () => value, save: async () => undefined })
const texts = (lessons: readonly Lesson[]) => lessons.map(({ text }) => text)

test('near-duplicates become one: longer text, all tags, more worth', () => {
  const { m } = memory()
  m.add({ text: 'Run the tests before you push', tags: ['git'], score: 0.4 })
  const merged = m.add({ text: 'Run the tests, before you push!', tags: ['Tests '], score: 0.3 })
  expect(merged).toEqual({
    id: 'l1',
    text: 'Run the tests, before you push!',
    tags: ['git', 'tests'],
    uses: 0,
    score: 0.5,
    at: 0,
  })
  m.add({ text: 'Never push on a Friday' })
  expect(m.size).toBe(2)
})

test('recalls by words and tags, rare words and worth first, and counts the use', () => {
  const { m } = memory()
  m.add({ text: 'the build uses vite', score: 0.5 })
  m.add({ text: 'the build breaks without network', score: 0.9 })
  m.add({ text: 'tea is better than coffee', tags: ['build'], score: 0.1 })
  expect(texts(m.recall('the vite build', 2))).toEqual([
    'the build uses vite',
    'the build breaks without network',
  ])
  expect(m.recall('coffee')).toHaveLength(1)
  expect(m.recall('quantum')).toEqual([])
  expect(m.recall('', 5)).toEqual([])
  expect(m.recall('build', 0)).toEqual([])
  expect(m.lessons().map(({ uses }) => uses)).toEqual([1, 1, 1])
})

test('fades by half every half-life unless used, and is forgotten in the end', () => {
  const { m, pass } = memory()
  m.add({ text: 'alpha alpha', score: 0.8 })
  m.add({ text: 'beta beta', score: 0.8 })
  pass(HOUR)
  expect(m.recall('alpha')[0]?.score).toBeCloseTo(0.4)
  expect(m.decay()).toBe(0)
  expect(m.lessons()[1]?.score).toBeCloseTo(0.4)
  for (let hour = 0; hour < 4; hour++) {
    pass(HOUR)
    m.decay()
  }
  expect(m.lessons()[0]?.score).toBeCloseTo(0.025)
  pass(HOUR)
  expect(m.decay()).toBe(2)
  expect(m.size).toBe(0)
})

test('keeps to its capacity, the weakest going first', () => {
  const { m } = memory({ capacity: 2 })
  for (const [text, score] of [
    ['one', 0.5],
    ['two', 0.1],
    ['three', 0.9],
    ['four', 0.2],
  ] as const)
    m.add({ text, score })
  expect(texts(m.lessons())).toEqual(['one', 'three'])
})

test('by default: half in thirty days, a thousand lessons, one from four words in five on', () => {
  let now = 0
  const m = new LongMemory({ now: () => now })
  m.add({ text: 'one two three four five', score: 0.8 })
  // Four words of five in common, then three of five.
  m.add({ text: 'one two three four', score: 0.1 })
  expect(m.size).toBe(1)
  m.add({ text: 'one two three', score: 0.4 })
  expect(m.size).toBe(2)
  now = 30 * 24 * HOUR
  expect(m.recall('five', 1)[0]?.score).toBeCloseTo(0.45)
  for (let n = 0; n < 1200; n++) m.add({ text: `lesson about subject${n} and matter${n}`, score: 1 })
  expect(m.size).toBe(1000)
})

test('of lessons that fit and are worth the same, the newest comes first', () => {
  const { m } = memory()
  for (const word of ['red', 'green', 'blue']) m.add({ text: `paint ${word}` })
  expect(texts(m.recall('paint', 2))).toEqual(['paint blue', 'paint green'])
})

describe('hostile contents', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'lessons'],
    ['an object', { 0: { id: 'l1', text: 'x' } }],
    [
      'garbage',
      [
        null,
        1,
        'x',
        [],
        {},
        { id: 1, text: 'x' },
        { id: 'l1' },
        { id: '', text: 'x' },
        { id: 'l2', text: ' ' },
      ],
    ],
  ])('%s loads nothing', async (_name, value) => {
    const { m } = memory()
    m.add({ text: 'gone after loading' })
    expect(await m.load(shelf(value))).toBe(0)
    expect(m.size).toBe(0)
  })

  test('what can be mended is', async () => {
    const { m, pass } = memory()
    pass(5)
    const bad = {
      id: 'l7',
      text: 'x'.repeat(10_000),
      tags: [1, 'A', 'a', null],
      uses: -3,
      score: 99,
      at: 1e300,
    }
    await m.load(
      shelf([bad, { ...bad, text: 'same id' }, { ...bad, id: 'l9', score: Number.NaN, at: 'never' }]),
    )
    expect(m.lessons()).toEqual([
      { id: 'l7', text: 'x'.repeat(4000), tags: ['a'], uses: 0, score: 1, at: 5 },
      { id: 'l9', text: 'x'.repeat(4000), tags: ['a'], uses: 0, score: 0, at: 5 },
    ])
    expect(m.add({ text: 'next' })?.id).toBe('l10')
  })

  test.each([
    [{ halfLifeMs: 0 }],
    [{ halfLifeMs: Number.NaN }],
    [{ capacity: 0 }],
    [{ capacity: 1.5 }],
    [{ sameness: 0 }],
    [{ sameness: 2 }],
  ])('refuses %j', (options) => {
    expect(() => memory(options)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  })
})

test('any life keeps its laws: unique ids, scores in 0 to 1, size within capacity, a round trip that changes nothing', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 5 })
    .map((words) => words.join(' '))
  const step = fc.oneof(
    fc.record({ op: fc.constant('add' as const), text, score: fc.option(fc.double(), { nil: undefined }) }),
    fc.record({ op: fc.constant('recall' as const), text, k: fc.integer({ min: -1, max: 4 }) }),
    fc.record({ op: fc.constant('pass' as const), ms: fc.nat(3 * HOUR) }),
    fc.record({ op: fc.constant('decay' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, capacity) => {
        const { m, pass } = memory({ capacity })
        for (const one of steps) {
          if (one.op === 'add')
            m.add({ text: one.text, ...(one.score === undefined ? {} : { score: one.score }) })
          else if (one.op === 'recall')
            expect(m.recall(one.text, one.k).length).toBeLessThanOrEqual(Math.max(0, one.k))
          else if (one.op === 'pass') pass(one.ms)
          else m.decay()
          const lessons = m.lessons()
          expect(lessons.length).toBeLessThanOrEqual(capacity)
          expect(new Set(lessons.map(({ id }) => id)).size).toBe(lessons.length)
          for (const { score } of lessons) expect(score >= 0 && score <= 1).toBe(true)
        }
        let saved = ''
        await m.save({
          load: async () => undefined,
          async save(lessons) {
            saved = JSON.stringify(lessons)
          },
        })
        const before = m.lessons()
        await m.load(shelf(JSON.parse(saved)))
        expect(m.lessons()).toEqual(before)
      },
    ),
  )
})

test('outlives its process in a KV device', async () => {
  const t = testKernel()
  const store = new Map<string, unknown>()
  t.kernel.registerDriver({
    name: 'kv',
    open: () => ({
      read: (request) => ({ value: store.get((request as { get: string }).get) }),
      write: (data) => {
        const { set, value } = data as { set: string; value: unknown }
        store.set(set, value)
        return { value: undefined }
      },
    }),
  })
  const life = async (body: (sys: Sys, persist: MemoryPersist) => Promise<void>) =>
    runRoot(
      t,
      async (sys) => {
        const { devices } = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
        await body(sys, kvPersist(sys, await sys.open(devices.kv!), 'lessons'))
      },
      { grant: ['kv'] },
    )
  await life(async (sys, persist) => {
    const m = new LongMemory({ now: sys.now })
    expect(await m.load(persist)).toBe(0)
    m.add({ text: 'remember me', tags: ['x'] })
    await m.save(persist)
  })
  await life(async (sys, persist) => {
    const m = new LongMemory({ now: sys.now })
    expect(await m.load(persist)).toBe(1)
    expect(texts(m.recall('remember'))).toEqual(['remember me'])
  })
})
