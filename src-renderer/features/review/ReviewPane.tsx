import type { ChangeSet } from '@contract/workarea.ts'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { plural } from '../../format/amounts.ts'
import { useNotesOf } from '../../stores/review-notes.ts'
import { useView } from '../../stores/view.ts'
import { Counts } from '../../ui/Counts.tsx'
import type { DiffHandle } from '../../ui/DiffView.tsx'
import { PathName } from '../../ui/Foreign.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { FileList } from './FileList.tsx'
import { FileView } from './FileView.tsx'
import { arrangeFiles, type FileLine, neighbour } from './files.model.ts'
import { countByPath } from './notes.model.ts'
import { useChanges, useFileDiff } from './queries.ts'
import './review.css'

/** What a session changed against its base, read again as it works. */
export function ReviewPane(props: { sessionId: string }) {
  const changes = useChanges(props.sessionId)
  if (
    changes.data === undefined &&
    changes.problem &&
    ['workarea_not_found', 'workarea_gone'].includes(changes.problem.code)
  )
    return (
      <div className="review">
        <EmptyState
          title={changes.problem.code === 'workarea_gone' ? 'The workarea is gone.' : 'No workarea yet.'}
          text={changes.problem.todo ?? 'Changes show here as soon as the agent makes them.'}
        />
      </div>
    )
  return (
    <div className="review">
      <Loadable of={changes} rows={12}>
        {(set) => <Body key={set.workareaId} sessionId={props.sessionId} changes={set} />}
      </Loadable>
    </div>
  )
}

/** The file that is read; it stays open when files before it come into the list. */
function usePicked(changes: ChangeSet, lines: readonly FileLine[]) {
  const [picked, setPicked] = useState<string | null>(null)
  const active = changes.files.some((file) => file.path === picked) ? picked : neighbour(lines, null, 1)
  useEffect(() => {
    if (picked === null && active !== null) setPicked(active)
  }, [picked, active])
  return [active, setPicked] as const
}

function Body(props: { sessionId: string; changes: ChangeSet }) {
  const { changes } = props
  const { isSplitDiff, ignoresWhiteSpace, set } = useView()
  const lines = useMemo(() => arrangeFiles(changes.files), [changes.files])
  const [active, setPicked] = usePicked(changes, lines)
  const notes = useNotesOf(props.sessionId)
  const handle = useRef<DiffHandle>(null)
  const [place, setPlace] = useState({ at: 0, count: 0 })
  const onChange = useCallback((at: number, count: number) => setPlace({ at, count }), [])
  useKeyActions({
    'session.next-change': () => handle.current?.step(1),
    'session.previous-change': () => handle.current?.step(-1),
    'session.next-file': () => setPicked(neighbour(lines, active, 1)),
    'session.previous-file': () => setPicked(neighbour(lines, active, -1)),
    'session.note': active === null ? undefined : () => handle.current?.remark(),
    'session.split': () => set({ isSplitDiff: !isSplitDiff }),
    'session.white-space': () => set({ ignoresWhiteSpace: !ignoresWhiteSpace }),
  })
  if (changes.files.length === 0)
    return <EmptyState title="Nothing changed." text={`The workarea is the same as ${changes.baseRef}.`} />
  return (
    <>
      <div className="review-files">
        <div className="pane-head">
          <span className="strong small grow">{plural(changes.counts.files, 'file')}</span>
          <span className="small">
            <Counts {...changes.counts} />
          </span>
        </div>
        <FileList
          changes={changes}
          lines={lines}
          active={active}
          notes={countByPath(notes)}
          onPick={setPicked}
        />
      </div>
      <div className="review-file">
        <div className="pane-head">
          <span className="grow cut">{active && <PathName path={active} />}</span>
          <Toggle isOn={isSplitDiff} onPress={() => set({ isSplitDiff: true })} text="Split" />
          <Toggle isOn={!isSplitDiff} onPress={() => set({ isSplitDiff: false })} text="Unified" />
          <Toggle
            isOn={ignoresWhiteSpace}
            onPress={() => set({ ignoresWhiteSpace: !ignoresWhiteSpace })}
            text="White space"
          />
          <span className="faint small review-place">
            {place.count > 0 ? `${Math.max(1, place.at + 1)} of ${place.count}` : ''}
          </span>
        </div>
        {active && <Diff sessionId={props.sessionId} path={active} handle={handle} onChange={onChange} />}
      </div>
    </>
  )
}

function Diff(props: {
  sessionId: string
  path: string
  handle: React.RefObject<DiffHandle | null>
  onChange: (at: number, count: number) => void
}) {
  const { isSplitDiff, ignoresWhiteSpace } = useView()
  const diff = useFileDiff(props.sessionId, props.path, ignoresWhiteSpace, 3)
  return (
    <Loadable of={diff} rows={12}>
      {(data) => (
        <FileView
          key={props.path}
          sessionId={props.sessionId}
          diff={data}
          isSplit={isSplitDiff}
          handle={props.handle}
          onChange={props.onChange}
        />
      )}
    </Loadable>
  )
}

function Toggle(props: { isOn: boolean; onPress: () => void; text: string }) {
  return (
    <button type="button" className="tab toggle" aria-pressed={props.isOn} onClick={props.onPress}>
      {props.text}
    </button>
  )
}
