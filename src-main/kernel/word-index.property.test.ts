import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textOfBody, wordsOf } from './body-text.ts'
import { WordIndex } from './word-index.ts'

interface Entry {
  readonly body: unknown
  readonly order: number
  isThere: boolean
}

const word = fc.constantFrom('red', 'Red', 'green', 'blue', 'élan', 'x1', '42')
const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(', '))
const body = fc.oneof(text, fc.record({ text, also: text }))
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('add' as const), body }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('hide' as const), at: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('ask' as const), query: text, k: fc.nat(4) }),
  },
)

/** The same by looking at everything. */
function plainBest(entries: readonly Entry[], query: string, k: number): [number, number][] {
  const wanted = [...new Set(wordsOf(query))]
  return entries
    .filter((entry) => entry.isThere)
    .map((entry) => {
      const has = wordsOf(textOfBody(entry.body))
      return { order: entry.order, score: wanted.filter((one) => has.includes(one)).length }
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || b.order - a.order)
    .slice(0, k)
    .map(({ order, score }) => [order, score])
}

test('an index finds what looking at everything finds, whatever came, went or is away', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 1, maxLength: 250, size: 'max' }), (acts) => {
      const index = new WordIndex<Entry>()
      let known: Entry[] = []
      let orders = 0
      for (const one of acts) {
        if (one.op === 'add') {
          const entry = { body: one.body, order: ++orders, isThere: true }
          known.push(entry)
          index.add(entry)
        } else if (one.op === 'ask') {
          const found = index.best(one.query, one.k, (entry) => entry.isThere)
          const asPairs = found.map(({ item, score }) => [item.order, score])
          expect(asPairs).toEqual(plainBest(known, one.query, one.k))
        } else {
          const entry = known[one.at % Math.max(1, known.length)]
          if (!entry) continue
          if (one.op === 'hide') entry.isThere = !entry.isThere
          else {
            entry.isThere = false
            known = known.filter((other) => other !== entry)
            index.remove(entry)
          }
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('thousands of entries that come and go leave nothing behind that would be found', () => {
  const index = new WordIndex<Entry>()
  for (let i = 0; i < 5000; i++) {
    const entry = { body: `common word${i}`, order: i, isThere: true }
    index.add(entry)
    if (i === 4999) break
    entry.isThere = false
    index.remove(entry)
  }
  const found = index.best('common', 10, (entry) => entry.isThere)
  expect(found.map(({ item }) => item.order)).toEqual([4999])
})
