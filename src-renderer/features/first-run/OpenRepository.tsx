import { type DragEvent, useEffect, useRef, useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { droppedPath } from './dropped-path.ts'

/** A folder by drop or by path; it is added only when it is a repository. */
export function OpenRepository(props: {
  isOpen: boolean
  onOpen: () => void
  onAdded: (projectId: string) => void
}) {
  const [path, setPath] = useState('')
  const [isOver, setOver] = useState(false)
  const add = useCommand('project', 'add')
  const dialog = useCommand('project', 'chooseFolder')
  const change = (text: string) => {
    setPath(text)
    add.reset()
  }
  const save = async () => {
    const outcome = await add.run({ path: path.trim() })
    if (outcome.ok) props.onAdded(outcome.value.projectId)
  }
  const choose = async () => {
    const outcome = await dialog.run({})
    props.onOpen()
    if (outcome.ok && outcome.value.path !== null) change(outcome.value.path)
  }
  useKeyActions({ 'first-run.open': () => void choose() })
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const { dataTransfer } = event
    const dropped = droppedPath(dataTransfer.getData('text/uri-list'), dataTransfer.getData('text/plain'))
    if (dropped === null) return void choose()
    props.onOpen()
    change(dropped)
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
        <PathForm path={path} isBusy={add.isRunning} onChange={change} onSave={() => void save()} />
      ) : (
        <Button onPress={() => void choose()} action="first-run.open" isDisabled={dialog.isRunning}>
          Open a repository
        </Button>
      )}
      {add.problem && <ProblemLine problem={add.problem} />}
      {props.isOpen && !add.problem && <Found path={path.trim()} />}
    </div>
  )
}

function PathForm(props: {
  path: string
  isBusy: boolean
  onChange: (path: string) => void
  onSave: () => void
}) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <form
      className="line"
      onSubmit={(event) => {
        event.preventDefault()
        props.onSave()
      }}
    >
      <input
        ref={field}
        className="input mono"
        aria-label="Folder of the repository"
        placeholder="/home/you/project"
        value={props.path}
        onChange={(event) => props.onChange(event.target.value)}
      />
      <button type="submit" className="button primary" disabled={props.path.trim() === '' || props.isBusy}>
        Add
      </button>
    </form>
  )
}

/** What lies at the path, once it is a repository; while it is typed nothing is called wrong. */
function Found(props: { path: string }) {
  const [settled, setSettled] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setSettled(props.path), 300)
    return () => clearTimeout(timer)
  }, [props.path])
  const isEnabled = settled.length > 1 && settled === props.path
  const { data } = useRead('workarea', 'inspect', { path: settled === '' ? '-' : settled }, { isEnabled })
  if (!data || !isEnabled) return null
  return (
    <p className="small muted">
      {visibleLine(data.root)}, {data.head.branch ? `on ${visibleLine(data.head.branch)}` : 'no branch'}
      {data.isDirty && `, ${data.dirtyFiles} uncommitted files`}.
    </p>
  )
}
