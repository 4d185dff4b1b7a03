import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estTokens, headOfBody, textOfBody, wordsOf } from './body-text.ts'
import { copyBody } from './copy.ts'

/** Everything a body may be, with all kinds of text and numbers in it. */
const anyBody = fc
  .anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    values: [
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom('\ud800', '"\\\n\u0001\u007f', '\udc00\ud800', null, undefined, -0, 1e21, 5e-324),
    ],
  })
  .map((value) => {
    try {
      return copyBody(value)
    } catch {
      return 'not a body'
    }
  })

test('the beginning of a body is the beginning of its text', () => {
  fc.assert(
    fc.property(anyBody, fc.nat(120), (body, chars) => {
      const head = headOfBody(body, chars)
      const text = textOfBody(body)
      // A bigint, which has no JSON, may come after what is asked for.
      if (text === '') expect(head.length).toBeLessThanOrEqual(chars)
      else expect(head).toBe(text.slice(0, chars))
    }),
    { numRuns: 2000 },
  )
})

test('a body is counted as if it were written out', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      let json = ''
      try {
        json = JSON.stringify(body) ?? ''
      } catch {
        // A bigint has no JSON.
      }
      expect(estTokens(body)).toBe(Math.max(1, Math.ceil(new TextEncoder().encode(json).length / 4)))
    }),
    { numRuns: 2000 },
  )
})

test('the beginning of a huge body is told without writing it all', () => {
  const huge = { text: 'x'.repeat(5_000_000), rest: Array.from({ length: 100_000 }, (_, i) => i) }
  const startedMs = performance.now()
  for (let i = 0; i < 100; i++) expect(headOfBody(huge, 80)).toHaveLength(80)
  expect(performance.now() - startedMs).toBeLessThan(500)
})

test('words are runs of letters and digits of any script, in lower case', () => {
  expect(wordsOf('Reads the src/app.ts, Größe 42!')).toEqual([
    'reads',
    'the',
    'src',
    'app',
    'ts',
    'größe',
    '42',
  ])
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
      expect(wordsOf(text)).toEqual(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    }),
    { numRuns: 1000 },
  )
})
