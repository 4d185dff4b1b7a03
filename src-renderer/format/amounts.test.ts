import { expect, it } from 'vitest'
import { formatBytes, formatTokens, formatUsd, formatUsdLimit, parseUsd, plural, shareOf } from './amounts.ts'

it('shows money with a dash for unknown, never zero', () => {
  expect(formatUsd(null)).toBe('—')
  expect(formatUsd(0)).toBe('$0.00')
  expect(formatUsd(840_114_300)).toBe('$0.84')
  expect(formatUsd(1_200_000)).toBe('$0.0012')
  expect(formatUsd(1_234_500_000_000)).toBe('$1,234.50')
  expect(formatUsdLimit(40_000_000_000)).toBe('$40')
  expect(formatUsdLimit(1_500_000_000)).toBe('$1.50')
})

it('reads the amounts that it shows, and refuses the rest', () => {
  expect(parseUsd('$1.50')).toBe(1_500_000_000)
  expect(parseUsd(' 0 ')).toBe(0)
  expect(parseUsd('0.000000001')).toBe(1)
  for (const bad of ['', 'x', '1e3', '-1', '1.2.3', '1,5', '99999999']) expect(parseUsd(bad)).toBeNull()
})

it('shortens tokens and bytes', () => {
  expect([640, 12_400, 212_000, 600_000, 999_700, 1_250_000].map(formatTokens)).toEqual([
    '640',
    '12.4k',
    '212k',
    '600k',
    '1M',
    '1.3M',
  ])
  expect([312, 1_468_006, 20 * 1024 ** 3].map(formatBytes)).toEqual(['312 B', '1.4 MiB', '20 GiB'])
})

it('knows what share of a limit is used, and when that cannot be said', () => {
  expect(shareOf(1, 4)).toBe(0.25)
  expect(shareOf(9, 4)).toBe(1)
  expect(shareOf(null, 4)).toBeNull()
  expect(shareOf(1, null)).toBeNull()
  expect(shareOf(0, 0)).toBe(1)
  expect(plural(1, 'file')).toBe('1 file')
  expect(plural(2, 'entry', 'entries')).toBe('2 entries')
})
