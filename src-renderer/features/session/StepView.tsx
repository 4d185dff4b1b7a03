import {
  Bot,
  CircleDot,
  FileText,
  Globe,
  MessageSquare,
  PencilLine,
  Search,
  ShieldX,
  SquareTerminal,
  Trash2,
  TriangleAlert,
  UserRound,
} from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { formatOffset, formatStep } from '../../format/duration.ts'
import { Counts } from '../../ui/Counts.tsx'
import { Foreign, ForeignBlock } from '../../ui/Foreign.tsx'
import { excerpt, type Step, sayTool, type Tool } from './activity.model.ts'

const icon = { size: 14, strokeWidth: 1.5, 'aria-hidden': true } as const

function iconOf(step: Step): ReactNode {
  switch (step.kind) {
    case 'plan':
      return <CircleDot {...icon} />
    case 'refused':
      return <ShieldX {...icon} />
    case 'ask':
      return <TriangleAlert {...icon} className={step.outcome === null ? 'caution-text' : ''} />
    case 'tool':
      return toolIcon(step.tool)
    case 'say':
      if (step.who === 'you') return <UserRound {...icon} />
      if (step.who === 'error') return <TriangleAlert {...icon} className="danger-text" />
      return step.who === 'agent' ? <MessageSquare {...icon} /> : <Bot {...icon} />
  }
}

function toolIcon(tool: Tool): ReactNode {
  if (tool.name === 'delegate') return <Bot {...icon} />
  switch (tool.tool) {
    case 'read':
      return <FileText {...icon} />
    case 'edit':
    case 'move':
      return <PencilLine {...icon} />
    case 'delete':
      return <Trash2 {...icon} />
    case 'search':
      return <Search {...icon} />
    case 'fetch':
      return <Globe {...icon} />
    default:
      return <SquareTerminal {...icon} />
  }
}

/** One step of a session: when, what kind, and what it was. Everything the agent says is text. */
export function StepView(props: { step: Step; startMs: number; isActive: boolean; ask: ReactNode }) {
  const { step } = props
  const isBySubAgent = step.kind === 'tool' && step.tool.by !== undefined
  return (
    <div
      className={`step${props.isActive ? ' active' : ''}${isBySubAgent ? ' of-sub-agent' : ''}`}
      aria-current={props.isActive ? 'step' : undefined}
    >
      <span className="step-time">{formatOffset(step.atMs - props.startMs)}</span>
      <span className="step-icon">{iconOf(step)}</span>
      <div className="step-body">
        <StepBody step={step} ask={props.ask} />
      </div>
    </div>
  )
}

function StepBody(props: { step: Step; ask: ReactNode }) {
  const { step } = props
  switch (step.kind) {
    case 'plan':
      return <Plan entries={step.entries} />
    case 'tool':
      return <ToolCall tool={step.tool} />
    case 'refused':
      return (
        <>
          <span className="danger-text">Refused</span> <Foreign className="mono" text={step.what} max={300} />
          <div className="faint small">
            <Foreign text={step.reason} max={400} />
          </div>
        </>
      )
    case 'ask':
      return (
        props.ask ?? (
          <>
            <Foreign text={step.title} max={300} /> <span className="faint">{step.outcome ?? 'waits'}</span>
          </>
        )
      )
    case 'say':
      return <Said who={step.who} text={step.text} />
  }
}

const longText = 1600

function Said(props: { who: Extract<Step, { kind: 'say' }>['who']; text: string }) {
  const [isWhole, setWhole] = useState(false)
  const isLong = props.text.length > longText && !isWhole
  const names = {
    you: 'said-by-you',
    agent: 'selectable',
    thought: 'faint',
    progress: 'muted small',
    error: 'danger-text',
  }
  return (
    <>
      {props.who === 'you' && <div className="faint tiny">You</div>}
      <ForeignBlock
        className={`${names[props.who]} prose`}
        text={isLong ? `${props.text.slice(0, longText)}…` : props.text}
      />
      {isLong && <More onPress={() => setWhole(true)} text="Show all of it" />}
    </>
  )
}

function More(props: { onPress: () => void; text: string }) {
  return (
    <button type="button" className="more" onClick={props.onPress}>
      {props.text}
    </button>
  )
}

const planMarks = { completed: '✓', in_progress: '›', pending: '' } as const

function Plan(props: { entries: Extract<Step, { kind: 'plan' }>['entries'] }) {
  const done = props.entries.filter((one) => one.status === 'completed').length
  return (
    <>
      <span className="muted">Plan</span>{' '}
      <span className="faint small">
        {props.entries.length} steps, {done} done
      </span>
      <ol className="plan">
        {props.entries.map((entry, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a plan's steps have no identity but their place
          <li key={index} className={entry.status}>
            <span className="plan-mark" aria-hidden="true">
              {planMarks[entry.status]}
            </span>
            <span className="unseen">{entry.status.replace('_', ' ')}: </span>
            <Foreign text={entry.text} max={240} />
          </li>
        ))}
      </ol>
    </>
  )
}

function ToolCall(props: { tool: Tool }) {
  const { tool } = props
  const { verb, object, isCode } = sayTool(tool)
  const isFailed = tool.status === 'failed' || tool.status === 'refused'
  return (
    <>
      <div className="tool-line">
        <span className="muted">{verb}</span>{' '}
        <Foreign className={isCode ? 'mono' : ''} text={object} max={400} />{' '}
        {tool.insertions !== undefined && (
          <Counts insertions={tool.insertions} deletions={tool.deletions ?? 0} hidesZero />
        )}{' '}
        <ToolState tool={tool} />
        {tool.by !== undefined && (
          <span className="faint small" title="What a sub-agent did">
            {' · '}
            <span className="unseen">by the sub-agent </span>
            <Foreign text={tool.by} max={80} />
          </span>
        )}
      </div>
      {tool.output && <Output text={tool.output} isFailed={isFailed} isReport={tool.name === 'delegate'} />}
    </>
  )
}

function ToolState(props: { tool: Tool }) {
  const { status, exitCode, durationMs } = props.tool
  return (
    <span className="small">
      {typeof exitCode === 'number' && exitCode !== 0 && (
        <span className="danger-text">exit {exitCode} </span>
      )}
      {status === 'failed' && typeof exitCode !== 'number' && <span className="danger-text">failed </span>}
      {status === 'refused' && <span className="danger-text">refused </span>}
      {(status === 'running' || status === 'pending' || status === 'cancelled') && (
        <span className="faint">{status} </span>
      )}
      {durationMs !== undefined && <span className="faint">{formatStep(durationMs)}</span>}
    </span>
  )
}

const countLines = (lines: number): string => (lines === 1 ? '1 line' : `${lines} lines`)

/** Of a failed call the end is shown, of a sub-agent's report the beginning, of anything else nothing until it is opened. */
function Output(props: { text: string; isFailed: boolean; isReport: boolean }) {
  const [isOpen, setOpen] = useState(false)
  const most = isOpen ? 400 : props.isFailed || props.isReport ? 6 : 0
  const { text, more } = excerpt(props.text, props.isFailed && !props.isReport, most)
  return (
    <>
      {most > 0 && (
        <div className={`output${props.isReport ? ' report' : ' mono'}${props.isFailed ? ' failed' : ''}`}>
          <ForeignBlock text={text.slice(0, 60_000)} />
        </div>
      )}
      {(more > 0 || isOpen) && (
        <More
          onPress={() => setOpen(!isOpen)}
          text={isOpen ? 'Hide output' : `Show ${most === 0 ? '' : 'all '}output, ${countLines(more + most)}`}
        />
      )}
    </>
  )
}
