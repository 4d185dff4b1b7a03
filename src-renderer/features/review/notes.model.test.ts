import { expect, it } from 'vitest'
import type { ReviewNote } from '../../stores/review-notes.ts'
import type { HunkView } from '../../ui/diff-rows.ts'
import { countByPath, placeNotes } from './notes.model.ts'

const hunk = (texts: readonly string[], start = 10): HunkView => ({
  header: '',
  oldStart: start,
  oldCount: 0,
  newStart: start,
  newCount: texts.length,
  lines: texts.map((text, index) => ({ kind: 'added', oldLine: null, newLine: start + index, text })),
})
const note = (line: number, quote: string, more: Partial<ReviewNote> = {}): ReviewNote => ({
  id: `n${line}`,
  path: 'a.ts',
  side: 'new',
  line,
  quote,
  text: 'why',
  ...more,
})

it('follows a line that moved, to the nearest one that reads the same', () => {
  const placed = placeNotes([note(10, '}')], [hunk(['x', '}', 'y', '}'])])
  expect([...placed.byLine.keys()]).toEqual(['new:11'])
  expect(placed.lost).toEqual([])
})

it('says when the line is gone, and never takes the other side for it', () => {
  const gone = note(10, 'was')
  const old = note(10, 'x', { side: 'old' })
  expect(placeNotes([gone, old], [hunk(['x'])]).lost).toEqual([gone, old])
})

it('counts by file', () => {
  expect(countByPath([note(1, ''), note(2, ''), note(1, '', { path: 'b.ts' })]).get('a.ts')).toBe(2)
})
