import fc from 'fast-check'
import { expect, it } from 'vitest'
import { structureProblem } from './json-structure.ts'

const none = { members: Number.POSITIVE_INFINITY, values: Number.POSITIVE_INFINITY, depth: 1e9 }

/** As it is defined: values and named members, counted on the parsed text. */
function counted(value: unknown): { members: number; values: number; depth: number } {
  if (typeof value !== 'object' || value === null) return { members: 0, values: 1, depth: 0 }
  const inner = Object.values(value).map(counted)
  const sum = (pick: (one: ReturnType<typeof counted>) => number) =>
    inner.reduce((all, one) => all + pick(one), 0)
  return {
    members: sum(({ members }) => members) + (Array.isArray(value) ? 0 : inner.length),
    values: sum(({ values }) => values) + 1,
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
  }
}

const spaced = fc.tuple(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t'))

it('counts what a parser would make, strings full of marks notwithstanding', () => {
  fc.assert(
    fc.property(spaced, fc.constantFrom('', '",{[:]}\\', '\\\\"', '日本"'), ([json, space], marks) => {
      const value = { json, [marks]: marks }
      const text = Buffer.from(JSON.stringify(value, null, space))
      const { members, values, depth } = counted(value)
      expect(structureProblem(text, none)).toBe(undefined)
      expect(structureProblem(text, { ...none, members })).toBe(undefined)
      expect(structureProblem(text, { ...none, members: members - 1 })).toBe('members')
      expect(structureProblem(text, { ...none, depth })).toBe(undefined)
      expect(structureProblem(text, { ...none, depth: depth - 1 })).toBe('depth')
      // An empty list or object counts for two.
      expect(structureProblem(text, { ...none, values: 2 * values })).toBe(undefined)
      expect(structureProblem(text, { ...none, values: values - 1 })).toBe('values')
    }),
    { numRuns: 500 },
  )
})

it('comes to an end with any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      structureProblem(bytes, none)
    }),
  )
  for (const text of ['"', '"\\', '{"a', '[[[', ']]]]', ''])
    expect(structureProblem(Buffer.from(text), none)).toBe(undefined)
})

it('leaves off at the first bound that is passed', () => {
  const text = Buffer.from(`[${'1,'.repeat(100)}${'['.repeat(100)}${'{"a":1,"a":1}'.repeat(100)}`)
  const limits = { members: 10, values: 50, depth: 20 }
  expect(structureProblem(text, limits)).toBe('values')
  expect(structureProblem(text, { ...limits, values: 1000 })).toBe('depth')
  expect(structureProblem(text, { ...limits, values: 1000, depth: 1000 })).toBe('members')
})
