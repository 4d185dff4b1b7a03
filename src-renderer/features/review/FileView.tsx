import type { FileDiff } from '@contract/workarea.ts'
import type { RefObject } from 'react'
import { formatBytes } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { type DiffHandle, DiffView } from '../../ui/DiffView.tsx'
import { sideFacts } from './files.model.ts'
import { useNotes } from './use-notes.tsx'

/** One file's change: its lines, its pictures, or what can be said of a binary. */
export function FileView(props: {
  sessionId: string
  diff: FileDiff
  isSplit: boolean
  handle: RefObject<DiffHandle | null>
  onChange: (at: number, count: number) => void
}) {
  const { diff } = props
  const { file } = diff
  const facts = sideFacts(file)
  const notes = useNotes(props.sessionId, file.path, diff.hunks, () => props.handle.current?.focus())
  const isPicture = diff.oldImage !== null || diff.newImage !== null
  return (
    <div className="file-view">
      {facts.length > 0 && <p className="file-facts small muted">{facts.map(visibleLine).join(' · ')}</p>}
      {notes.lost && (
        <div className="notes-lost">
          <p className="faint small">The lines of these notes are gone:</p>
          {notes.lost}
        </div>
      )}
      <div className="file-body">
        {isPicture ? (
          <Pictures diff={diff} />
        ) : file.isBinary ? (
          <p className="file-plain muted">
            Binary: {formatBytes(file.oldSizeBytes)} → {formatBytes(file.newSizeBytes)}.
          </p>
        ) : diff.hunks.length === 0 ? (
          <p className="file-plain muted">No line differs.</p>
        ) : (
          <DiffView
            path={file.path}
            hunks={diff.hunks}
            isSplit={props.isSplit}
            omittedLines={diff.omittedLines}
            ref={props.handle}
            onChange={props.onChange}
            remarks={notes.remarks}
            remarkAt={notes.remarkAt}
            onRemark={notes.begin}
          />
        )}
      </div>
    </div>
  )
}

function Pictures(props: { diff: FileDiff }) {
  const { file, oldImage, newImage } = props.diff
  return (
    <div className="pictures">
      <Picture title="Before" source={oldImage} sizeBytes={file.oldSizeBytes} />
      <Picture title="After" source={newImage} sizeBytes={file.newSizeBytes} />
    </div>
  )
}

function Picture(props: { title: string; source: string | null; sizeBytes: number | null }) {
  const isSafe = props.source?.startsWith('data:image/') ?? false
  return (
    <figure>
      <figcaption className="small muted">
        {props.title} <span className="faint">{props.source ? formatBytes(props.sizeBytes) : 'none'}</span>
      </figcaption>
      {isSafe && props.source && <img src={props.source} alt={props.title} />}
    </figure>
  )
}
