import { useEffect, useRef } from 'react'
import type { ReviewNote } from '../../stores/review-notes.ts'
import { Button } from '../../ui/Button.tsx'
import { ForeignBlock } from '../../ui/Foreign.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'

/** A draft of yours under the line it means. What is typed is kept at once. */
export function NoteCard(props: {
  note: ReviewNote
  number: number
  count: number
  isEditing: boolean
  onText: (text: string) => void
  onEdit: () => void
  onLeave: () => void
  onRemove: () => void
}) {
  const { note, isEditing } = props
  return (
    <div className="note-card" data-key-scope="note">
      <p className="line small">
        <span className="grow">
          <b>You</b>{' '}
          <span className="faint">
            · draft {props.number} of {props.count}, {note.side === 'old' ? 'removed line' : 'line'}{' '}
            {note.line}
          </span>
        </span>
        {!isEditing && (
          <Button kind="quiet" onPress={props.onEdit} label={`Edit the note on line ${note.line}`}>
            Edit
          </Button>
        )}
        <Button kind="quiet" onPress={props.onRemove} label={`Remove the note on line ${note.line}`}>
          Remove
        </Button>
      </p>
      {isEditing ? (
        <Editor note={note} onText={props.onText} onLeave={props.onLeave} />
      ) : (
        <div className="note-text">
          <ForeignBlock text={note.text} />
        </div>
      )}
    </div>
  )
}

function Editor(props: { note: ReviewNote; onText: (text: string) => void; onLeave: () => void }) {
  const { note, onLeave } = props
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus({ preventScroll: true }), [])
  useKeyActions({ 'note.done': onLeave, 'note.leave': onLeave })
  return (
    <div className="note-editor">
      <textarea
        ref={field}
        className="input"
        aria-label={`Note on line ${note.line}`}
        placeholder="What should be different here"
        rows={Math.min(8, Math.max(2, note.text.split('\n').length))}
        value={note.text}
        onChange={(event) => props.onText(event.target.value)}
      />
      <Button onPress={onLeave} action="note.done">
        Keep the note
      </Button>
    </div>
  )
}
