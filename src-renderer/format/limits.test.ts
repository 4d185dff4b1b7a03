import { expect, it } from 'vitest'
import { limitText, parseLimit } from './limits.ts'

it('reads back every limit that it shows', () => {
  expect(parseLimit('usd', limitText('usd', 1_500_000_000))).toBe(1_500_000_000)
  expect(parseLimit('minutes', limitText('minutes', 2_700_000))).toBe(2_700_000)
  expect(parseLimit('gib', limitText('gib', 20 * 1024 ** 3))).toBe(20 * 1024 ** 3)
  expect(parseLimit('count', limitText('count', 200))).toBe(200)
  expect(limitText('usd', null)).toBe('')
  expect(parseLimit('usd', '')).toBeNull()
  expect([parseLimit('usd', 'x'), parseLimit('count', '-1')]).toEqual([undefined, undefined])
})
