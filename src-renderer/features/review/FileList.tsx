import type { ChangeSet } from '@contract/workarea.ts'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useId, useRef } from 'react'
import { plural } from '../../format/amounts.ts'
import { formatClock } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Counts } from '../../ui/Counts.tsx'
import { type FileLine, neighbour, statusWord } from './files.model.ts'

/** The changed files by folder; one tab stop, arrows move. */
export function FileList(props: {
  changes: ChangeSet
  lines: readonly FileLine[]
  active: string | null
  notes: ReadonlyMap<string, number>
  onPick: (path: string) => void
}) {
  const { lines, active, changes } = props
  const id = useId()
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 24,
    overscan: 20,
  })
  const at = lines.findIndex((line) => line.kind === 'file' && line.key === active)
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' })
  }, [at, virtual])
  const move = (event: KeyboardEvent) => pickByKey(event, lines, active, props.onPick)
  return (
    <>
      <div
        className="files"
        ref={scroller}
        role="listbox"
        tabIndex={0}
        aria-label="Changed files"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        onKeyDown={move}
      >
        <div className="files-body" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index]
            return (
              line && (
                <FileLineView
                  key={line.key}
                  line={line}
                  id={`${id}-${item.index}`}
                  place={{ transform: `translateY(${item.start}px)` }}
                  isActive={line.key === active}
                  notes={props.notes.get(line.key) ?? 0}
                  onPick={props.onPick}
                />
              )
            )
          })}
        </div>
      </div>
      <ListFoot changes={changes} />
    </>
  )
}

function pickByKey(
  event: KeyboardEvent,
  lines: readonly FileLine[],
  active: string | null,
  onPick: (path: string) => void,
): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  const next = step === 0 ? null : neighbour(lines, active, step)
  if (next === null) return
  event.preventDefault()
  onPick(next)
}

function ListFoot(props: { changes: ChangeSet }) {
  const { changes } = props
  return (
    <p className="files-foot faint tiny">
      Against{' '}
      <span className="mono">
        {visibleLine(changes.baseRef)} @ {changes.baseCommit.slice(0, 7)}
      </span>
      , read {formatClock(changes.readAtMs, true)}.{changes.isCut && ' The list is cut at 20,000 files.'}
    </p>
  )
}

interface LineProps<L> {
  readonly line: L
  readonly id: string
  readonly place: { readonly transform: string }
  readonly isActive: boolean
  readonly notes: number
  readonly onPick: (path: string) => void
}

function FileLineView(props: LineProps<FileLine>) {
  const { line } = props
  if (line.kind === 'file') return <FileOption {...props} line={line} />
  return (
    <div className="files-folder cut" role="presentation" style={props.place}>
      ⌄ {visibleLine(line.name)}
    </div>
  )
}

function FileOption(props: LineProps<Extract<FileLine, { kind: 'file' }>>) {
  const { file, name, isInFolder } = props.line
  const word = statusWord(file)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are served by the list, which holds the focus
    <div
      id={props.id}
      className={`files-file${isInFolder ? ' inside' : ''}`}
      role="option"
      tabIndex={-1}
      aria-selected={props.isActive}
      title={visibleLine(file.path)}
      style={props.place}
      onClick={() => props.onPick(file.path)}
    >
      <bdi className={`grow cut${file.status === 'deleted' ? ' gone' : ''}`}>{visibleLine(name)}</bdi>
      <span className="tiny num">
        {file.isBinary ? (
          <span className="faint">binary</span>
        ) : (
          <Counts insertions={file.insertions} deletions={file.deletions} hidesZero />
        )}
        {props.notes > 0 && (
          <span className="notes-count" title={plural(props.notes, 'draft note')}>
            {' '}
            {props.notes}
            <span className="unseen"> {props.notes === 1 ? 'note' : 'notes'}</span>
          </span>
        )}
        {word && <span className={file.status === 'conflicted' ? 'danger-text' : 'faint'}> {word}</span>}
      </span>
    </div>
  )
}
