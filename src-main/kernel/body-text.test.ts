import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estTokens, headOfBody, textOfBody, wordsOf } from './body-text.ts'
import { copyBody, copySized } from './copy.ts'

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
      expect(head).toBe(text.slice(0, chars))
    }),
    { numRuns: 2000 },
  )
})

/** A body with lists for maps and sets, texts for bigints, and for bytes as many hexadecimal digits. */
function written(body: unknown): unknown {
  if (typeof body === 'bigint') return String(body)
  if (typeof body !== 'object' || body === null || body instanceof Date) return body
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return '00'.repeat(body.byteLength)
  if (Array.isArray(body) || body instanceof Set) return Array.from(body, written)
  if (body instanceof Map) return Array.from(body, ([key, value]) => [written(key), written(value)])
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, written(value)]))
}

test('a body is counted as if it were written out, what JSON has no form for included', () => {
  let odd = 0
  let runs = 0
  fc.assert(
    fc.property(anyBody, (body) => {
      const json = JSON.stringify(written(body)) ?? ''
      runs++
      if (JSON.stringify(written(body)) !== plainJson(body)) odd++
      const tokens = Math.max(1, Math.ceil(new TextEncoder().encode(json).length / 4))
      expect(estTokens(body)).toBe(tokens)
      expect(copySized(body).tokens).toBe(tokens)
    }),
    { numRuns: 2000 },
  )
  expect(odd).toBeGreaterThan(runs / 10)
})

function plainJson(body: unknown): string | undefined {
  try {
    return JSON.stringify(body)
  } catch {
    return undefined
  }
}

test('nothing can be hidden from the count in a map, a set, a buffer or beside a bigint', () => {
  const text = 'x'.repeat(40_000)
  const bytes = new Uint8Array(20_000)
  const bodies = [new Map([['k', text]]), new Set([text]), [new Map([[text, 1]])], { n: 1n, text }]
  for (const body of [...bodies, bytes, bytes.buffer, new DataView(bytes.buffer), { deep: [bytes] }])
    expect(estTokens(body)).toBeGreaterThanOrEqual(10_000)
  expect(wordsOf(textOfBody({ n: 7n, map: new Map([['key', new Set(['word'])]]) }))).toEqual([
    'n',
    '7',
    'map',
    'key',
    'word',
  ])
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
