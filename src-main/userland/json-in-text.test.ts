import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findJson } from './json-in-text.ts'

test.each<[string, string, unknown[]]>([
  ['nothing', '', []],
  ['prose alone', 'I have found nothing {really} [at all] "here".', []],
  ['a value alone', '{"a":1}', [{ a: 1 }]],
  ['prose around', 'Sure! Here: {"a":1} Hope it helps :}', [{ a: 1 }]],
  ['a fence', '```json\n[1,\n 2]\n```', [[1, 2]]],
  ['two values', '{"a":1}\n{"b":2} [3]', [{ a: 1 }, { b: 2 }, [3]]],
  ['brackets in strings', '{"a":"}]{[\\"}"}', [{ a: '}]{["}' }]],
  ['a cut list', '[{"a":1},{"b":2},{"c":', [{ a: 1 }, { b: 2 }]],
  ['a cut object', '{"lessons":[{"a":1},{"b":"x', [{ a: 1 }]],
  ['a broken one around a whole one', '{"a":1, oops, "b":{"c":2}}', [{ c: 2 }]],
  ['a comma too many', '[{"a":1},]', [{ a: 1 }]],
  ['the wrong bracket', '[{"a":1}}, {"b":2}]', [{ a: 1 }, { b: 2 }]],
  ['a quote that is none', '{ he said "well\n {"a":1}', [{ a: 1 }]],
])('%s', (_name, text, expected) => {
  expect(findJson(text).map(({ value }) => value)).toEqual(expected)
})

test('says what is a part of something broken', () => {
  expect(findJson('[1] {"a":[2], [3').map(({ isOutermost }) => isOutermost)).toEqual([true, false])
  expect(findJson('{"a":[2],}').map(({ isOutermost }) => isOutermost)).toEqual([false])
})

test('whatever stands around a value without brackets and quotes, it is found', () => {
  const prose = fc.string().map((text) => text.replace(/["{}[\]\\]/g, ' '))
  const value = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
  fc.assert(
    fc.property(prose, value, prose, fc.constantFrom(undefined, 1, 2), (before, inner, after, indent) => {
      const json = JSON.stringify(inner, null, indent)
      expect(findJson(`${before}${json}${after}`)).toEqual([{ value: JSON.parse(json), isOutermost: true }])
    }),
  )
})

test('never throws, and gives only what is in the text', () => {
  const piece = fc.oneof(
    fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', '\n', '{"a":1}', '```'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      for (const { value } of findJson(pieces.join(''))) expect(typeof value).toBe('object')
    }),
  )
})

describe('takes time linear in the text', () => {
  const n = 250_000
  test.each<[string, string]>([
    ['open braces', '{'.repeat(n)],
    ['closed braces', '}'.repeat(n)],
    ['nested braces', '{'.repeat(n / 2) + '}'.repeat(n / 2)],
    ['nested lists that break inside', `${'['.repeat(n / 2)},${']'.repeat(n / 2)}`],
    ['nested objects that break inside', `${'{"a":'.repeat(n / 6)},${'}'.repeat(n / 6)}`],
    ['quotes', '{"'.repeat(n / 2)],
    ['backslashes', `{"${'\\'.repeat(n)}`],
    ['many values', '{}'.repeat(n / 2)],
    ['a giant', `{"a":"${'x'.repeat(40_000_000)}"}`],
  ])('%s', (_name, text) => {
    const from = performance.now()
    expect(findJson(text).length).toBeLessThanOrEqual(256)
    // Anything quadratic would take minutes; a busy machine does not matter.
    expect(performance.now() - from).toBeLessThan(10_000)
  })
})
