import type { ActivityBody } from '../../contract/activity.ts'
import type { Step } from './script-schema.ts'
import { filled, ScriptEnd, type Stage } from './stage.ts'

export type ToolStep = Extract<Step, { do: 'list' | 'read' | 'write' | 'edit' | 'run' | 'commit' | 'expect' }>
type ToolBody = Extract<ActivityBody, { kind: 'tool' }>
type Result = Omit<ToolBody, 'kind' | 'callId' | 'status' | 'durationMs'> & { readonly isFailed?: boolean }

const mostOutputBytes = 64 * 1024
const shownChars = 16_000
const liveEveryMs = 1000
/** Of a command that runs: whole lines from the beginning, so that the mask sees every secret in them whole. */
const mostLiveChars = 8000

/** The device that each step needs to be held; see `devicesOf`. */
export const toolDevices = {
  list: 'tool:list_files',
  read: 'tool:read_file',
  expect: 'tool:read_file',
  write: 'tool:write_file',
  edit: 'tool:edit_file',
  run: 'tool:run_command',
  commit: 'tool:run_command',
} as const

const kinds = {
  list: 'search',
  read: 'read',
  expect: 'read',
  write: 'edit',
  edit: 'edit',
  run: 'execute',
  commit: 'execute',
} as const

export function isToolStep(step: Step): step is ToolStep {
  return Object.hasOwn(toolDevices, step.do)
}

/** Asks the door, pays, does it in the real workarea and shows it; a failure ends the script unless it may fail. */
export async function playTool(step: ToolStep, stage: Stage): Promise<void> {
  if (step.do !== 'commit') return oneCall(step, stage)
  await oneCall(commandStep(['git', 'add', '--all']), stage)
  await oneCall(commandStep(['git', 'commit', '--quiet', '-m', filled(step.message, stage)]), stage)
}

function commandStep(command: string[]): Extract<ToolStep, { do: 'run' }> {
  return { do: 'run', command, expect: 'success', timeoutMs: 120_000 }
}

type OneCall = Exclude<ToolStep, { do: 'commit' }>

async function oneCall(step: OneCall, stage: Stage): Promise<void> {
  const { session } = stage
  const callId = stage.next('t')
  const title = titleOf(step, stage)
  const show = (body: Omit<ToolBody, 'kind' | 'callId'>) => session.emit({ kind: 'tool', callId, ...body })
  const about = {
    name: toolDevices[step.do].slice('tool:'.length),
    tool: kinds[step.do],
    title,
    ...subjectOf(step, stage),
  }
  show({ status: 'pending', ...about })
  const verdict = session.door.open(toolDevices[step.do], title)
  if (!verdict.ok) {
    show({ status: 'refused', output: verdict.reason })
    if (mayFail(step)) return
    throw new ScriptEnd('failed', `${title}: ${verdict.reason}`)
  }
  if (!session.door.chargeToolCall()) {
    show({ status: 'cancelled', output: 'The budget for tool calls is used up.' })
    throw new ScriptEnd('over-budget', 'the budget for tool calls is used up')
  }
  const startedAtMs = stage.nowMs()
  show({ status: 'running' })
  const done = (status: ToolBody['status'], result: Result) => {
    const { isFailed: _isFailed, ...rest } = result
    show({ status, ...rest, durationMs: Math.max(0, Math.round(stage.nowMs() - startedAtMs)) })
  }
  try {
    const result = await perform(step, stage, (output) => show({ status: 'running', output }))
    done(result.isFailed ? 'failed' : 'completed', result)
    if (isAgainst(step, result)) throw new ScriptEnd('failed', `${title}: not as the script expects`)
  } catch (error) {
    if (error instanceof ScriptEnd) throw error
    if (stage.signal.aborted) {
      done('cancelled', {})
      throw stage.signal.reason
    }
    failedCall(step, stage, title, error, done)
  }
}

function failedCall(
  step: OneCall,
  stage: Stage,
  title: string,
  error: unknown,
  done: (status: ToolBody['status'], result: Result) => void,
): void {
  const reason = error instanceof Error ? error.message : String(error)
  const isForbidden = error instanceof Error && 'code' in error && error.code === 'forbidden'
  // The session holds no such device: the kernel refuses it, and so it is recorded and shown.
  if (isForbidden) stage.session.door.open('path:outside', title)
  done(isForbidden ? 'refused' : 'failed', { output: reason })
  if (!mayFail(step)) throw new ScriptEnd('failed', `${title}: ${reason}`)
}

