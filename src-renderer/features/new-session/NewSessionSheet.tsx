import { useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useLastChoices } from '../../stores/last-choices.ts'
import { type NewSessionStart, useOverlay } from '../../stores/overlay.ts'
import { useReviewNotes } from '../../stores/review-notes.ts'
import { Button } from '../../ui/Button.tsx'
import { Dialog } from '../../ui/Dialog.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { AddProject } from './AddProject.tsx'
import { agentMatches, checkDraft, choiceOf, type Draft, emptyDraft, remembered } from './draft.model.ts'
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
  const { byProject, lastProject } = useLastChoices()
  const lately = projects.find((one) => one.id === lastProject) ?? projects[0]
  const projectId = typed.projectId ?? start.projectId ?? lately?.id ?? ''
  const draft: Draft = {
    ...emptyDraft,
    agent: usual,
    ...remembered(byProject[projectId], ready, start.agent),
    prompt: start.prompt ?? '',
    ...typed,
    projectId,
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
  const run = async () => {
    if (!sheet.checked.ok || submit.isRunning) return
    const outcome = await submit.run(sheet.checked.input)
    if (!outcome.ok) return
    useLastChoices.getState().remember(sheet.draft.projectId, choiceOf(sheet.draft))
    if (start.prompt !== undefined && start.continues) useReviewNotes.getState().clear(start.continues)
    onClose()
    navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
  const why = isOffline ? 'The daemon does not answer.' : sheet.checked.ok ? null : sheet.checked.reason
  const foot = <Foot why={why} isBusy={submit.isRunning} onClose={onClose} onStart={() => void run()} />
  const title = start.continues ? `Follow up: ${visibleLine(start.title ?? '')}` : 'New session'
  const agent = sheet.agents.data?.find((one) => agentMatches(one, sheet.draft.agent))
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
          <Repository sheet={sheet} isFixed={start.continues !== undefined} />
          <TaskField draft={sheet.draft} put={sheet.put} ref={task} />
          <AgentFields agents={sheet.agents.data ?? []} draft={sheet.draft} put={sheet.put} />
          <LimitFields draft={sheet.draft} put={sheet.put} usual={sheet.settings.data?.defaultBudget} />
          {submit.problem && <ProblemLine problem={submit.problem} />}
        </div>
        <Preview
          draft={sheet.draft}
          put={sheet.put}
          repository={sheet.repository}
          wall={sheet.wall.data}
          queue={queueText(sheet.overview.data?.slots)}
          agent={agent}
        />
      </div>
    </Dialog>
  )
}

function Foot(props: { why: string | null; isBusy: boolean; onClose: () => void; onStart: () => void }) {
  return (
    <>
      <span className="small muted grow" role="status">
        {props.why ?? ''}
      </span>
      <Button onPress={props.onClose}>Cancel</Button>
      <Button
        kind="primary"
        onPress={props.onStart}
        action="new-session.start"
        isDisabled={props.why !== null || props.isBusy}
      >
        {props.isBusy ? 'Starting' : 'Start session'}
      </Button>
    </>
  )
}

/** The chosen repository, or the way to add one. */
function Repository(props: { sheet: ReturnType<typeof useSheet>; isFixed: boolean }) {
  const { sheet } = props
  const [isAdding, setAdding] = useState(false)
  const projects = sheet.projects.data
  if (!isAdding && projects?.length !== 0)
    return (
      <ProjectFields
        projects={projects ?? []}
        draft={sheet.draft}
        put={sheet.put}
        repository={sheet.repository.data}
        isFixed={props.isFixed}
        onAdd={() => setAdding(true)}
      />
    )
  return (
    <AddProject
      onAdded={(projectId) => {
        sheet.put({ projectId })
        setAdding(false)
      }}
      onCancel={projects && projects.length > 0 ? () => setAdding(false) : undefined}
    />
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
