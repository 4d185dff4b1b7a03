import type { ModelMessage, ModelRequest, Models, ModelToolCall, ModelUsage } from '../../ports/models.ts'
import type { ChatFn, ChatMessage, LlmReply, LlmRequest, LlmToolCall, LlmUsage } from './chat.ts'
import { estimateTokens } from './llm-driver.ts'

const DEFAULT_MAX_TOKENS = 4096
const NANOS = 1e9

/** Which model a chat function asks; the key stays in here, out of every request and reply. */
export type ModelChoice = Pick<ModelRequest, 'provider' | 'model' | 'baseUrl' | 'apiKey'>

/** A chat function over the house's model port. One attempt; errors are the port's. */
export function modelsChat(models: Models, choice: ModelChoice): ChatFn {
  return async (request) => {
    const calls: ModelToolCall[] = []
    let text = ''
    let usage: ModelUsage | undefined
    const signal = request.signal ?? new AbortController().signal
    for await (const event of models.stream(modelRequest(request, choice), signal)) {
      if (event.kind === 'text') {
        text += event.text
        request.onDelta?.(event.text)
      } else if (event.kind === 'tool-call') calls.push(event.call)
      else if (event.kind === 'end') usage = event.usage
    }
    const known = usage && usageOf(models, choice, usage, { request, text, calls })
    return { ...replyOf(text, calls), ...(known ? { usage: known } : {}) }
  }
}

function replyOf(text: string, calls: readonly ModelToolCall[]): LlmReply {
  return {
    ...(text === '' && calls.length > 0 ? {} : { text }),
    ...(calls.length > 0 ? { toolCalls: calls.map(toolCallOf) } : {}),
  }
}

function toolCallOf({ id, name, argumentsText }: ModelToolCall): LlmToolCall {
  return { id, tool: name, input: parsedOrText(argumentsText) }
}

/** Arguments are what a model wrote: JSON mostly, and nothing at all for a tool without any. */
export function parsedOrText(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Exchange {
  readonly request: LlmRequest
  readonly text: string
  readonly calls: readonly ModelToolCall[]
}

/** A side that the upstream left out is estimated; undefined when it said nothing at all. */
function usageOf(
  models: Models,
  { provider, model }: ModelChoice,
  { inputTokens, cachedTokens, outputTokens }: ModelUsage,
  { request, text, calls }: Exchange,
): LlmUsage | undefined {
  if (inputTokens === null && outputTokens === null) return undefined
  const promptTokens = inputTokens ?? estimateTokens([request.messages, request.tools ?? null])
  const completionTokens = outputTokens ?? estimateTokens([text, calls])
  const price = models.price(provider, model)
  const cached = Math.min(cachedTokens ?? 0, promptTokens)
  const nanos =
    price &&
    (promptTokens - cached) * price.input + cached * price.cachedInput + completionTokens * price.output
  return {
    promptTokens,
    completionTokens,
    ...(nanos === undefined ? {} : { usd: Math.ceil(nanos) / NANOS }),
    ...(inputTokens === null || outputTokens === null ? { estimated: true as const } : {}),
  }
}

function modelRequest(request: LlmRequest, choice: ModelChoice): ModelRequest {
  return {
    ...choice,
    messages: request.messages.map(modelMessage),
    tools: (request.tools ?? []).map(({ name, description = '', schema }) => ({
      name,
      description,
      schema: schema ? { ...schema } : { type: 'object', properties: {} },
    })),
    maxOutputTokens: request.maxTokens ?? DEFAULT_MAX_TOKENS,
  }
}

function modelMessage(message: ChatMessage): ModelMessage {
  const { content: text } = message
  switch (message.role) {
    case 'system':
      return { role: 'system', text }
    case 'user':
      return { role: 'user', text }
    case 'assistant':
      return {
        role: 'assistant',
        text,
        toolCalls: (message.toolCalls ?? []).map(({ id, tool, input }) => ({
          id,
          name: tool,
          argumentsText: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
        })),
      }
    case 'tool':
      return {
        role: 'tool',
        callId: message.toolCallId ?? '',
        name: message.name ?? '',
        text,
        isError: false,
      }
  }
}
