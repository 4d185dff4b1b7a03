import { useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { type NewSessionStart, useOverlay } from '../../stores/overlay.ts'
import { Button } from '../../ui/Button.tsx'
import { Dialog } from '../../ui/Dialog.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { AddProject } from './AddProject.tsx'
import { checkDraft, type Draft, emptyDraft } from './draft.model.ts'
import { AgentFields, LimitFields, ProjectFields, TaskField } from './fields.tsx'
import { Preview } from './Preview.tsx'
import { useRepository, useStartData } from './queries.ts'
import './new-session.css'

/** The sheet that starts a session; beside it stands what would happen. */
export function NewSessionSheet() {
  const { overlay, close } = useOverlay()
  if (overlay.kind !== 'new-session') return null
  return <Sheet key={JSON.stringify(overlay.start)} start={overlay.start} onClose={close} />
}

function useSheet(start: NewSessionStart) {
  const data = useStartData(true)
  const [typed, setTyped] = useState<Partial<Draft>>({})
  const projects = data.projects.data ?? []
  const agents = data.agents.data ?? []
  const settings = data.settings.data
  const ready = agents.filter((one) => one.state === 'ready')
  const usual = settings?.defaultAgent ?? ready[0]?.id ?? ''
  const draft: Draft = {
    ...emptyDraft,
    projectId: start.projectId ?? projects[0]?.id ?? '',
    agent: start.agent ?? usual,
    ...typed,
  }
  const project = projects.find((one) => one.id === draft.projectId)
  const repository = useRepository(project?.path)
  const put = (change: Partial<Draft>) => setTyped((before) => ({ ...before, ...change }))
  return { ...data, draft, put, project, repository, checked: checkDraft(draft, agents, start.continues) }
}

function Sheet(props: { start: NewSessionStart; onClose: () => void }) {
  const { start, onClose } = props
  const sheet = useSheet(start)
  const submit = useCommand('session', 'submit')
  const isOffline = useClient() === null
  const task = useRef<HTMLTextAreaElement>(null)
  const [isAdding, setAdding] = useState(false)
  const projects = sheet.projects.data
  const run = async () => {
    if (!sheet.checked.ok || submit.isRunning) return
    const outcome = await submit.run(sheet.checked.input)
    if (!outcome.ok) return
    onClose()
    navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
  const why = isOffline ? 'The daemon does not answer.' : sheet.checked.ok ? null : sheet.checked.reason
  const foot = (
    <>
      <span className="small muted grow" role="status">
        {why ?? ''}
      </span>
      <Button onPress={onClose}>Cancel</Button>
      <Button
        kind="primary"
        onPress={() => void run()}
        action="new-session.start"
        isDisabled={why !== null || submit.isRunning}
      >
        {submit.isRunning ? 'Starting' : 'Start session'}
      </Button>
    </>
  )
  const title = start.continues ? `Follow up: ${visibleLine(start.title ?? '')}` : 'New session'
  const needsProject = isAdding || (projects !== undefined && projects.length === 0)
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={title}
      width={920}
      scope="new-session"
      initialFocus={task}
      foot={foot}
    >
      <StartKey onStart={() => void run()} />
      <div className="sheet">
        <div className="sheet-form">
          {needsProject ? (
            <AddProject
              onAdded={(projectId) => {
                sheet.put({ projectId })
                setAdding(false)
              }}
              onCancel={projects && projects.length > 0 ? () => setAdding(false) : undefined}
            />
          ) : (
            <ProjectFields
              projects={projects ?? []}
              draft={sheet.draft}
              put={sheet.put}
              repository={sheet.repository.data}
              isFixed={start.continues !== undefined}
              onAdd={() => setAdding(true)}
            />
          )}
          <TaskField draft={sheet.draft} put={sheet.put} ref={task} />
          <AgentFields agents={sheet.agents.data ?? []} draft={sheet.draft} put={sheet.put} />
          <LimitFields draft={sheet.draft} put={sheet.put} usual={sheet.settings.data?.defaultBudget} />
          {submit.problem && <ProblemLine problem={submit.problem} />}
        </div>
        <Preview
          draft={sheet.draft}
          put={sheet.put}
          repository={sheet.repository}
          wall={sheet.overview.data?.confinement}
          queue={queueText(sheet.overview.data?.slots)}
          agent={sheet.agents.data?.find(
            (one) => sheet.draft.agent === one.id || sheet.draft.agent.startsWith(`${one.id}:`),
          )}
        />
      </div>
    </Dialog>
  )
}

function queueText(slots: { used: number; total: number } | undefined): string {
  if (!slots) return ''
  const free = slots.total - slots.used
  return free > 0
    ? `Starts at once: ${plural(free, 'slot')} free.`
    : 'Every slot is taken: it waits in the queue.'
}

function StartKey(props: { onStart: () => void }) {
  useKeyActions({ 'new-session.start': props.onStart })
  return null
}
