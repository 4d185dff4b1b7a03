import type { Confinement } from '@contract/session.ts'
import { type ReactNode, useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { formatBytes } from '../../format/amounts.ts'
import { meaningOf, trackPhases } from '../../format/track.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useNotices } from '../../stores/notices.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { Button } from '../../ui/Button.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { arrangeFound, type FoundLine } from './found-agents.ts'
import { OpenRepository } from './OpenRepository.tsx'
import './first-run.css'

/** The first steps. A step shows done only while what it asks for is so. */
export function FirstRunScreen() {
  useScreenScope('first-run')
  return (
    <div className="first-run">
      <div className="first-left">
        <h1>
          Watch an agent work,
          <br />
          where it can break nothing.
        </h1>
        <p className="first-lead">
          It gets a private clone, a budget and only what you grant. You see each step, and nothing reaches
          your repository until you land it.
        </p>
        <Steps />
        <p className="small">
          <a href="#/fleet">Go to the fleet</a>
        </p>
      </div>
      <Around />
    </div>
  )
}

function Steps() {
  const wall = useRead('fleet', 'probeWall', {})
  const list = useRead('session', 'list', { count: 1 })
  const projects = useRead('project', 'list', {})
  const demo = useCommand('fleet', 'demo')
  const [isOpening, setOpening] = useState(false)
  const hasRun = (list.data?.total ?? 0) > 0
  const run = async () => {
    if (demo.isRunning) return
    const outcome = await demo.run({})
    if (outcome.ok) navigate({ screen: 'session', sessionId: outcome.value.sessionId, tab: 'activity' })
  }
  useKeyActions({ 'first-run.demo': () => void run() })
  const demoWord = demo.isRunning ? 'Starting' : hasRun ? 'Run it again' : 'Run the demo'
  return (
    <ol className="first-steps">
      <WallStep
        wall={wall.data}
        problem={wall.problem?.what ?? null}
        onRetry={wall.retry}
        isTrying={wall.isRefreshing}
      />
      <StepItem
        number={2}
        title="Run the demo session"
        isDone={hasRun}
        text="A scripted agent fixes a bug in a small sample repository. No key, no network, about 20 seconds."
      >
        <Button
          kind={hasRun ? 'plain' : 'primary'}
          size="large"
          onPress={() => void run()}
          action="first-run.demo"
          isDisabled={demo.isRunning}
        >
          {demoWord}
        </Button>
        {demo.problem && <ProblemLine problem={demo.problem} />}
      </StepItem>
      <StepItem
        number={3}
        title="Choose your repository"
        isDone={(projects.data ?? []).some((one) => !one.path.includes('/demo'))}
        text="Your checkout is never touched. Drop a folder here, or"
      >
        <OpenRepository isOpen={isOpening} onOpen={() => setOpening(true)} onAdded={afterAdding} />
      </StepItem>
    </ol>
  )
}

function afterAdding(projectId: string): void {
  useNotices.getState().say({ text: 'Repository added.' })
  useOverlay.getState().open({ kind: 'new-session', start: { projectId } })
}

function StepItem(props: {
  number: number
  title: string
  text: string
  isDone: boolean
  children?: ReactNode
}) {
  return (
    <li className={`first-step${props.isDone ? ' done' : ''}`}>
      <span className="first-number">
        {props.isDone ? <Lamp tone="clear" shape="tick" size={16} label="done" /> : props.number}
      </span>
      <div>
        <h2>{props.title}</h2>
        <p className="small muted">{props.text}</p>
        {props.children && <div className="first-act">{props.children}</div>}
      </div>
    </li>
  )
}

function WallStep(props: {
  wall: Confinement | undefined
  problem: string | null
  isTrying: boolean
  onRetry: () => void
}) {
  const { wall } = props
  const holds = wall?.files === true && wall.network
  if (!wall)
    return (
      <StepItem
        number={1}
        title="Can this computer confine agents?"
        isDone={false}
        text={props.problem ?? 'Trying it with a probe.'}
      />
    )
  if (holds)
    return (
      <StepItem number={1} title="This computer can confine agents" isDone text={visibleLine(wall.reason)} />
    )
  return (
    <li className="first-step">
      <span className="first-number">
        <Lamp tone="caution" shape="triangle" size={16} label="needs you" />
      </span>
      <div>
        <h2>This computer cannot confine agents yet</h2>
        <p className="small muted">{visibleLine(wall.reason)}</p>
        {wall.remedy && <p className="small mono first-remedy">{visibleLine(wall.remedy)}</p>}
        <div className="first-act">
          <Button onPress={props.onRetry} isDisabled={props.isTrying}>
            {props.isTrying ? 'Trying' : 'Try again'}
          </Button>
        </div>
      </div>
    </li>
  )
}

function Around() {
  const agents = useRead('agent', 'list', {})
  const overview = useRead('fleet', 'overview', {})
  const settings = useRead('settings', 'get', {})
  const providers = useRead('agent', 'providers', {})
  const { data } = overview
  const cap = settings.data?.storageCapBytes ?? null
  return (
    <div className="first-right">
      <h2 className="section-title">Agents found on this computer</h2>
      <Loadable of={agents} rows={5}>
        {(list) => (
          <ul>
            {arrangeFound(list).map((agent) => (
              <AgentLine key={agent.id} agent={agent} />
            ))}
          </ul>
        )}
      </Loadable>
      <p className="small first-add">
        <a href="#/agents">Add another by its command</a>
      </p>
      <h2 className="section-title first-gap">How a session travels</h2>
      <ol className="first-way">
        {trackPhases.map((phase) => (
          <li key={phase} className={`at-${phase}`}>
            <b>{phase}</b>
            <i />
            <span>{meaningOf(phase)}</span>
          </li>
        ))}
      </ol>
      <h2 className="section-title first-gap">Stays here</h2>
      <p className="small muted first-stays">
        No account, no telemetry.{' '}
        {providers.data?.keyStore === 'file'
          ? 'Keys go to a file that only you can read, for want of a keychain.'
          : 'Keys go to the system keychain.'}
        {data && (
          <>
            {' '}
            Everything else lies in <span className="mono">{visibleLine(data.stateDirectory)}</span>:{' '}
            {data.stateBytes === 0 ? 'nothing' : formatBytes(data.stateBytes)} so far
            {cap !== null && `, capped at ${formatBytes(cap)}`},{' '}
            <a href="#/storage">one page to see and clear it</a>.
          </>
        )}
      </p>
    </div>
  )
}

function AgentLine(props: { agent: FoundLine }) {
  const { agent } = props
  const isReady = agent.state === 'ready'
  return (
    <li className="first-agent">
      <Lamp
        tone={isReady ? 'clear' : 'idle'}
        shape={isReady ? 'disc' : 'ring'}
        label={agent.state.replaceAll('_', ' ')}
      />
      <span className="first-agent-name cut">{visibleLine(agent.name)}</span>
      <span className="mono faint tiny cut">
        {agent.version ? visibleLine(agent.version) : agent.runtime === 'acp' ? '' : 'built in'}
      </span>
      <span className="muted small cut" title={visibleLine(agent.detail)}>
        {visibleLine(agent.detail)}
      </span>
    </li>
  )
}
