import type { ReviewNote } from '../../stores/review-notes.ts'
import { type HunkView, type LineKey, lineKeyOf } from '../../ui/diff-rows.ts'

/** Characters of a line that are kept to know it again. */
export const quoteLength = 300

/** The notes of a file by the line they stand under now, and those whose line is gone. */
export interface PlacedNotes {
  readonly byLine: ReadonlyMap<LineKey, readonly ReviewNote[]>
  readonly lost: readonly ReviewNote[]
}

/** Finds each note's line: where it was made while it reads the same, else the nearest that does. */
export function placeNotes(notes: readonly ReviewNote[], hunks: readonly HunkView[]): PlacedNotes {
  const byLine = new Map<LineKey, ReviewNote[]>()
  const lost: ReviewNote[] = []
  for (const note of notes) {
    const key = findLine(note, hunks)
    if (key === null) lost.push(note)
    else byLine.set(key, [...(byLine.get(key) ?? []), note])
  }
  return { byLine, lost }
}

function findLine(note: ReviewNote, hunks: readonly HunkView[]): LineKey | null {
  let best: { key: LineKey; distance: number } | null = null
  for (const line of hunks.flatMap((hunk) => hunk.lines)) {
    const isOld = line.kind === 'removed'
    const at = isOld ? line.oldLine : line.newLine
    if (at === null || isOld !== (note.side === 'old') || line.text.slice(0, quoteLength) !== note.quote)
      continue
    const distance = Math.abs(at - note.line)
    if (!best || distance < best.distance) best = { key: lineKeyOf(line), distance }
  }
  return best?.key ?? null
}

/** How many notes each file has. */
export function countByPath(notes: readonly ReviewNote[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { path } of notes) counts.set(path, (counts.get(path) ?? 0) + 1)
  return counts
}
