import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isLongerThan, jsonPieces } from './json-pieces.ts'

/** Texts around the length of a stretch, with whole and half letters of two units at its end. */
const longText = fc
  .tuple(
    fc.integer({ min: 65_530, max: 65_540 }),
    fc.constantFrom('a', '"', '\n', 'é', '日'),
    fc.array(fc.constantFrom('😀', '\ud83d', '\ude00', 'x', '\\'), { maxLength: 8 }),
    fc.integer({ min: 0, max: 70_000 }),
  )
  .map(([before, letter, middle, after]) => letter.repeat(before) + middle.join('') + letter.repeat(after))

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.oneof(
      fc.string({ unit: 'binary' }),
      { arbitrary: longText, weight: 1 },
      fc.double(),
      fc.constantFrom(-0, Number.NaN, null, true, undefined),
      fc.string({ maxLength: 20 }).map((text) => text.repeat(400)),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', '1', 'toString')), tie('value'), {
      maxKeys: 5,
    }),
  ),
})).value

it('writes what JSON.stringify writes, in pieces that are not long', () => {
  fc.assert(
    fc.property(plain, (value) => {
      const pieces = [...jsonPieces(value)]
      expect(pieces.join('')).toBe(JSON.stringify(value) ?? '')
      // A stretch of text, all of it escaped, and what was held before it.
      for (const piece of pieces) expect(piece.length).toBeLessThan(7 * 65_536)
    }),
    { numRuns: 300 },
  )
})

it('tells a long value from a short one without writing it', () => {
  fc.assert(
    fc.property(plain, fc.integer({ min: 100, max: 100_000 }), (value, chars) => {
      const { length } = JSON.stringify(value) ?? ''
      // Escapes make a text up to six times as long, and numbers up to 25 letters.
      if (isLongerThan(value, chars)) expect(length * 25).toBeGreaterThan(chars)
      else expect(length).toBeLessThanOrEqual(25 * chars + 25)
    }),
    { numRuns: 300 },
  )
})
