import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textOfBody, wordsOf } from './body-text.ts'
import { BodyWords, wantedWords } from './body-words.ts'
import { copyBody } from './copy.ts'
import { bestOf, type Findable, scoreOf, WordIndex } from './word-index.ts'

interface Entry extends Findable {
  isThere: boolean
}

const word = fc.constantFrom('red', 'Red', 'green', 'blue', 'élan', 'x1', '42', 'null', 'n', 'İd', 'ΑΣ')
const text = fc
  .array(word, { maxLength: 6 })
  .chain((words) => fc.constantFrom(', ', '\n', '"', '\\', '.').map((between) => words.join(between)))
const scrap = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, 7n, new Date(0)),
)
const body = fc
  .oneof(text, fc.record({ text, also: fc.oneof(text, scrap) }), fc.array(fc.oneof(text, scrap)), scrap)
  .map(copyBody)
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('add' as const), body }) },
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

test('with an index and without, what is found is what looking at every word finds', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 1, maxLength: 250, size: 'max' }), (acts) => {
      const index = new WordIndex<Entry>()
      const known: Entry[] = []
      for (const one of acts) {
        if (one.op === 'add')
          known.push({ body: one.body, order: known.length, isThere: true, words: undefined })
        else if (one.op === 'hide') {
          const entry = known[one.at % Math.max(1, known.length)]
          if (entry) entry.isThere = !entry.isThere
        } else {
          const wanted = wantedWords(one.query)
          for (const among of [known, index.candidates(known, wanted)]) {
            const found = bestOf(among, wanted, one.k, (entry) => entry.isThere)
            const asPairs = found.map((item) => [item.order, scoreOf(item, wanted)])
            expect(asPairs).toEqual(plainBest(known, one.query, one.k))
          }
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('of many entries an index looks at those alone that may hold the word', () => {
  const index = new WordIndex<Entry>()
  const known = Array.from(
    { length: 5000 },
    (_, i): Entry => ({ body: `common word${i}`, order: i, isThere: true, words: undefined }),
  )
  expect([...index.candidates(known, wantedWords('word4321'))].map(({ order }) => order)).toEqual([4321])
  expect([...index.candidates(known, wantedWords('word17 word18 word17'))]).toHaveLength(2)
  expect([...index.candidates(known, wantedWords('...'))]).toEqual([])
})

test('two words with the same number are not taken for each other', () => {
  const seen = new Map<number, string>()
  let twins: [string, string] | undefined
  for (let i = 0; !twins; i++) {
    const [one] = wantedWords(`w${i.toString(36)}`)
    if (!one) throw new Error('no word')
    const other = seen.get(one.hash)
    if (other) twins = [one.word, other]
    seen.set(one.hash, one.word)
  }
  const [held, other] = twins
  const words = new BodyWords({ text: held })
  const ask = (query: string) => wantedWords(query).map((one) => words.hold({ text: held }, one))
  expect(ask(held)).toEqual([true])
  expect(ask(other)).toEqual([false])
  expect(ask(other)).toEqual([false])
})