function mayFail(step: OneCall): boolean {
  return step.do === 'run' ? step.expect === 'any' : step.do !== 'expect' && step.mayFail
}

/** A command that ends otherwise than the script says; a test that must fail first is no failure. */
function isAgainst(step: OneCall, result: Result): boolean {
  if (step.do === 'run')
    return step.expect !== 'any' && (step.expect === 'failure') !== (result.isFailed === true)
  return result.isFailed === true
}

function titleOf(step: OneCall, stage: Stage): string {
  if (step.do === 'run') return step.title ?? filled(step.command.join(' '), stage).slice(0, 200)
  const verbs = { list: 'List', read: 'Read', write: 'Write', edit: 'Edit', expect: 'Check' } as const
  return `${verbs[step.do]} ${filled(step.path, stage)}`
}

function subjectOf(step: OneCall, stage: Stage): Pick<ToolBody, 'paths' | 'command' | 'input'> {
  if (step.do === 'run') return { command: step.command.map((word) => filled(word, stage)) }
  const paths = [filled(step.path, stage)]
  if (step.do === 'write') return { paths, input: filled(step.text, stage).slice(0, shownChars) }
  return step.do === 'edit'
    ? { paths, input: `- ${step.find}\n+ ${step.replace}`.slice(0, shownChars) }
    : { paths }
}

async function perform(step: OneCall, stage: Stage, live: (output: string) => void): Promise<Result> {
  const { tools } = stage
  if (step.do === 'run') return run(step, stage, live)
  const path = filled(step.path, stage)
  if (step.do === 'read') return { output: (await tools.readText(path)).text.slice(0, shownChars) }
  if (step.do === 'list') {
    const { entries } = await tools.list(path, { depth: 3, most: 300 })
    return { output: entries.map((entry) => entry.path).join('\n') }
  }
  if (step.do === 'expect') return check(step, path, stage)
  const change =
    step.do === 'write'
      ? await tools.writeText(path, filled(step.text, stage))
      : await tools.edit(path, step.find, filled(step.replace, stage), step.everywhere)
  return { insertions: change.insertions, deletions: change.deletions }
}

async function check(
  step: Extract<OneCall, { do: 'expect' }>,
  path: string,
  { tools }: Stage,
): Promise<Result> {
  const text = await tools.readText(path).then(
    (file) => file.text,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'path_not_found') return undefined
      throw error
    },
  )
  if (step.absent)
    return text === undefined ? { output: 'absent' } : { isFailed: true, output: 'it is there' }
  if (text === undefined) return { isFailed: true, output: 'it is not there' }
  const holds = step.contains === undefined || text.includes(step.contains)
  return holds ? { output: 'as expected' } : { isFailed: true, output: 'it does not hold the expected text' }
}

async function run(
  step: Extract<OneCall, { do: 'run' }>,
  stage: Stage,
  live: (output: string) => void,
): Promise<Result> {
  let text = ''
  let shown = ''
  let shownAtMs = stage.nowMs()
  const outcome = await stage.tools.run(
    step.command.map((word) => filled(word, stage)),
    {
      signal: stage.signal,
      timeoutMs: step.timeoutMs,
      maxOutputBytes: mostOutputBytes,
      onOutput: (_stream, chunk) => {
        if (text.length < mostLiveChars) text += chunk
        const lines = text.slice(0, text.lastIndexOf('\n', mostLiveChars) + 1)
        if (lines === shown || stage.nowMs() - shownAtMs < liveEveryMs) return
        shown = lines
        shownAtMs = stage.nowMs()
        live(lines)
      },
    },
  )
  stage.signal.throwIfAborted()
  const output = [outcome.stdout, outcome.stderr].filter((text) => text !== '').join('\n')
  const late = outcome.isTimedOut ? `\nNo end within ${step.timeoutMs / 1000} s.` : ''
  return {
    output: output + late,
    exitCode: outcome.code,
    isFailed: outcome.isTimedOut || outcome.code !== 0,
  }
}
