import { expect, it } from 'vitest'
import {
  type DiffLineView,
  type HunkView,
  type LineKey,
  layOutDiff,
  sideText,
  withRemarks,
} from './diff-rows.ts'
import { nearestWith } from './use-steady-scroll.ts'

const line = (kind: DiffLineView['kind'], text: string, oldLine: number | null, newLine: number | null) => ({
  kind,
  text,
  oldLine,
  newLine,
})
const hunk: HunkView = {
  header: 'deliver()',
  oldStart: 12,
  oldCount: 3,
  newStart: 12,
  newCount: 4,
  lines: [
    line('context', 'a', 12, 12),
    line('removed', 'b', 13, null),
    line('added', 'B', null, 13),
    line('added', 'BB', null, 14),
    line('context', 'c', 14, 15),
  ],
}

it('shows what lies between hunks, and every line once', () => {
  const { rows, changes, widest } = layOutDiff([hunk], false, 0)
  expect(rows[0]).toMatchObject({ kind: 'gap', text: '@@ 11 unchanged lines deliver()' })
  expect(rows.slice(1).map((row) => row.kind === 'line' && row.line.text)).toEqual(['a', 'b', 'B', 'BB', 'c'])
  expect(changes).toEqual([2])
  expect(widest).toBe(2)
})

it('pairs replaced lines side by side and leaves a place for the rest', () => {
  const { rows, changes } = layOutDiff([hunk], true, 0)
  const pairs = rows.flatMap((row) => (row.kind === 'pair' ? [[row.left?.text, row.right?.text]] : []))
  expect(pairs).toEqual([
    ['a', 'a'],
    ['b', 'B'],
    [undefined, 'BB'],
    ['c', 'c'],
  ])
  expect(changes).toEqual([2])
})

it('knows where the colours of a line are found', () => {
  const { rows } = layOutDiff([hunk], false, 0)
  const lines = rows.flatMap((row) => (row.kind === 'line' ? [row.line] : []))
  for (const one of lines) expect(sideText(hunk, one.side).split('\n')[one.inSide]).toBe(one.text)
})

it('cuts what is too long and says what was left out', () => {
  const long = { ...hunk, lines: [line('added', 'x'.repeat(5000), null, 1)] }
  const { rows, widest } = layOutDiff([long], false, 120_000)
  expect(widest).toBe(2000)
  expect(rows.at(-1)).toEqual({ kind: 'note', text: '120,000 more lines are not shown' })
})

it('has nothing to draw for a file without hunks', () => {
  expect(layOutDiff([], false, 0)).toEqual({ rows: [], changes: [], widest: 0 })
})

it('makes room under named lines on either side, and counts changes as before', () => {
  const lines = [line('removed', 'a', 1, null), line('added', 'b', null, 1), line('context', 'c', 2, 2)]
  const hunks: HunkView[] = [{ header: '', oldStart: 1, oldCount: 2, newStart: 1, newCount: 2, lines }]
  const keys = new Set<LineKey>(['old:1', 'new:2'])
  const unified = withRemarks(layOutDiff(hunks, false, 0), keys)
  expect(unified.rows.map((row) => row.kind)).toEqual(['line', 'remark', 'line', 'line', 'remark'])
  expect(unified.changes).toEqual([0])
  const split = withRemarks(layOutDiff(hunks, true, 0), keys)
  expect(split.rows.map((row) => row.kind)).toEqual(['pair', 'remark', 'pair', 'remark'])
  expect(withRemarks(split, new Set())).toBe(split)
})

it('finds the nearest row that reads the same', () => {
  const lines = ['x', 'y', 'x'].map((text, at) => line('context', text, at + 1, at + 1))
  const { rows } = layOutDiff(
    [{ header: '', oldStart: 1, oldCount: 3, newStart: 1, newCount: 3, lines }],
    false,
    0,
  )
  expect(nearestWith(rows, 'x', 2)).toBe(2)
  expect(nearestWith(rows, 'y', 0)).toBe(1)
  expect(nearestWith(rows, 'gone', 0)).toBe(-1)
})
