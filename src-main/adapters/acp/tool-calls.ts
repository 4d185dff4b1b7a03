import { isAbsolute, relative, sep } from 'node:path'
import type { ActivityBody } from '../../contract/activity.ts'
import { field, itemsOf, lineOf, tailOf, textOf } from './fields.ts'

export type ToolActivity = Extract<ActivityBody, { kind: 'tool' }>
type ToolKind = NonNullable<ToolActivity['tool']>

/** Bounds of what is kept of one tool call; agents' own conversations hold the whole. */
const max = { id: 200, title: 300, name: 100, path: 1024, paths: 50, input: 8000, output: 16_000, words: 100 }

const kinds: ReadonlySet<string> = new Set<ToolKind>([
  'read',
  'edit',
  'delete',
  'move',
  'search',
  'execute',
  'think',
  'fetch',
  'other',
])

const statuses: Readonly<Record<string, ToolActivity['status']>> = {
  pending: 'pending',
  in_progress: 'running',
  completed: 'completed',
  failed: 'failed',
}

export interface ToolCallReader {
  /** A `tool_call`, a `tool_call_update`, or the tool call of a permission request; undefined = it names none. */
  read(update: unknown): ToolActivity | undefined
  /** Calls that are neither done nor failed, e.g. to be marked as cancelled at the end of a turn. */
  unfinished(): readonly string[]
  /** A person said no: its failure is a refusal. */
  refuse(callId: string): void
}

export interface ToolCallPowers {
  readonly workareaPath: string
  /** Once per call, when it is first heard of. */
  readonly onFirst: (callId: string) => void
  readonly terminalOutput: (terminalId: string) => string | undefined
  readonly nowMs: () => number
}

interface Call {
  status: ToolActivity['status']
  isRefused: boolean
  /** What a command has written so far, as some agents stream it: the last part. */
  output: string
  shownAtMs: number
  readonly startedAtMs: number
}

/** Streamed output of a running command is shown this often; the end is shown at once. */
const showEveryMs = 1000

/** Turns an agent's tool calls into activities. All of it is hostile text: bounded, and cleaned of control characters. */
export function createToolCallReader(powers: ToolCallPowers): ToolCallReader {
  const calls = new Map<string, Call>()
  const callOf = (callId: string): Call => {
    const known = calls.get(callId)
    if (known) return known
    const startedAtMs = powers.nowMs()
    const call: Call = { status: 'pending', isRefused: false, output: '', shownAtMs: 0, startedAtMs }
    calls.set(callId, call)
    if (calls.size > 20_000) forgetOldest(calls)
    powers.onFirst(callId)
    return call
  }
  return {
    read(update) {
      const callId = lineOf(field(update, 'toolCallId'), max.id)
      if (callId === undefined || callId === '') return undefined
      const call = callOf(callId)
      const told = statuses[String(field(update, 'status'))]
      call.status = told ?? call.status
      const streamed = takeStreamedOutput(call, update)
      if (streamed.isOnlyMore && told === undefined && powers.nowMs() - call.shownAtMs < showEveryMs)
        return undefined
      call.shownAtMs = powers.nowMs()
      if (call.status === 'failed' && call.isRefused) call.status = 'refused'
      const isOver = call.status !== 'pending' && call.status !== 'running'
      return {
        kind: 'tool',
        callId,
        status: call.status,
        ...streamed.shown,
        ...describeCall(update, powers),
        ...(isOver ? { durationMs: Math.max(0, powers.nowMs() - call.startedAtMs) } : {}),
      }
    },
    unfinished: () =>
      [...calls].filter(([, { status }]) => status === 'pending' || status === 'running').map(([id]) => id),
    refuse(callId) {
      const call = calls.get(callId)
      if (call) call.isRefused = true
    },
  }
}

/**
 * Output that comes beside the protocol's own fields, in `_meta`: pieces of it, the whole of it, and the exit code (an
 * extension of editors that several agents follow).
 */
function takeStreamedOutput(call: Call, update: unknown) {
  const meta = field(update, '_meta')
  const piece = field(field(meta, 'terminal_output_delta'), 'data')
  const whole = field(field(meta, 'terminal_output'), 'data')
  const exitCode = field(field(meta, 'terminal_exit'), 'exit_code')
  if (typeof piece === 'string') call.output = tailOf(call.output + piece, max.output)
  if (typeof whole === 'string') call.output = tailOf(whole, max.output)
  const isOutput = typeof piece === 'string' || typeof whole === 'string'
  const isAnything = ['title', 'content', 'locations', 'rawInput', 'rawOutput'].some(
    (name) => field(update, name) !== undefined,
  )
  const output = textOf(call.output, max.output) ?? ''
  return {
    isOnlyMore: isOutput && !isAnything && exitCode === undefined,
    shown: {
      ...(output === '' ? {} : { output }),
      ...(Number.isSafeInteger(exitCode) ? { exitCode: exitCode as number } : {}),
    },
  }
}

function forgetOldest(calls: Map<string, Call>): void {
  const [oldest] = calls.keys()
  if (oldest !== undefined) calls.delete(oldest)
}

