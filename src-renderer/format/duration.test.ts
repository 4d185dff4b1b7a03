import { describe, expect, it } from 'vitest'
import {
  formatAge,
  formatAgo,
  formatDuration,
  formatInstant,
  formatLimit,
  formatOffset,
  formatStep,
} from './duration.ts'

describe('durations', () => {
  it('are exact in tables', () => {
    expect([12_400, 552_000, 3_840_000, 97_200_000].map(formatDuration)).toEqual([
      '12s',
      '9m 12s',
      '1h 04m',
      '1d 03h',
    ])
    expect(formatDuration(null)).toBe('—')
    expect(formatDuration(-5)).toBe('0s')
  })
  it('are rough where only the age matters', () => {
    expect([0, 40_000, 540_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      '0 s',
      '40 s',
      '9 min',
      '2 h',
      '2 d',
    ])
    expect(formatAgo(900)).toBe('just now')
    expect(formatAgo(40_000)).toBe('40 s ago')
  })
  it('keep a decimal for short steps', () => {
    expect([640, 1_840, 18_400, 441_000].map(formatStep)).toEqual(['640 ms', '1.8 s', '18 s', '7m 21s'])
  })
  it('show a place on the session clock', () => {
    expect([11_000, 512_000, 3_847_000].map(formatOffset)).toEqual(['0:11', '8:32', '1:04:07'])
  })
  it('speak of limits in whole units', () => {
    expect([45_000, 2_700_000, 7_200_000, 5_400_000].map(formatLimit)).toEqual([
      '45 s',
      '45 min',
      '2 h',
      '1h 30m',
    ])
  })
  it('read instants of the chain', () => {
    expect(formatInstant('2026-03-01T13:49:02.114Z')).toBe('13:49:02.114')
    expect(formatInstant('2026-03-01T13:49:02Z')).toBe('13:49:02.000')
    expect(formatInstant('yesterday')).toBe('yesterday')
  })
})
