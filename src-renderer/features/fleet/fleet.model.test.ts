import type { SessionRow } from '@contract/session.ts'
import { expect, it } from 'vitest'
import { describeDiagram, layOutDiagram } from './diagram.model.ts'
import {
  arrange,
  createRowMaker,
  groupFacts,
  nextAttention,
  rangeBetween,
  windowStart,
} from './fleet.model.ts'

const row = (id: string, more: Partial<SessionRow> = {}) =>
  ({
    id,
    title: id,
    projectName: 'api',
    agent: 'codex',
    status: 'working',
    phase: 'run',
    isPaused: false,
    isStopping: false,
    endReason: null,
    workareaState: 'held',
    openAsks: 0,
    endedAtMs: null,
    usage: { costUsdNanos: 500_000_000 },
    ...more,
  }) as SessionRow

it('groups neighbours and says of each group only what its rows show', () => {
  const items = arrange([row('a'), row('b', { projectName: 'web' }), row('c')], 'project', createRowMaker(0))
  expect(items.map((one) => (one.kind === 'group' ? `# ${one.title}` : one.key))).toEqual([
    '# api',
    'a',
    'c',
    '# web',
    'b',
  ])
  expect(items[0]).toMatchObject({ facts: '2 sessions · 2 working', end: '$1.00' })
  expect(arrange([row('a')], 'none', createRowMaker(0))).toHaveLength(1)
})

it('never counts unknown cost as zero', () => {
  const unknown = { usage: { ...row('x').usage, costUsdNanos: null } }
  expect(groupFacts([row('a', unknown)]).end).toBe('')
})

it('moves the window only when its edge comes near', () => {
  expect(windowStart(0, 0, 40, 10_000, 500)).toBe(0)
  expect(windowStart(0, 300, 340, 10_000, 500)).toBe(0)
  const moved = windowStart(0, 430, 470, 10_000, 500)
  expect(moved).toBe(200)
  expect(windowStart(moved, 430, 470, 10_000, 500)).toBe(200)
  expect(windowStart(200, 0, 30, 10_000, 500)).toBe(0)
  expect(windowStart(0, 10, 400, 450, 500)).toBe(0)
  const end = windowStart(9000, 9960, 9999, 10_000, 500)
  expect(end).toBeLessThanOrEqual(9960)
  expect(windowStart(end, 9960, 9999, 10_000, 500)).toBe(end)
})

it('goes round to the next session that needs a person', () => {
  const rows = [
    row('a', { openAsks: 1 }),
    row('b'),
    row('c', { status: 'failed', endReason: { kind: 'fault', error: 'x' } }),
  ]
  expect(nextAttention(rows, 'a')).toBe('c')
  expect(nextAttention(rows, 'c')).toBe('a')
  expect(nextAttention([row('b')], null)).toBeNull()
  expect(rangeBetween(rows, 'c', 'b')).toEqual(['b', 'c'])
})

it('places every session inside its own block of the diagram', () => {
  const marks = ['queue', 'run', 'ask', 'run'].map((phase, index) => ({
    id: String(index),
    title: 't',
    phase,
    sinceMs: -index * 400_000,
    tone: 'clear',
  }))
  const { blocks, placed } = layOutDiagram(marks, 0)
  expect(placed).toHaveLength(4)
  for (const one of placed) {
    const mark = marks.find((each) => each.id === one.id)!
    const block = blocks.find((each) => each.phase === mark.phase)!
    expect(one.x).toBeGreaterThanOrEqual(block.start)
    expect(one.x).toBeLessThan(block.start + block.width)
  }
  expect(describeDiagram(blocks)).toBe('1 in queue, 2 in run, 1 in ask')
})
