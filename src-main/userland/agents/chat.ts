/**
 * What an agent and a model's driver say to each other. The driver is outside and its words are untrusted: everything
 * that comes back is read by `parseReply`, which takes whatever it can and never throws.
 */

/** A tool as the model is told of it. */
export interface AgentTool {
  readonly name: string
  readonly description?: string
  /** JSON Schema of its input, an object. */
  readonly schema?: Readonly<Record<string, unknown>>
}

/** One call that a model asked for. */
export interface ToolRequest {
  readonly id: string
  readonly tool: string
  /** As the model wrote it; an empty object when it wrote nothing. */
  readonly input: unknown
}

export type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly ToolRequest[] }
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId: string; readonly name: string }

/** What the model's device reads. */
export interface LlmRequest {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly AgentTool[]
  readonly maxTokens?: number
}

/** A model's answer after reading: bounded, and with an id for every call. */
export interface Thought {
  readonly text: string
  readonly calls: readonly ToolRequest[]
  /** Calls beyond the limit, which are not made. */
  readonly dropped: number
}

/** Longest text that is taken from one reply, in characters. */
const MAX_TEXT = 400_000
/** Most calls that one step makes. */
const MAX_CALLS = 32
const MAX_NAME = 256

/** Reads a model's reply, whatever it is. `step` makes ids for calls that came without one, or with one used twice. */
export function parseReply(reply: unknown, step: number): Thought {
  if (typeof reply === 'string') return { text: clip(reply, MAX_TEXT), calls: [], dropped: 0 }
  const text = clip(textOf(field(reply, 'text')), MAX_TEXT)
  const asked = field(reply, 'toolCalls')
  if (!Array.isArray(asked)) return { text, calls: [], dropped: 0 }
  const calls: ToolRequest[] = []
  const ids = new Set<string>()
  for (const one of asked.slice(0, MAX_CALLS)) {
    const tool = field(one, 'tool') ?? field(one, 'name')
    if (typeof tool !== 'string' || tool === '') continue
    const given = field(one, 'id')
    const isUsable = typeof given === 'string' && given !== '' && given.length <= MAX_NAME && !ids.has(given)
    const id = isUsable ? given : `call-${step}-${calls.length}`
    ids.add(id)
    calls.push({ id, tool: clip(tool, MAX_NAME), input: field(one, 'input') ?? {} })
  }
  return { text, calls, dropped: Math.max(0, asked.length - MAX_CALLS) }
}

/** The assistant's message for a thought, as later requests repeat it. */
export function assistantMessage(thought: Thought): ChatMessage {
  const { text, calls } = thought
  return { role: 'assistant', content: text, ...(calls.length === 0 ? {} : { toolCalls: calls }) }
}

/** A tool's result or a fault as text for the model, at most `maxChars` long. */
export function observationText(value: unknown, maxChars: number): string {
  if (typeof value === 'string') return clip(value, maxChars)
  let json: string | undefined
  try {
    json = JSON.stringify(value, (_key, inner: unknown) => plain(inner))
  } catch {
    // A toJSON of its own or a cycle; the kernel lets neither through, a caller in the same process may.
    json = undefined
  }
  return clip(json ?? String(value), maxChars)
}

/** Shortens with a note of how much is missing, so that the model does not take a part for the whole. */
export function clip(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const kept = Math.max(0, maxChars)
  return `${text.slice(0, kept)}\n[${text.length - kept} more characters]`
}

/** What JSON has no word for, in one it has. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`
  if (value instanceof Map) return [...value.entries()]
  if (value instanceof Set) return [...value]
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  return value
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}
