import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson, parseCanonical, utf8Length } from './canonical.ts'
import { checkBody } from './check-entry.ts'

const text = fc.string({ unit: 'grapheme' })
const number = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 6 }),
  ),
}))

/** The same value with the keys of every object in another order. */
function reversed(of: unknown): unknown {
  if (Array.isArray(of)) return of.map(reversed)
  if (typeof of !== 'object' || of === null) return of
  return Object.fromEntries(
    Object.entries(of)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

it('does not depend on the order of keys', () => {
  fc.assert(
    fc.property(value, (one) => {
      expect(canonicalJson(reversed(one))).toBe(canonicalJson(one))
    }),
  )
})

it('reads back as what was written', () => {
  fc.assert(
    fc.property(value, (one) => {
      const written = canonicalJson(one)
      expect(parseCanonical(written)).toEqual({ value: JSON.parse(written) })
      expect(canonicalJson(JSON.parse(written))).toBe(written)
      expect(utf8Length(written)).toBe(Buffer.byteLength(written))
    }),
  )
})

it('takes the quick way to the same answer as the long one', () => {
  fc.assert(
    fc.property(fc.dictionary(text, value), fc.nat(), fc.string({ maxLength: 2 }), (payload, at, piece) => {
      const whole = canonicalJson({
        actorId: 'a',
        chain: 'c',
        eventKind: 'k',
        eventVersion: 1,
        occurredAt: '2026-01-02T03:04:05.678Z',
        payload,
        sequence: 1,
        sessionId: '',
        v: 1,
      })
      const place = at % whole.length
      const edited = whole.slice(0, place) + piece + whole.slice(place + 1)
      const { problem } = checkBody({ body: edited, previousHash: '', entryHash: '' })
      if (parseCanonical(edited)) expect(problem?.kind).not.toBe('non_canonical_body')
      else expect(problem).toBeDefined()
    }),
  )
})

it('never throws for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (body) => {
      expect(checkBody({ body, previousHash: '', entryHash: '' }).problem).toBeDefined()
    }),
  )
})
