import { expect, it } from 'vitest'
import type { ProcessRow } from '../contract/process.ts'
import { fitTable } from './fit-table.ts'
import { firstState, picture, placedOf, pressKey, type TopState } from './top-state.ts'

const none = { spent: 0, limit: null, available: null }
const row = (pid: number, more: Partial<ProcessRow> = {}): ProcessRow => ({
  pid,
  parent: 0,
  name: `part ${pid}`,
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
})
const rows = Array.from({ length: 100 }, (_, at) => row(at + 1))
const pids = rows.map(({ pid }) => pid)
const [up, down, pageDown, end, escapeKey] = ['\u001b[A', '\u001b[B', '\u001b[6~', '\u001b[F', '\u001b']

function press(keys: readonly string[] | string, from: TopState = firstState) {
  let state = from
  let wish: ReturnType<typeof pressKey>['wish']
  for (const key of keys) ({ state, wish } = pressKey(state, key, pids))
  return { state, wish }
}

it('takes keys: q quits, s sorts, k and t ask for a pid and a yes', () => {
  expect(press('q').wish).toEqual({ kind: 'quit' })
  expect(press('\u0003').wish).toEqual({ kind: 'quit' })
  expect(press('/q\u0003').wish).toEqual({ kind: 'quit' })
  expect(press('ss').state.sort).toBe('tokens')
  expect(press('sssssss').state.sort).toBe('tree')
  expect(press('k12\r').state.mode).toEqual({ kind: 'sure', verb: 'kill', pid: 12 })
  expect(press('k123\u007f\ry').wish).toEqual({ kind: 'kill', pid: 12 })
  expect(press('t12\ry').wish).toEqual({ kind: 'terminate', pid: 12 })
  expect(press('k12\rn')).toMatchObject({ wish: undefined, state: { message: 'Nothing was ended.' } })
  expect(press('k\r').state.mode.kind).toBe('list')
  expect(press('k12q')).toMatchObject({ wish: undefined, state: { mode: { kind: 'list' } } })
  expect(press(`k${'9'.repeat(40)}`).state.mode).toMatchObject({ digits: '9'.repeat(15) })
})

it('goes through the rows, and acts on the one that is picked', () => {
  expect(press([down, down, up]).state.picked).toBe(1)
  expect(press([up]).state.picked).toBe(100)
  expect(press([down, pageDown]).state.picked).toBe(11)
  expect(press([end, down]).state.picked).toBe(100)
  expect(press([down, 'z']).wish).toEqual({ kind: 'suspend', pid: 1 })
  expect(press([down, '-']).wish).toEqual({ kind: 'prioritise', pid: 1, by: -1 })
  expect(press('z')).toMatchObject({ wish: undefined, state: { message: expect.stringContaining('arrows') } })
  expect(press([down, 'k', '\r', 'y']).wish).toEqual({ kind: 'kill', pid: 1 })
  expect(press([down, 'k', '7', '\r', 'y']).wish).toEqual({ kind: 'kill', pid: 7 })
  expect(press([down, escapeKey]).state.picked).toBeUndefined()
})

it('filters by every word, and no key of a command fires while one is written', () => {
  const written = press('/part 7')
  expect(written).toMatchObject({ wish: undefined, state: { filter: 'part 7', mode: { kind: 'filter' } } })
  expect(placedOf(written.state, rows).map((one) => one.row.pid)).toContain(70)
  expect(placedOf(written.state, rows).map((one) => one.row.pid)).not.toContain(80)
  expect(press('\r', written.state).state).toMatchObject({ filter: 'part 7', mode: { kind: 'list' } })
  expect(press([escapeKey], written.state).state.filter).toBe('')
  expect(press(['\u007f', down], written.state).state.filter).toBe('part ')
})

it('keeps what is picked in sight, and says how many are not', () => {
  const size = { columns: 80, rows: 24 }
  const lines = picture(press([end]).state, rows, size)
  expect(lines).toHaveLength(24)
  expect(lines.at(-2)).toMatch(/^>100 /)
  expect(lines.at(-1)).toBe(' … 80 above, 0 below')
  expect(picture(firstState, rows, size).at(-1)).toBe(' … 80 below')
  expect(picture(firstState, rows.slice(0, 5), size)).toHaveLength(8)
})

it('never draws more than the window holds', () => {
  for (const size of [
    { columns: 20, rows: 2 },
    { columns: 1, rows: 1 },
    { columns: 200, rows: 5 },
  ]) {
    const lines = picture(firstState, rows, size)
    expect(lines.length).toBeLessThanOrEqual(size.rows)
    expect(lines.every((line) => line.length <= size.columns)).toBe(true)
  }
})

it('lets columns go in the order asked for, and cuts the last one only when all of them are gone', () => {
  const table = [
    ['ID', 'USES', 'LAST', 'NAME'],
    ['1', '20', 'a long time ago', 'something with a name of forty characters'],
  ]
  expect(fitTable(table, undefined, ['LAST'])[1]).toContain('forty characters')
  expect(fitTable(table, 48, ['LAST', 'USES'])).toEqual([
    'ID  USES  NAME',
    '1   20    something with a name of forty charac…',
  ])
  expect(fitTable(table, 30, ['LAST', 'USES'])[1]).toBe('1   something with a name of …')
  expect(fitTable([], 10, [])).toEqual([])
})
