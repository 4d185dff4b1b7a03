import type { Project } from '@contract/project.ts'
import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { formatTokens, formatUsd, plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { LimitField } from './LimitField.tsx'

/** Repositories that Signalbox may work on, and what their sessions may use in a day. */
export function Projects() {
  const projects = useRead('project', 'list', {})
  return (
    <Loadable of={projects} rows={3}>
      {(list) => (
        <>
          <p className="small muted">
            What all sessions of a repository may use in one UTC day. One that would start over it waits in
            the queue until the limit is raised or the day ends.
          </p>
          {list.map((one) => (
            <div key={one.id} className="project">
              <ProjectRow project={one} />
              <DailyBudget project={one} />
            </div>
          ))}
          <AddProject />
        </>
      )}
    </Loadable>
  )
}

function ProjectRow(props: { project: Project }) {
  const { id, name, path, sessions, working } = props.project
  const remove = useCommand('project', 'remove')
  return (
    <div className="line project-row">
      <span className="strong">{visibleLine(name)}</span>
      <span className="faint mono tiny grow cut">{visibleLine(path)}</span>
      <span className="faint small">{plural(sessions, 'session')}</span>
      <Button
        kind="danger"
        isDisabled={working > 0 || remove.isRunning}
        hint={
          working > 0
            ? 'Sessions work on it.'
            : 'Takes it off the list; the repository itself is not touched.'
        }
        onPress={() => void remove.run({ projectId: id })}
      >
        Remove
      </Button>
    </div>
  )
}

function AddProject() {
  const add = useCommand('project', 'add')
  const dialog = useCommand('project', 'chooseFolder')
  const [path, setPath] = useState('')
  const choose = async () => {
    const outcome = await dialog.run({})
    if (outcome.ok && outcome.value.path !== null) setPath(outcome.value.path)
  }
  const save = async () => {
    const outcome = await add.run({ path: path.trim() })
    if (outcome.ok) setPath('')
  }
  return (
    <>
      <div className="line">
        <input
          className="input mono"
          aria-label="Folder of a repository"
          placeholder="/path/to/a/repository"
          value={path}
          onChange={(event) => setPath(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && path.trim() !== '' && void save()}
        />
        <Button kind="quiet" onPress={() => void choose()} isDisabled={dialog.isRunning}>
          Choose
        </Button>
        <Button onPress={() => void save()} isDisabled={path.trim() === '' || add.isRunning}>
          Add
        </Button>
      </div>
      {add.problem && <ProblemLine problem={add.problem} />}
    </>
  )
}

/** What all sessions of a project may use in a day; checked when a session is admitted. */
function DailyBudget(props: { project: Project }) {
  const { id, budget, usedToday } = props.project
  const set = useCommand('project', 'setBudget')
  const change = (part: Partial<Project['budget']>) =>
    void set.run({ projectId: id, budget: { ...budget, ...part } })
  return (
    <>
      <div className="project-budget">
        <LimitField
          label="Money a day"
          hint={`${formatUsd(usedToday.usdNanos)} used today`}
          kind="usd"
          value={budget.dailyUsdNanos}
          onNumber={(dailyUsdNanos) => change({ dailyUsdNanos })}
        />
        <LimitField
          label="Tokens a day"
          hint={`${formatTokens(usedToday.tokens)} used today`}
          kind="count"
          value={budget.dailyTokens}
          onNumber={(dailyTokens) => change({ dailyTokens })}
        />
      </div>
      {set.problem && <ProblemLine problem={set.problem} />}
    </>
  )
}
