import type {
  ModelImage,
  ModelMessage,
  ModelRequest,
  ModelSettings,
  ModelToolCall,
} from '../../ports/models.ts'
import type { CallOptions } from './languages.ts'

type Message = CallOptions['prompt'][number]
type ProviderOptions = NonNullable<Message['providerOptions']>

/** A request in the SDK's form. Arguments that are no JSON go back as text in an object, since every API wants an object. */
export function callOptions(request: ModelRequest, signal: AbortSignal): CallOptions {
  return {
    prompt: promptOf(request.messages),
    ...(request.maxOutputTokens === null ? {} : { maxOutputTokens: request.maxOutputTokens }),
    abortSignal: signal,
    includeRawChunks: false,
    ...(request.tools.length === 0
      ? {}
      : {
          tools: request.tools.map(({ name, description, schema }) => ({
            type: 'function' as const,
            name,
            description,
            inputSchema: schema,
          })),
          toolChoice: toolChoiceOf(request.settings?.toolChoice),
        }),
    ...settingsOf(request.settings),
  }
}

function toolChoiceOf(choice: ModelSettings['toolChoice']): NonNullable<CallOptions['toolChoice']> {
  if (choice === undefined) return { type: 'auto' }
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name }
}

function settingsOf(settings: ModelSettings = {}): Partial<CallOptions> {
  const { temperature, topP, stopSequences, json } = settings
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stopSequences === undefined ? {} : { stopSequences: [...stopSequences] }),
    ...(json === undefined
      ? {}
      : { responseFormat: { type: 'json' as const, ...(json.schema ? { schema: json.schema } : {}) } }),
  }
}

function promptOf(messages: readonly ModelMessage[]): CallOptions['prompt'] {
  const prompt: Message[] = []
  for (const message of messages) {
    if (message.role !== 'tool') prompt.push(ordinary(message))
    else {
      const result = {
        type: 'tool-result' as const,
        toolCallId: message.callId,
        toolName: message.name,
        output: { type: message.isError ? ('error-text' as const) : ('text' as const), value: message.text },
      }
      const last = prompt.at(-1)
      if (last?.role === 'tool') last.content.push(result)
      else prompt.push({ role: 'tool', content: [result] })
    }
  }
  return prompt
}

function ordinary(message: Exclude<ModelMessage, { role: 'tool' }>): Message {
  if (message.role === 'system') return { role: 'system', content: message.text }
  if (message.role === 'user') {
    const images = (message.images ?? []).map(imagePart)
    const words =
      message.text === '' && images.length > 0 ? [] : [{ type: 'text' as const, text: message.text }]
    return { role: 'user', content: [...words, ...images] }
  }
  const text = message.text === '' ? [] : [{ type: 'text' as const, text: message.text }]
  return { role: 'assistant', content: [...text, ...message.toolCalls.map(toolCall)] }
}

function imagePart(image: ModelImage) {
  const data = 'url' in image ? new URL(image.url) : image.base64
  return { type: 'file' as const, mediaType: image.mediaType, data }
}

function toolCall(call: ModelToolCall) {
  const options = providerOptionsOf(call.providerData)
  return {
    type: 'tool-call' as const,
    toolCallId: call.id,
    toolName: call.name,
    input: parsed(call.argumentsText),
    ...(options ? { providerOptions: options } : {}),
  }
}

function parsed(text: string): unknown {
  const value = parseJson(text === '' ? '{}' : text)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { text }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isProviderOptions(value: unknown): value is ProviderOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
  )
}

function providerOptionsOf(data: string | undefined): ProviderOptions | undefined {
  if (data === undefined) return undefined
  const value = parseJson(data)
  return isProviderOptions(value) ? value : undefined
}
