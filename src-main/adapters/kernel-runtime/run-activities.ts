import type { ActivityBody } from '../../contract/activity.ts'
import type { RunEvent } from '../../harness/core/run-events.ts'
import { commandOf, toolKinds } from './tools.ts'

type ToolBody = Extract<ActivityBody, { kind: 'tool' }>

const mostInputChars = 64_000
/** Of a command that runs: whole lines from the beginning, so that the mask sees every secret in them whole. */
const mostLiveChars = 8000
const liveEveryMs = 1000

/** Events of a run as activities of the session. `turn` keeps ids of later turns apart. */
export function createRunActivities(emit: (body: ActivityBody) => void, nowMs: () => number, turn: number) {
  const live = new Map<string, { text: string; shown: string; shownAtMs: number }>()
  const progress = (callId: string, text: string) => {
    const entry = live.get(callId) ?? { text: '', shown: '', shownAtMs: nowMs() }
    live.set(callId, entry)
    if (entry.text.length < mostLiveChars) entry.text += text
    const lines = entry.text.slice(0, entry.text.lastIndexOf('\n', mostLiveChars) + 1)
    if (lines === entry.shown || nowMs() - entry.shownAtMs < liveEveryMs) return
    entry.shown = lines
    entry.shownAtMs = nowMs()
    emit({ kind: 'tool', callId, status: 'running', output: lines })
  }
  return (event: RunEvent): void => {
    if (event.kind === 'tool-progress') {
      progress(event.callId, event.text)
      return
    }
    if (event.kind === 'tool-end') live.delete(event.callId)
    const body = bodyOf(event, turn)
    if (body) emit(body)
  }
}

function bodyOf(event: RunEvent, turn: number): ActivityBody | undefined {
  switch (event.kind) {
    case 'text':
      return { kind: 'response', messageId: `m${turn}.${event.step}`, text: event.text }
    case 'reasoning':
      return { kind: 'thought', messageId: `r${turn}.${event.step}`, text: event.text }
    case 'tool-start':
      return { kind: 'tool', callId: event.callId, status: 'pending', ...aboutCall(event) }
    case 'tool-running':
      return { kind: 'tool', callId: event.callId, status: 'running' }
    case 'tool-end':
      return { kind: 'tool', callId: event.callId, ...endOf(event) }
    case 'attempt-failed':
      return { kind: 'progress', text: `${event.model} did not answer: ${event.message}` }
    case 'loop-warning':
      return {
        kind: 'progress',
        text: `${event.name} was called ${event.times} times with the same arguments`,
      }
    case 'tool-progress':
    case 'step':
    case 'usage':
    case 'end':
      return undefined
  }
}

function aboutCall(
  event: Extract<RunEvent, { kind: 'tool-start' }>,
): Omit<ToolBody, 'kind' | 'callId' | 'status'> {
  const { name, args, tool } = event
  const path = args?.path
  return {
    name,
    tool: toolKinds[name] ?? 'other',
    title: args && tool?.summarize ? tool.summarize(args) : name,
    input: event.argumentsText.slice(0, mostInputChars),
    ...(typeof path === 'string' ? { paths: [path] } : {}),
    ...(args && name === 'run_command' ? { command: [...commandOf(args)] } : {}),
  }
}

function endOf(event: Extract<RunEvent, { kind: 'tool-end' }>): Omit<ToolBody, 'kind' | 'callId'> {
  const { exitCode, insertions, deletions, isForbidden } = event.details
  return {
    status: isForbidden === true ? 'refused' : event.status,
    output: event.text,
    durationMs: Math.round(event.durationMs),
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(typeof insertions === 'number' ? { insertions } : {}),
    ...(typeof deletions === 'number' ? { deletions } : {}),
  }
}
