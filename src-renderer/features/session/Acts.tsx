import type { SessionDetail } from '@contract/session.ts'
import { useClient } from '../../client/access.tsx'
import { possibleFor } from '../../client/session-state.ts'
import { useCommand } from '../../client/use-command.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useNotices } from '../../stores/notices.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { Button } from '../../ui/Button.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { replayableOf, replayHint } from './replay.model.ts'

/** All that a session can be told by button or key; only what its state allows is offered. */
function useActs(detail: SessionDetail) {
  const { row } = detail
  const input = { sessionId: row.id }
  const can = possibleFor(row)
  const open = useOverlay((state) => state.open)
  const commands = {
    land: useCommand('session', 'land'),
    keep: useCommand('session', 'keep'),
    pause: useCommand('session', 'pause'),
    resume: useCommand('session', 'resume'),
    undo: useCommand('session', 'undoLand'),
    open: useCommand('workarea', 'open'),
  }
  const again = useReplay(detail)
  const confirm = (verb: 'stop' | 'discard') => () => open({ kind: 'confirm', verb, sessions: [row] })
  const copyId = () => {
    navigator.clipboard.writeText(row.id).then(
      () => useNotices.getState().say({ text: `Copied ${row.id}.`, lastsMs: 3000 }),
      () => useNotices.getState().say({ text: 'The clipboard refused it.', tone: 'danger' }),
    )
  }
  const acts = {
    stop: can.stop ? confirm('stop') : undefined,
    discard: can.discard ? confirm('discard') : undefined,
    land: can.land ? () => void commands.land.run(input) : undefined,
    keep: can.keep ? () => void commands.keep.run(input) : undefined,
    pause: can.pause ? () => void commands.pause.run(input) : undefined,
    resume: can.resume ? () => void commands.resume.run(input) : undefined,
    undo: can.undoLand ? () => void commands.undo.run(input) : undefined,
    replay: again.isOffered && again.reason === null ? again.run : undefined,
    openFolder: detail.workareaPath ? () => void commands.open.run({ ...input, what: 'folder' }) : undefined,
    openEditor: detail.workareaPath ? () => void commands.open.run({ ...input, what: 'editor' }) : undefined,
  }
  useKeyActions({
    'session.stop': acts.stop,
    'session.land': acts.land,
    'session.undo': acts.undo,
    'session.replay': acts.replay,
    'session.keep': acts.keep,
    'session.pause': acts.pause ?? acts.resume,
    'session.copy-id': copyId,
    'session.back': () => navigate({ screen: 'fleet' }),
  })
  return { acts, land: commands.land, again }
}

/** Runs the session again from its recording, and shows what becomes of it. */
function useReplay(detail: SessionDetail) {
  const replay = useCommand('session', 'replay')
  const run = async () => {
    const outcome = await replay.run({ sessionId: detail.row.id })
    if (outcome.ok) navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
  return { ...replayableOf(detail), run: () => void run(), isRunning: replay.isRunning }
}

/** The row of buttons at the head, with what landing ran into. */
export function Acts(props: { detail: SessionDetail }) {
  const { acts, land, again } = useActs(props.detail)
  const isOffline = useClient() === null
  return (
    <div className="session-acts">
      {land.problem && <LandProblem detail={props.detail} land={land} />}
      <div className="line session-buttons">
        <Act text="Folder" onPress={acts.openFolder} kind="quiet" isOffline={isOffline} />
        <Act text="Editor" onPress={acts.openEditor} kind="quiet" isOffline={isOffline} />
        {again.isOffered && (
          <Button
            kind="quiet"
            onPress={again.run}
            isDisabled={isOffline || again.isRunning || again.reason !== null}
            hint={again.reason ?? replayHint}
            action="session.replay"
          >
            Replay
          </Button>
        )}
        <Act text="Discard" onPress={acts.discard} kind="danger" isOffline={isOffline} />
        <Act text="Keep" onPress={acts.keep} action="session.keep" isOffline={isOffline} />
        <Act text="Undo landing" onPress={acts.undo} action="session.undo" isOffline={isOffline} />
        <Act text="Pause" onPress={acts.pause} action="session.pause" isOffline={isOffline} />
        <Act text="Resume" onPress={acts.resume} action="session.pause" isOffline={isOffline} />
        <Act text="Stop" onPress={acts.stop} kind="danger" action="session.stop" isOffline={isOffline} />
        <Act
          text={land.isRunning ? 'Landing' : 'Land'}
          onPress={acts.land}
          kind="primary"
          action="session.land"
          isOffline={isOffline || land.isRunning}
        />
      </div>
    </div>
  )
}

function Act(props: {
  text: string
  onPress: (() => void) | undefined
  kind?: 'quiet' | 'danger' | 'primary'
  action?: string
  isOffline: boolean
}) {
  if (!props.onPress) return null
  return (
    <Button
      kind={props.kind ?? 'plain'}
      onPress={props.onPress}
      isDisabled={props.isOffline}
      {...(props.action ? { action: props.action } : {})}
    >
      {props.text}
    </Button>
  )
}

function LandProblem(props: { detail: SessionDetail; land: ReturnType<typeof useActs>['land'] }) {
  const { problem } = props.land
  if (!problem) return null
  if (problem.code !== 'land_conflict') return <ProblemLine problem={problem} />
  return <Conflicts detail={props.detail} data={problem.data} onDone={props.land.reset} />
}

/** What conflicts, and the way to hand it to the agent: a session that continues this one with the list as its task. */
function Conflicts(props: {
  detail: SessionDetail
  data: Readonly<Record<string, unknown>>
  onDone: () => void
}) {
  const { row } = props.detail
  const submit = useCommand('session', 'submit')
  const files = Array.isArray(props.data.files) ? props.data.files.map(String) : []
  const target = String(props.data.target ?? 'the target branch')
  const hand = async () => {
    const outcome = await submit.run({
      projectId: row.projectId,
      agent: row.agent,
      continues: row.id,
      title: `Resolve conflicts: ${row.title}`.slice(0, 200),
      prompt: conflictPrompt(target, files),
    })
    if (!outcome.ok) return
    props.onDone()
    navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
  return (
    <div className="conflicts" role="alert">
      <p className="danger-text strong">
        {files.length === 1 ? 'One file conflicts' : `${files.length} files conflict`} with{' '}
        {visibleLine(target)}.
      </p>
      <ul className="mono small">
        {files.slice(0, 12).map((file) => (
          <li key={file} className="cut">
            {visibleLine(file)}
          </li>
        ))}
        {files.length > 12 && <li>{files.length - 12} more</li>}
      </ul>
      {submit.problem && <ProblemLine problem={submit.problem} />}
      <div className="line">
        <Button kind="primary" onPress={() => void hand()} isDisabled={submit.isRunning}>
          Send to the agent
        </Button>
        <Button kind="quiet" onPress={props.onDone}>
          Not now
        </Button>
      </div>
    </div>
  )
}

function conflictPrompt(target: string, files: readonly string[]): string {
  return [
    `Landing on ${target} ran into conflicts. Bring this work onto the current ${target}, resolve the conflicts so that both sides keep their meaning, and run the tests.`,
    'Files in conflict:',
    ...files.map((file) => `- ${file}`),
  ].join('\n')
}
