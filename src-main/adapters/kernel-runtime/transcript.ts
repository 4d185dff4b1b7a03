import type { ActivityBody } from '../../contract/activity.ts'
import type { Message } from '../../harness/core/message.ts'
import { toolKinds } from './tools.ts'

type ToolBody = Extract<ActivityBody, { kind: 'tool' }>

/** Of earlier tool output: enough to know what was seen, little enough that a long session still fits. */
const mostOutputChars = 4000

/**
 * What was said and done before, as a conversation that any provider takes. Our own calls come back as calls with their
 * results; those of other runtimes, whose tools we do not have, as a line of text.
 */
export function conversationOf(transcript: readonly ActivityBody[]): Message[] {
  const messages: Message[] = []
  const finals = finalTools(transcript)
  const told = new Set<string>()
  for (const body of transcript) {
    if (body.kind === 'prompt') messages.push({ role: 'user', text: body.text })
    else if (body.kind === 'response') say(messages, body.text)
    // What a sub-agent did was said in its report.
    else if (body.kind === 'tool' && body.by === undefined && !told.has(body.callId)) {
      told.add(body.callId)
      pushTool(messages, finals.get(body.callId) ?? body)
    }
  }
  return startingWithUser(messages)
}

/** All items of one call laid over each other: later ones say how it ended. */
function finalTools(transcript: readonly ActivityBody[]): ReadonlyMap<string, ToolBody> {
  const finals = new Map<string, ToolBody>()
  for (const body of transcript)
    if (body.kind === 'tool') finals.set(body.callId, { ...finals.get(body.callId), ...body })
  return finals
}

function say(messages: Message[], text: string): void {
  const last = messages.at(-1)
  if (last?.role === 'assistant' && last.toolCalls.length === 0)
    messages[messages.length - 1] = { ...last, text: last.text + text }
  else messages.push({ role: 'assistant', text, toolCalls: [] })
}

function pushTool(messages: Message[], tool: ToolBody): void {
  const { callId, name = '', input = '', output = '' } = tool
  if (!Object.hasOwn(toolKinds, name) || !isObjectText(input)) {
    say(messages, `\n[${tool.title ?? (name || 'a tool')}: ${tool.status}]\n`)
    return
  }
  const last = messages.at(-1)
  const text = last?.role === 'assistant' && last.toolCalls.length === 0 ? last.text : ''
  if (text !== '') messages.pop()
  messages.push({ role: 'assistant', text, toolCalls: [{ id: callId, name, argumentsText: input }] })
  const result = output === '' ? `[${tool.status}]` : output.slice(0, mostOutputChars)
  messages.push({ role: 'tool', callId, name, text: result, isError: tool.status !== 'completed' })
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    // Cut for display, or never JSON.
    return false
  }
}

/** Providers want a person to speak first. */
function startingWithUser(messages: Message[]): Message[] {
  if (messages[0] === undefined || messages[0].role === 'user') return messages
  return [{ role: 'user', text: '(The beginning of this conversation is not kept.)' }, ...messages]
}
