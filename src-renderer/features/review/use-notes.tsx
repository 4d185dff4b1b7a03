import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { type ReviewNote, useNotesOf, useReviewNotes } from '../../stores/review-notes.ts'
import { type HunkView, type LineKey, lineKeyOf, type PlacedLine } from '../../ui/diff-rows.ts'
import { NoteCard } from './NoteCard.tsx'
import { placeNotes, quoteLength } from './notes.model.ts'

/** The notes on one file: where they stand, how they are drawn, and how one is begun. */
export function useNotes(
  sessionId: string,
  path: string,
  hunks: readonly HunkView[],
  onLeave: () => void,
): {
  remarks: ReadonlySet<LineKey>
  remarkAt: (key: LineKey) => ReactNode
  begin: (line: PlacedLine) => void
  lost: ReactNode
} {
  const all = useNotesOf(sessionId)
  const { put, remove } = useReviewNotes.getState()
  const [editing, setEditing] = useState<string | null>(null)
  const placed = useMemo(() => {
    const shown = all.filter((one) => one.path === path && (one.text !== '' || one.id === editing))
    return placeNotes(shown, hunks)
  }, [all, path, hunks, editing])
  const names = [...placed.byLine.keys()].join(' ')
  // The set changes only with the lines themselves, so that typing does not lay the file out again.
  const remarks = useMemo(() => new Set(names.split(' ').filter(Boolean) as LineKey[]), [names])
  useEffect(() => () => forgetEmpty(sessionId), [sessionId])
  const begin = (line: PlacedLine) => {
    const there = placed.byLine.get(lineKeyOf(line))?.[0]
    if (there) return setEditing(there.id)
    const id = crypto.randomUUID()
    const side = line.kind === 'removed' ? 'old' : 'new'
    const at = (side === 'old' ? line.oldLine : line.newLine) ?? 0
    put(sessionId, { id, path, side, line: at, quote: line.text.slice(0, quoteLength), text: '' })
    setEditing(id)
  }
  const leave = (note: ReviewNote) => {
    if (note.text.trim() === '') remove(sessionId, note.id)
    setEditing(null)
    onLeave()
  }
  const card = (note: ReviewNote) => (
    <NoteCard
      key={note.id}
      note={note}
      number={all.indexOf(note) + 1}
      count={all.length}
      isEditing={note.id === editing}
      onText={(text) => put(sessionId, { ...note, text })}
      onEdit={() => setEditing(note.id)}
      onLeave={() => leave(note)}
      onRemove={() => {
        remove(sessionId, note.id)
        onLeave()
      }}
    />
  )
  return {
    remarks,
    remarkAt: (key) => placed.byLine.get(key)?.map(card),
    begin,
    lost: placed.lost.length > 0 && placed.lost.map(card),
  }
}

function forgetEmpty(sessionId: string): void {
  const { notes, remove } = useReviewNotes.getState()
  for (const note of notes[sessionId] ?? []) if (note.text.trim() === '') remove(sessionId, note.id)
}
