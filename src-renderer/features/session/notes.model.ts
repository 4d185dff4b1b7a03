import type { ReviewNote } from '../../stores/review-notes.ts'

/** One prompt out of what was typed and the notes on lines; each note with its place and the line it means. */
export function writePrompt(text: string, notes: readonly ReviewNote[]): string {
  const typed = text.trim()
  if (notes.length === 0) return typed
  const listed = notes.map(
    (note, index) => `${index + 1}. ${placeOf(note)}\n${quoted(note.quote)}${note.text.trim()}`,
  )
  const head = notes.length === 1 ? 'A review note on your changes:' : 'Review notes on your changes:'
  return [...(typed === '' ? [] : [typed]), head, ...listed].join('\n\n')
}

function placeOf({ path, side, line }: ReviewNote): string {
  return side === 'old' ? `${path}, removed line ${line}` : `${path}, line ${line}`
}

function quoted(line: string): string {
  return line.trim() === '' ? '' : `> ${line.trim()}\n`
}
