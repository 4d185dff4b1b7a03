import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { Field } from '../../ui/Field.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { useRepository } from './queries.ts'

/** Lets Signalbox work on a repository: its path is looked at before it is added. */
export function AddProject(props: {
  onAdded: (projectId: string) => void
  onCancel: (() => void) | undefined
}) {
  const [path, setPath] = useState('')
  const [looked, setLooked] = useState<string | undefined>(undefined)
  const repository = useRepository(looked)
  const add = useCommand('project', 'add')
  const dialog = useCommand('project', 'chooseFolder')
  const choose = async () => {
    const outcome = await dialog.run({})
    if (outcome.ok && outcome.value.path !== null) setPath(outcome.value.path)
  }
  const save = async () => {
    const outcome = await add.run({ path: path.trim() })
    if (outcome.ok) props.onAdded(outcome.value.projectId)
  }
  const isPath = path.trim() !== ''
  return (
    <div className="sheet-add">
      <Field
        label="Folder of the repository"
        hint={
          repository.data
            ? `A repository at ${visibleLine(repository.data.root)}.`
            : 'Its full path. It is only read until you land something.'
        }
      >
        {(id) => (
          <input
            id={id}
            className="input mono"
            value={path}
            placeholder="/home/you/project"
            onChange={(event) => setPath(event.target.value)}
            onBlur={() => setLooked(isPath ? path.trim() : undefined)}
          />
        )}
      </Field>
      {repository.problem && looked === path.trim() && <ProblemLine problem={repository.problem} />}
      {add.problem && add.problem.code !== repository.problem?.code && <ProblemLine problem={add.problem} />}
      <div className="line">
        <Button onPress={() => void choose()} isDisabled={dialog.isRunning}>
          Choose a folder
        </Button>
        <Button onPress={() => void save()} isDisabled={!isPath || add.isRunning}>
          Add repository
        </Button>
        {props.onCancel && (
          <Button kind="quiet" onPress={props.onCancel}>
            Cancel
          </Button>
        )}
      </div>
    </div>
  )
}
