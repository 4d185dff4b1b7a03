import fc from 'fast-check'
import { expect, it } from 'vitest'
import { withoutIds } from './canonical-request.ts'

/** As it is written down most plainly, and as recordings of the first release were made. */
function plainly(text: string): string {
  return text.replace(/[0-9a-zA-Z_-]{24,}/g, (word) =>
    /(?:\d[^\d]*){4}/.test(word) && /[a-z]/i.test(word) ? '<id>' : word,
  )
}

const run = (unit: string) => fc.string({ unit: fc.constantFrom(...unit), minLength: 0, maxLength: 60 })

it('finds ids among words as a pattern would', () => {
  const pieces = fc.array(fc.oneof(run('aZ09_-'), run(' "/é.'), run('a1 '), run('0123'), fc.string()))
  fc.assert(
    fc.property(pieces, (all) => {
      const text = all.join('')
      expect(withoutIds(text)).toBe(plainly(text))
    }),
  )
})
