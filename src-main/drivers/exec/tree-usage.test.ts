import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ProcessFigures, parseMemory, parseStat } from './process-figures.ts'
import { parseTimes } from './program.ts'
import { TreeUsage } from './tree-usage.ts'

function one(
  pid: number,
  parent: number,
  ownMs: number,
  reapedMs = 0,
  more: Partial<ProcessFigures> = {},
): ProcessFigures {
  return { pid, parent, session: 1, startTime: '5', isZombie: false, ownMs, reapedMs, ...more }
}

test('a child that was waited for is counted once, one that was lost is kept', () => {
  const usage = new TreeUsage(10)
  usage.take([one(10, 2, 5), one(11, 10, 100), one(12, 10, 50), one(99, 2, 1000)])
  expect(usage.cpuMs).toBe(155)
  usage.take([one(10, 2, 10, 120), one(12, 10, 60)])
  expect(usage.cpuMs).toBe(190)
  // Nobody waited for 12.
  usage.take([one(10, 2, 10, 120)])
  expect(usage.cpuMs).toBe(190)
  usage.take([])
  expect(usage.cpuMs).toBe(190)
})

test('members are the session, descendants and orphans; a reused pid is another process', () => {
  const usage = new TreeUsage(10)
  usage.take([one(10, 2, 0), one(20, 10, 5, 0, { session: 20 }), one(30, 1, 7, 0, { session: 10 })])
  expect(usage.pids.sort()).toEqual([10, 20, 30])
  usage.take([one(20, 1, 9, 0, { session: 20 }), one(30, 1, 7, 0, { session: 77, startTime: '6' })])
  expect(usage.pids).toEqual([20])
  expect(usage.cpuMs).toBe(9 + 7)
})

test('what was used never shrinks, whatever comes and goes', () => {
  const look = fc.array(
    fc.tuple(fc.integer({ min: 10, max: 14 }), fc.integer({ min: 9, max: 14 }), fc.nat(100), fc.nat(100)),
  )
  fc.assert(
    fc.property(fc.array(look), (looks) => {
      const usage = new TreeUsage(10)
      const grown = new Map<number, [number, number]>()
      let last = 0
      for (const list of looks) {
        const now = new Map<number, ProcessFigures>()
        for (const [pid, parent, own, reaped] of list) {
          const [ownBefore, reapedBefore] = grown.get(pid) ?? [0, 0]
          grown.set(pid, [ownBefore + own, reapedBefore + reaped])
          now.set(pid, one(pid, parent, ownBefore + own, reapedBefore + reaped))
        }
        usage.take([...now.values()])
        expect(usage.cpuMs).toBeGreaterThanOrEqual(last)
        last = usage.cpuMs
      }
    }),
  )
})

test('memory: together or the peak of one, whichever is more', () => {
  const usage = new TreeUsage(10)
  usage.takeMemory([
    { residentBytes: 5, peakBytes: 9 },
    { residentBytes: 6, peakBytes: 6 },
  ])
  expect(usage.peakBytes).toBe(11)
  usage.takeMemory([{ residentBytes: 1, peakBytes: 40 }])
  expect(usage.peakBytes).toBe(40)
  usage.takeMemory([])
  expect(usage.peakBytes).toBe(40)
})

test('a hostile process name does not shift the fields', () => {
  const line = '42 (a) R 1 (b) Z) S 7 42 43 0 -1 4194560 1 2 3 4 100 20 30 40 20 0 1 0 987654 1000 200'
  expect(parseStat(line)).toEqual({
    pid: 42,
    parent: 7,
    session: 43,
    startTime: '987654',
    isZombie: false,
    ownMs: 1200,
    reapedMs: 700,
  })
  for (const text of ['', 'x', '42 (a', '42 (a) S 1']) expect(parseStat(text)).toBeUndefined()
})

test('memory and times in their forms', () => {
  expect(parseMemory('Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n')).toEqual({
    peakBytes: 2097152,
    residentBytes: 1048576,
  })
  expect(parseMemory('')).toEqual({ peakBytes: 0, residentBytes: 0 })
  expect(parseTimes('0m0.000000s 0m0.010000s\n1m2.500000s 0m0.250000s\n')).toBe(62_750)
  expect(parseTimes('0m0.000s 0m0.010s\n0m0,123s 0m0,001s\n')).toBe(124)
  for (const text of ['', '0m0s', 'a\n0m1.0s', 'a\nNaN NaN', 'a\n-1m0.0s 0m0.0s'])
    expect(parseTimes(text)).toBeUndefined()
})