function describeCall(update: unknown, powers: ToolCallPowers): Partial<ToolActivity> {
  const kind = field(update, 'kind')
  const title = lineOf(field(update, 'title'), max.title)
  const name = lineOf(field(update, 'name'), max.name)
  const rawInput = field(update, 'rawInput')
  const contents = itemsOf(field(update, 'content'), 100)
  const paths = readPaths(update, powers.workareaPath)
  const command = readCommand(rawInput)
  const input = inputText(rawInput)
  const output = readOutput(contents, field(update, 'rawOutput'), powers)
  const exitCode =
    field(field(update, 'rawOutput'), 'exit_code') ?? field(field(update, 'rawOutput'), 'exitCode')
  return {
    ...(typeof kind === 'string' ? { tool: toolKind(kind) } : {}),
    ...(title ? { title } : {}),
    ...(name ? { name } : {}),
    ...(paths.length > 0 ? { paths } : {}),
    ...(command ? { command } : {}),
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(Number.isSafeInteger(exitCode) ? { exitCode: exitCode as number } : {}),
    ...countDiffs(contents),
  }
}

function toolKind(kind: string): ToolKind {
  return kinds.has(kind) ? (kind as ToolKind) : 'other'
}

/** Paths of a call, those inside the workarea relative to it. */
export function readPaths(update: unknown, workareaPath: string): readonly string[] & string[] {
  const located = itemsOf(field(update, 'locations'), max.paths).map((location) => field(location, 'path'))
  const changed = itemsOf(field(update, 'content'), max.paths)
    .filter((content) => field(content, 'type') === 'diff')
    .map((content) => field(content, 'path'))
  const paths = [...located, ...changed]
    .filter((path): path is string => typeof path === 'string' && path !== '')
    .map((path) => lineOf(shortPath(path, workareaPath), max.path) ?? '')
  return [...new Set(paths)].slice(0, max.paths)
}

function shortPath(path: string, workareaPath: string): string {
  if (!isAbsolute(path)) return path
  const inside = relative(workareaPath, path)
  return inside === '' ? '.' : inside === '..' || inside.startsWith(`..${sep}`) ? path : inside
}

/** The command line of a call: a list of words as it is, a line for a shell as one word for `sh -c`. */
export function readCommand(rawInput: unknown): string[] | undefined {
  const command = field(rawInput, 'command') ?? field(rawInput, 'cmd')
  if (typeof command === 'string' && command !== '') return ['sh', '-c', textOf(command, max.input) ?? '']
  const words = itemsOf(command, max.words).filter((word): word is string => typeof word === 'string')
  return words.length > 0 ? words.map((word) => textOf(word, max.input) ?? '') : undefined
}

function inputText(rawInput: unknown): string | undefined {
  if (rawInput === undefined || rawInput === null) return undefined
  const text = typeof rawInput === 'string' ? rawInput : JSON.stringify(rawInput)
  return text === '{}' || text === '""' ? undefined : textOf(text, max.input)
}

function readOutput(
  contents: readonly unknown[],
  rawOutput: unknown,
  { terminalOutput }: ToolCallPowers,
): string | undefined {
  const texts = contents.flatMap((content) => {
    const type = field(content, 'type')
    if (type === 'content') return textOfBlock(field(content, 'content')) ?? []
    if (type === 'terminal') return terminalOutput(String(field(content, 'terminalId'))) ?? []
    return []
  })
  const joined = texts.join('\n')
  const raw = joined === '' ? rawOutputText(rawOutput) : joined
  return raw === undefined || raw === '' ? undefined : textOf(tailOf(raw, max.output), max.output)
}

function rawOutputText(rawOutput: unknown): string | undefined {
  if (typeof rawOutput === 'string') return rawOutput
  for (const name of ['formatted_output', 'aggregated_output', 'output', 'stdout', 'error']) {
    const text = field(rawOutput, name)
    if (typeof text === 'string' && text !== '') return text
  }
  return undefined
}

/** What a content block says; things that are no text are named. */
export function textOfBlock(block: unknown): string | undefined {
  const type = field(block, 'type')
  if (type === 'text') return textOf(field(block, 'text'), 256 * 1024)
  if (type === 'resource_link') return lineOf(field(block, 'uri'), 1000)
  if (type === 'resource') return textOf(field(field(block, 'resource'), 'text'), max.output)
  return typeof type === 'string' ? `[${lineOf(type, 40)}]` : undefined
}

/** Lines added and removed, from the texts before and after: common lines at both ends do not count. */
function countDiffs(contents: readonly unknown[]): Pick<ToolActivity, 'insertions' | 'deletions'> {
  const diffs = contents.filter((content) => field(content, 'type') === 'diff')
  if (diffs.length === 0) return {}
  let insertions = 0
  let deletions = 0
  for (const diff of diffs) {
    const before = linesOf(field(diff, 'oldText'))
    const after = linesOf(field(diff, 'newText'))
    const shortest = Math.min(before.length, after.length)
    let head = 0
    while (head < shortest && before[head] === after[head]) head += 1
    let foot = 0
    while (foot < shortest - head && before.at(-1 - foot) === after.at(-1 - foot)) foot += 1
    insertions += after.length - head - foot
    deletions += before.length - head - foot
  }
  return { insertions, deletions }
}

function linesOf(text: unknown): readonly string[] {
  if (typeof text !== 'string' || text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}
