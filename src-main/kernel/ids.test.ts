import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createNumbering } from './ids.ts'

test('names in a row are a letter and the next number, whatever was skipped', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 1500 }) }) },
    { weight: 1, arbitrary: fc.record({ skip: fc.oneof(fc.nat(5000), fc.nat(3_000_000)) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const names = createNumbering('m')
      let last = 0
      for (const one of steps) {
        if ('skip' in one) {
          names.skip(one.skip)
          last = Math.max(last, one.skip)
        } else for (let i = 0; i < one.take; i++) expect(names.next()).toBe(`m${++last}`)
      }
    }),
    { numRuns: 60 },
  )
})
