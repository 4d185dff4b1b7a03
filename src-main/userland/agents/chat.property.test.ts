import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clip, observationText, parseReply } from './chat.ts'
import { parseVerdict } from './reflect.ts'

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
})
const call = fc.oneof(
  anything,
  fc.record({ id: anything, tool: fc.oneof(fc.string(), anything), input: anything }, { requiredKeys: [] }),
)
const reply = fc.oneof(
  anything,
  fc.record(
    { text: anything, toolCalls: fc.oneof(anything, fc.array(call, { maxLength: 50 })) },
    { requiredKeys: [] },
  ),
)

test('any reply is read: bounded, with distinct ids and names that are text', () => {
  fc.assert(
    fc.property(reply, fc.nat(20), (value, step) => {
      const { text, calls, dropped } = parseReply(value, step)
      expect(typeof text).toBe('string')
      expect(calls.length).toBeLessThanOrEqual(32)
      expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length)
      for (const { id, tool } of calls) {
        expect(id).not.toBe('')
        expect(tool).not.toBe('')
      }
      expect(dropped).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('a well-formed reply is read as it stands', () => {
  const good = fc.uniqueArray(
    fc.record({
      id: fc.uuid(),
      tool: fc.constantFrom('a', 'b'),
      input: fc.jsonValue().map((value) => value ?? {}),
    }),
    {
      selector: ({ id }) => id,
      maxLength: 32,
    },
  )
  fc.assert(
    fc.property(fc.string(), good, (text, toolCalls) => {
      expect(parseReply({ text, toolCalls }, 1)).toEqual({ text, calls: toolCalls, dropped: 0 })
    }),
  )
})

test('any result becomes text of the given length', () => {
  fc.assert(
    fc.property(anything, fc.nat(100), (value, max) => {
      expect(observationText(value, max).length).toBeLessThanOrEqual(max + 40)
    }),
  )
  const cyclic: Record<string, unknown> = {}
  cyclic.me = cyclic
  expect(observationText(cyclic, 100)).toBe('[object Object]')
  expect(observationText(new Map([['a', 1n]]), 100)).toBe('[["a","1"]]')
  expect(clip('abcdef', 2)).toBe('ab\n[4 more characters]')
})

test('any text is a verdict', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(['accept', 'revise']).toContain(parseVerdict(text).kind)
    }),
  )
})

test('a reply that inherits or computes its fields is read from its own alone', () => {
  const inherited: unknown = Object.create({ text: 'inherited', toolCalls: [{ tool: 'rm' }] })
  expect(parseReply(inherited, 1)).toEqual({ text: '', calls: [], dropped: 0 })
})
