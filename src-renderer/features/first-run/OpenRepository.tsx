import { type DragEvent, useEffect, useRef, useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { droppedPath } from './dropped-path.ts'

/** A folder by drop or by path; it is looked at first, and added only when it is a repository. */
export function OpenRepository(props: {
  isOpen: boolean
  onOpen: () => void
  onAdded: (projectId: string) => void
}) {
  const [path, setPath] = useState('')
  const [isOver, setOver] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const add = useCommand('project', 'add')
  const trimmed = path.trim()
  const info = useRead(
    'workarea',
    'inspect',
    { path: trimmed === '' ? '-' : trimmed },
    { isEnabled: trimmed.length > 1 && add.problem === null },
  )
  useEffect(() => {
    if (props.isOpen) field.current?.focus()
  }, [props.isOpen])
  const save = async (chosen: string) => {
    const outcome = await add.run({ path: chosen })
    if (outcome.ok) props.onAdded(outcome.value.projectId)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const dropped = droppedPath(
      event.dataTransfer.getData('text/uri-list'),
      event.dataTransfer.getData('text/plain'),
    )
    props.onOpen()
    if (dropped !== null) setPath(dropped)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping has the field beside it as its keyboard way
    <div
      className={`first-drop${isOver ? ' over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {props.isOpen ? (
        <form
          className="line"
          onSubmit={(event) => {
            event.preventDefault()
            void save(trimmed)
          }}
        >
          <input
            ref={field}
            className="input mono"
            aria-label="Folder of the repository"
            placeholder="/home/you/project"
            value={path}
            onChange={(event) => {
              setPath(event.target.value)
              add.reset()
            }}
          />
          <button type="submit" className="button primary" disabled={trimmed === '' || add.isRunning}>
            Add
          </button>
        </form>
      ) : (
        <Button onPress={props.onOpen} action="first-run.open">
          Open a repository
        </Button>
      )}
      {add.problem && <ProblemLine problem={add.problem} />}
      {info.data && trimmed !== '' && (
        <p className="small muted">
          {visibleLine(info.data.root)},{' '}
          {info.data.head.branch ? `on ${visibleLine(info.data.head.branch)}` : 'no branch'}
          {info.data.isDirty && `, ${info.data.dirtyFiles} uncommitted files`}.
        </p>
      )}
    </div>
  )
}
