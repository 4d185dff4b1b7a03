import type { ProcessRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { applySamples, processorShare, rateSpanMs } from './process-feed.ts'

const row = (pid: number, reductionsPerSecond: number | null = 0) =>
  ({ pid, reductionsPerSecond }) as ProcessRow
const whole = (atMs: number, ...changed: ProcessRow[]) => ({ atMs, isWhole: true, changed, gone: [] })
const part = (atMs: number, changed: ProcessRow[], gone: number[] = []) => ({
  atMs,
  isWhole: false,
  changed,
  gone,
})

it('keeps rows that did not change, and lets go of those that went', () => {
  const [a, b] = [row(1), row(2)]
  const first = applySamples(undefined, [whole(1, a, b)])
  const next = applySamples(first, [part(2, [row(3)], [2])])
  expect([...next.rows.keys()]).toEqual([1, 3])
  expect(next.rows.get(1)).toBe(a)
  expect([...first.rows.keys()]).toEqual([1, 2])
})

it('starts again from a whole sample, as after a lost connection', () => {
  const first = applySamples(undefined, [whole(1, row(1, 5), row(2, 5))])
  const next = applySamples(first, [whole(9, row(2, 7))])
  expect([...next.rows.keys()]).toEqual([2])
  expect([...next.rates.keys()]).toEqual([2])
  expect(next.rates.get(2)?.map((one) => one.rate)).toEqual([5, 7])
})

it('remembers a speed where it changed, and no longer than it is shown', () => {
  let table = applySamples(undefined, [whole(0, row(1, null))])
  expect(table.rates.size).toBe(0)
  for (let at = 1000; at <= rateSpanMs * 2; at += 1000)
    table = applySamples(table, [part(at, [row(1, at % 3000)])])
  const points = table.rates.get(1) ?? []
  expect(points.length).toBeLessThanOrEqual(rateSpanMs / 1000 + 2)
  // One point from before the span stays: it says what held when the span began.
  expect(points[0]?.atMs).toBeLessThanOrEqual(rateSpanMs)
  for (let at = 0; at < 50; at += 1) table = applySamples(table, [part(rateSpanMs * 2 + at, [row(1, 8)])])
  expect(table.rates.get(1)?.filter((one) => one.rate === 8).length).toBe(1)
})

it('takes the pieces of a long sample at once', () => {
  const pieces = [whole(1, row(1), row(2)), part(1, [row(3)]), part(1, [row(4)])]
  expect([...applySamples(undefined, pieces).rows.keys()]).toEqual([1, 2, 3, 4])
})

it('tells what a program uses of a core from how its processor time grows', () => {
  const of = (cpuMs: number | null) =>
    ({
      pid: 1,
      reductionsPerSecond: 0,
      program: cpuMs === null ? null : { cpuMs, memoryBytes: 1 },
    }) as ProcessRow
  let table = applySamples(undefined, [whole(0, of(null))])
  const share = () => processorShare(table, 1)
  const step = (atMs: number, ...changed: ProcessRow[]) => {
    table = applySamples(table, [part(atMs, changed)])
  }
  expect(share()).toBeNull()
  step(1000, of(500))
  expect(share()).toBeNull()
  step(3000, of(1500))
  expect(share()).toBe(0.5)
  // A sample between two looks says nothing new.
  step(4000, of(1500))
  expect(share()).toBe(0.5)
  step(5000, of(5500))
  expect(share()).toBe(2)
  step(9000)
  expect(share()).toBe(0)
  // After a minute of rest, what it used counts from the last look and not from before the rest.
  step(65_000, of(8500))
  expect(share()).toBe(1)
  step(66_000, { ...of(0), pid: 2 } as ProcessRow)
  table = applySamples(table, [part(67_000, [], [1])])
  expect(share()).toBeNull()
})
