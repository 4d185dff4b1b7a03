import type { ProcessRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import { applySamples, rateSpanMs } from './process-feed.ts'

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
