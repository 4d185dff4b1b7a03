import { expect, it } from 'vitest'
import type { ProcessSample } from './kernel-powers.ts'
import { createProcessDeltas, type WatchItem } from './processes.ts'

const none = { spent: 0, limit: null, available: null }
const sample = (pid: number, more: Partial<ProcessSample> = {}): ProcessSample => ({
  pid,
  parent: 1,
  name: 'part',
  kind: 'part',
  sessionId: null,
  state: 'waiting',
  waitingOn: 'recv',
  priority: 0,
  deadlineAtMs: null,
  mailbox: 0,
  sendersParked: 0,
  use: { tokens: none, usdNanos: none, toolCalls: none, wallMs: none, mem: none, children: none },
  residentTokens: 0,
  swapTokens: 0,
  reductions: 0,
  caps: 0,
  startedAtMs: 1,
  program: null,
  ...more,
})
const aged = (pid: number, wall: number) =>
  sample(pid, { use: { ...sample(pid).use, wallMs: { spent: wall, limit: null, available: null } } })

/** One sample through the deltas. */
function take(deltas: ReturnType<typeof createProcessDeltas>, rows: readonly ProcessSample[], atMs: number) {
  for (const row of rows) deltas.add(row, null, atMs)
  return [...deltas.end(atMs)]
}
const pids = (items: readonly WatchItem[]) => items.flatMap((item) => item.changed.map((row) => row.pid))

it('sends a large first sample in pieces, of which only the first is whole', () => {
  const items = take(
    createProcessDeltas(),
    Array.from({ length: 1201 }, (_, index) => sample(index + 1)),
    0,
  )
  expect(items.map((item) => [item.isWhole, item.changed.length])).toEqual([
    [true, 500],
    [false, 500],
    [false, 201],
  ])
  expect(take(createProcessDeltas(), [], 0)).toEqual([{ atMs: 0, isWhole: true, changed: [], gone: [] }])
})

it('sends what changed and what went, with rates, and a rate that fell to nothing', () => {
  const deltas = createProcessDeltas()
  take(deltas, [sample(1), sample(2), sample(3)], 1000)
  const second = take(deltas, [sample(1), sample(2, { reductions: 50 })], 1500)
  expect(second).toMatchObject([{ changed: [{ pid: 2, reductionsPerSecond: 100 }], gone: [3] }])
  const third = take(deltas, [sample(1), sample(2, { reductions: 50 })], 2000)
  expect(third).toMatchObject([{ changed: [{ pid: 2, reductionsPerSecond: 0 }], gone: [] }])
  expect(take(deltas, [sample(1), sample(2, { reductions: 50 })], 2500)).toMatchObject([
    { changed: [], gone: [] },
  ])
  const woken = take(deltas, [sample(1), sample(2, { reductions: 60 })], 3000)
  expect(woken).toMatchObject([{ changed: [{ pid: 2, reductionsPerSecond: 20 }] }])
})

it('sends what a program used with its news, and its memory alone like running time', () => {
  const deltas = createProcessDeltas()
  const all = (memoryBytes: number) =>
    Array.from({ length: 1000 }, (_, index) => sample(index + 1, { program: { cpuMs: 5, memoryBytes } }))
  take(deltas, all(1), 0)
  expect(pids(take(deltas, all(1), 1000))).toEqual([])
  expect(pids(take(deltas, all(2), 2000))).toHaveLength(200)
  const [item] = take(deltas, [sample(1, { reductions: 9, program: { cpuMs: 14, memoryBytes: 2 } })], 3000)
  expect(item?.changed).toMatchObject([{ pid: 1, program: { cpuMs: 14, memoryBytes: 2 } }])
})

it('lets running time alone be news for a few, each in its turn', () => {
  const deltas = createProcessDeltas()
  const count = 1000
  const at = (wall: number) => Array.from({ length: count }, (_, index) => aged(index + 1, wall))
  take(deltas, at(0), 0)
  const seen = new Set<number>()
  for (let round = 1; round <= 5; round++) {
    const sent = pids(take(deltas, at(round * 1000), round * 1000))
    expect(sent).toHaveLength(200)
    for (const pid of sent) seen.add(pid)
  }
  expect(seen.size).toBe(count)
  expect(pids(take(createProcessDeltas(), at(0), 0))).toHaveLength(count)
})
