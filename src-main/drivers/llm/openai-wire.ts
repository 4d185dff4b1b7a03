import type { ChatMessage, LlmReply, LlmRequest, LlmUsage } from './chat.ts'
import { parsedOrText } from './models-chat.ts'

/** Tool calls one answer may hold; more is no answer. */
const MAX_CALLS = 128
const MILLION = 1e6

/** The body of a Chat Completions request. */
export function openaiBody(model: string, request: LlmRequest): Record<string, unknown> {
  const tools = request.tools ?? []
  return {
    model,
    messages: request.messages.map(wireMessage),
    stream: true,
    stream_options: { include_usage: true },
    ...(request.maxTokens === undefined ? {} : { max_tokens: request.maxTokens }),
    ...(tools.length === 0 ? {} : { tools: tools.map(wireTool) }),
  }
}

function wireTool({ name, description, schema }: NonNullable<LlmRequest['tools']>[number]): unknown {
  const parameters = schema ?? { type: 'object', properties: {} }
  return { type: 'function', function: { name, ...(description ? { description } : {}), parameters } }
}

function wireMessage(message: ChatMessage): Record<string, unknown> {
  const { role, content, name, images = [], toolCalls = [], toolCallId } = message
  const parts = [
    { type: 'text', text: content },
    ...images.map((url) => ({ type: 'image_url', image_url: { url } })),
  ]
  return {
    role,
    content: images.length > 0 && role === 'user' ? parts : content,
    ...(name === undefined || role === 'tool' ? {} : { name }),
    ...(role === 'tool' ? { tool_call_id: toolCallId ?? '' } : {}),
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, tool, input }) => ({
            id,
            type: 'function',
            function: {
              name: tool,
              arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
            },
          })),
        }),
  }
}

interface GrowingCall {
  id: string
  name: string
  text: string
}

/** An answer as its chunks come in. What a chunk holds is not trusted to have any shape. */
export class OpenaiAnswer {
  #text = ''
  #isFinished = false
  #usage: LlmUsage | undefined
  readonly #calls = new Map<number, GrowingCall>()

  /** Takes one event and returns the text it adds. Throws for JSON that is none, and for an error the upstream reports. */
  take(data: string): string {
    const chunk = record(JSON.parse(data))
    if (chunk.error !== undefined) throw new Error(errorWords(chunk.error))
    this.#usage = usageOf(record(chunk.usage)) ?? this.#usage
    const choice = record(Array.isArray(chunk.choices) ? chunk.choices[0] : undefined)
    if (typeof choice.finish_reason === 'string') this.#isFinished = true
    const delta = record(choice.delta)
    if (Array.isArray(delta.tool_calls)) for (const call of delta.tool_calls) this.#grow(record(call))
    const text = typeof delta.content === 'string' ? delta.content : ''
    this.#text += text
    return text
  }

  /** The whole answer; throws when it was cut off before its end. */
  reply(price: { readonly input: number; readonly output: number } | undefined): LlmReply {
    if (!this.#isFinished) throw new Error('it ended without a reason')
    const calls = [...this.#calls].sort(([a], [b]) => a - b).map(([, call]) => call)
    return {
      ...(this.#text === '' && calls.length > 0 ? {} : { text: this.#text }),
      ...(calls.length === 0
        ? {}
        : { toolCalls: calls.map(({ id, name, text }) => ({ id, tool: name, input: parsedOrText(text) })) }),
      ...(this.#usage === undefined ? {} : { usage: priced(this.#usage, price) }),
    }
  }

  #grow(part: Record<string, unknown>): void {
    const index = typeof part.index === 'number' && Number.isSafeInteger(part.index) ? part.index : 0
    const call = this.#calls.get(index) ?? { id: '', name: '', text: '' }
    if (!this.#calls.has(index) && this.#calls.size >= MAX_CALLS) throw new Error('it calls too many tools')
    this.#calls.set(index, call)
    const { name, arguments: text } = record(part.function)
    if (typeof part.id === 'string' && part.id !== '') call.id = part.id
    if (typeof name === 'string') call.name += name
    if (typeof text === 'string') call.text += text
  }
}

function usageOf({
  prompt_tokens: input,
  completion_tokens: output,
}: Record<string, unknown>): LlmUsage | undefined {
  if (!isCount(input) || !isCount(output)) return undefined
  return { promptTokens: input, completionTokens: output }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function priced(
  usage: LlmUsage,
  price: { readonly input: number; readonly output: number } | undefined,
): LlmUsage {
  if (!price) return usage
  const usd = (usage.promptTokens * price.input + usage.completionTokens * price.output) / MILLION
  return { ...usage, usd }
}

function errorWords(error: unknown): string {
  const { message } = record(error)
  return typeof message === 'string'
    ? message
    : typeof error === 'string'
      ? error
      : 'the upstream reports an error'
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
