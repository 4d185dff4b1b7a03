import type { ProcessRow } from '@contract/process.ts'
import { expect, it } from 'vitest'
import {
  arrange,
  countBelow,
  createViewMaker,
  describeProcess,
  formatProcessor,
  formatSpeed,
  nameOf,
  type ProcessFilter,
  possibleWith,
  speedOf,
  stateOf,
  summaryOf,
} from './processes.model.ts'

const none = { spent: 0, limit: null, available: null }

function row(pid: number, parent: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return {
    pid,
    parent,
    name: `p${pid}`,
    kind: 'part',
    sessionId: null,
    sessionTitle: null,
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
    reductionsPerSecond: 0,
    caps: 0,
    startedAtMs: 0,
    program: null,
    ...more,
  }
}

const table = (...rows: ProcessRow[]) => new Map(rows.map((one) => [one.pid, one]))
const all: ProcessFilter = {
  isTree: true,
  sort: 'pid',
  isDescending: false,
  text: '',
  state: 'any',
  folded: new Set(),
}
const rows = table(
  row(1, 0, { kind: 'fleet', name: 'fleet', reductionsPerSecond: 1 }),
  row(2, 1, { kind: 'session', sessionTitle: 'Retry webhooks', reductionsPerSecond: 5 }),
  row(3, 2, { name: 'reader', state: 'running', reductionsPerSecond: 90 }),
  row(4, 3, { name: 'leaf', reductionsPerSecond: null }),
  row(5, 1, { kind: 'session', sessionTitle: 'Fix the build', state: 'stopped', reductionsPerSecond: 40 }),
)
const outline = (filter: Partial<ProcessFilter>) =>
  arrange(rows, { ...all, ...filter }).map((one) => `${'-'.repeat(one.depth)}${one.pid}`)

it('draws the tree, with siblings in the order asked for', () => {
  expect(outline({})).toEqual(['1', '-2', '--3', '---4', '-5'])
  expect(outline({ sort: 'speed', isDescending: true })).toEqual(['1', '-5', '-2', '--3', '---4'])
  expect(outline({ sort: 'name' })).toEqual(['1', '-5', '-2', '--3', '---4'])
})

it('draws them flat in one order, equals as they were started', () => {
  expect(outline({ isTree: false, sort: 'speed', isDescending: true })).toEqual(['3', '5', '2', '1', '4'])
  expect(outline({ isTree: false, sort: 'priority', isDescending: true })).toEqual(['1', '2', '3', '4', '5'])
})

it('keeps what a match stands below, and marks it', () => {
  const found = arrange(rows, { ...all, text: 'LEAF' })
  expect(found.map((one) => [one.pid, one.isPath])).toEqual([
    [1, true],
    [2, true],
    [3, true],
    [4, false],
  ])
  expect(outline({ state: 'stopped' })).toEqual(['1', '-5'])
  expect(outline({ text: 'webhooks 2' })).toEqual(['1', '-2'])
  expect(outline({ isTree: false, text: 'nothing like it' })).toEqual([])
})

it('folds, but never hides a match', () => {
  expect(outline({ folded: new Set([2]) })).toEqual(['1', '-2', '-5'])
  expect(outline({ folded: new Set([2]), text: 'leaf' })).toEqual(['1', '-2', '--3', '---4'])
})

it('survives a process that is its own parent, and parents that are not here', () => {
  const odd = table(row(7, 7), row(8, 99))
  expect(arrange(odd, all).map((one) => one.pid)).toEqual([7, 8])
  expect(countBelow(odd, new Set([7]))).toBe(0)
})

it('takes a chain as long as there are processes', () => {
  const long = table(...Array.from({ length: 20_000 }, (_, index) => row(index + 1, index)))
  expect(arrange(long, all).at(-1)?.depth).toBe(19_999)
})

it('gives an unchanged row again, so that it draws nothing', () => {
  const make = createViewMaker()
  const place = { pid: 3, depth: 2, below: 1, isFolded: false, isPath: false }
  const one = rows.get(3) as ProcessRow
  const now = { row: one, isGone: false, cpu: null }
  const first = make(place, now)
  expect(make({ ...place }, { ...now })).toBe(first)
  expect(make(place, { ...now, row: { ...one } })).not.toBe(first)
  expect(make(place, { ...now, isGone: true }).isGone).toBe(true)
  expect(make(place, { ...now, cpu: 0.5 }).cpu).toBe(0.5)
})

it('says what a process does in words', () => {
  const of = (more: Partial<ProcessRow>) => stateOf(row(1, 0, more)).word
  expect(of({})).toBe('waits: mail')
  expect(of({ waitingOn: 'something new' })).toBe('waits')
  expect(of({ state: 'running' })).toBe('runs')
  expect(of({ waitingOn: 'io' })).toBe('in a call')
  expect(of({ program: { cpuMs: 0, memoryBytes: 1 } })).toBe('outside')
  expect(of({ program: { cpuMs: 0, memoryBytes: 1 }, state: 'stopped' })).toBe('suspended')
  expect(stateOf(row(1, 0), true).word).toBe('ended')
  expect(speedOf(row(1, 0, { state: 'stopped', reductionsPerSecond: null }))).toBe(0)
  expect(speedOf(row(1, 0, { reductionsPerSecond: null }))).toBeNull()
  expect([formatSpeed(null), formatSpeed(0), formatSpeed(0.4), formatSpeed(4210)]).toEqual([
    '—',
    '0',
    '<1',
    '4.2k',
  ])
})

it('names a session by its title, and reads a row as a sentence without anything hidden in it', () => {
  expect(nameOf(rows.get(2) as ProcessRow)).toBe('Retry webhooks')
  const limited = row(9, 1, {
    name: 'a\u202eb',
    use: { ...row(9, 1).use, tokens: { spent: 50, limit: 200, available: 150 } },
    mailbox: 2,
    program: { cpuMs: 900, memoryBytes: 180 * 1024 ** 2 },
  })
  const said = describeProcess({
    row: limited,
    pid: 9,
    depth: 0,
    below: 3,
    isFolded: false,
    isPath: false,
    isGone: false,
    cpu: 0.12,
  })
  expect(said).toBe(
    'Process 9, a⟦RLO⟧b, outside, priority 0, 50 tokens, 25 % of its limit, $0.00, 2 messages, program 180 MiB, 12 % of a core, 3 below it',
  )
})

it('tells the share of a core in a few characters', () => {
  expect([null, 0, 0.004, 0.12, 1.4].map(formatProcessor)).toEqual(['—', '0 %', '<1 %', '12 %', '140 %'])
  const [small, big] = [10, 20].map((memoryBytes, at) =>
    row(at + 1, 0, { program: { cpuMs: 0, memoryBytes } }),
  )
  const found = arrange(table(small as ProcessRow, big as ProcessRow, row(3, 0)), {
    ...all,
    sort: 'program',
    isDescending: true,
  })
  expect(found.map(({ pid }) => pid)).toEqual([2, 1, 3])
})

it('counts what runs, and what is below', () => {
  expect(summaryOf(rows)).toBe('5 processes · 1 at work · 1 suspended · 135 reductions/s')
  expect(countBelow(rows, new Set([2]))).toBe(2)
  expect(countBelow(rows, new Set([2, 3]))).toBe(1)
})

it('offers nothing on the fleet', () => {
  expect(Object.values(possibleWith(rows.get(1) as ProcessRow)).some(Boolean)).toBe(false)
  expect(possibleWith(rows.get(5) as ProcessRow)).toMatchObject({ suspend: false, resume: true, end: true })
})
