import type { Activity, ActivityBody } from '@contract/activity.ts'
import { quoteWord } from '../../format/visible-text.ts'

type Body<K extends ActivityBody['kind']> = Extract<ActivityBody, { kind: K }>

/** One drawn step: pieces of a message are joined, a tool call carries all that is known of it. */
export type Step = { readonly key: string; readonly atMs: number } & (
  | {
      readonly kind: 'say'
      readonly who: 'you' | 'agent' | 'thought' | 'progress' | 'error'
      readonly text: string
    }
  | { readonly kind: 'tool'; readonly tool: Tool }
  | { readonly kind: 'plan'; readonly entries: Body<'plan'>['entries'] }
  | { readonly kind: 'refused'; readonly what: string; readonly reason: string }
  | { readonly kind: 'ask'; readonly askId: string; readonly title: string; readonly outcome: string | null }
)

export type Tool = Omit<Body<'tool'>, 'kind'>

/** Joins activities into steps, in the order in which each began. */
export function foldActivities(items: readonly Activity[]): readonly Step[] {
  const order: string[] = []
  const steps = new Map<string, Step>()
  for (const { cursor, atMs, body } of items) {
    const key = keyOf(body, cursor)
    const before = steps.get(key)
    if (!before) order.push(key)
    steps.set(key, merge(before, key, atMs, body))
  }
  return order.flatMap((key) => steps.get(key) ?? [])
}

function keyOf(body: ActivityBody, cursor: number): string {
  switch (body.kind) {
    case 'thought':
    case 'response':
      return `${body.kind} ${body.messageId}`
    case 'tool':
      return `tool ${body.callId}`
    case 'asked':
    case 'answered':
      return `ask ${body.askId}`
    case 'plan':
      return 'plan'
    default:
      return `at ${cursor}`
  }
}

function merge(before: Step | undefined, key: string, atMs: number, body: ActivityBody): Step {
  const start = { key, atMs: before?.atMs ?? atMs }
  const said = before?.kind === 'say' ? before.text : ''
  switch (body.kind) {
    case 'prompt':
      return { ...start, kind: 'say', who: 'you', text: body.text }
    case 'thought':
      return { ...start, kind: 'say', who: 'thought', text: said + body.text }
    case 'response':
      return { ...start, kind: 'say', who: 'agent', text: said + body.text }
    case 'progress':
    case 'error':
      return { ...start, kind: 'say', who: body.kind, text: body.text }
    case 'tool':
      return {
        ...start,
        kind: 'tool',
        tool: mergeTool(before?.kind === 'tool' ? before.tool : undefined, body),
      }
    case 'plan':
      return { ...start, kind: 'plan', entries: body.entries }
    case 'refused':
      return { ...start, kind: 'refused', what: body.what, reason: body.reason }
    case 'asked':
      return { ...start, kind: 'ask', askId: body.askId, title: body.title, outcome: null }
    case 'answered':
      return {
        ...start,
        kind: 'ask',
        askId: body.askId,
        title: before?.kind === 'ask' ? before.title : 'A question',
        outcome: body.outcome,
      }
  }
}

/** Later items of a call say more of what is known; an item that leaves a field out does not erase it. */
function mergeTool(before: Tool | undefined, body: Body<'tool'>): Tool {
  const { kind: _kind, ...tool } = body
  return { ...before, ...tool }
}

const verbs: Readonly<Record<NonNullable<Tool['tool']>, readonly [done: string, doing: string]>> = {
  read: ['Read', 'Reads'],
  edit: ['Edited', 'Edits'],
  delete: ['Deleted', 'Deletes'],
  move: ['Moved', 'Moves'],
  search: ['Searched', 'Searches'],
  execute: ['Ran', 'Runs'],
  think: ['Thought', 'Thinks'],
  fetch: ['Fetched', 'Fetches'],
  other: ['Used', 'Uses'],
}

/** Verb and object of a tool call: "Ran" and "npm test". The object is foreign text. */
export function sayTool(tool: Tool): { verb: string; object: string; isCode: boolean } {
  const isDone = tool.status === 'completed' || tool.status === 'failed'
  const [done, doing] = verbs[tool.tool ?? 'other']
  const object = tool.command ? tool.command.map(quoteWord).join(' ') : (tool.paths?.join(', ') ?? '')
  if (object !== '') return { verb: isDone ? done : doing, object, isCode: true }
  const named = tool.title ?? tool.name ?? ''
  return { verb: named === '' ? 'Used a tool' : '', object: named, isCode: false }
}

/** True for steps that `E` jumps to. */
export function isTrouble(step: Step): boolean {
  if (step.kind === 'refused') return true
  if (step.kind === 'tool') return step.tool.status === 'failed' || step.tool.status === 'refused'
  return step.kind === 'say' && step.who === 'error'
}

/** The first lines of an output, and how many more there are. Failed calls show their end, where the reason stands. */
export function excerpt(output: string, isFailed: boolean, most: number): { text: string; more: number } {
  const lines = output.replace(/\n+$/, '').split('\n')
  if (lines.length <= most) return { text: lines.join('\n'), more: 0 }
  const shown = isFailed ? lines.slice(-most) : lines.slice(0, most)
  return { text: shown.join('\n'), more: lines.length - most }
}
