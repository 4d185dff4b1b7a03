import type { ModelMessage, ModelRequest } from '../ports/models.ts'
import { Untranslatable } from './dialect-shape.ts'
import { shapes } from './dialects/all-dialects.ts'
import type { JsonObject } from './json-values.ts'
import type { TranslationWish } from './long-requests.ts'

/** A request of one dialect as the models port takes it. */
export interface ReadModelRequest {
  readonly request: ModelRequest
  /** Tools that take free text instead of JSON (Responses). */
  readonly freeFormTools: ReadonlySet<string>
}

/** Throws {@link Untranslatable} with a sentence for the CLI. */
export function modelRequestOf(body: JsonObject, wish: TranslationWish): ReadModelRequest {
  const { provider, model, baseUrl, apiKey, dialect } = wish.route
  const { messages, tools, maxOutputTokens, settings, freeFormTools } = readRequest(body, wish)
  return {
    freeFormTools,
    request: {
      provider,
      model,
      baseUrl,
      apiKey,
      messages: messages.map((message) => withProviderData(message, wish.providerData)),
      tools,
      maxOutputTokens,
      ...(settings ? { settings } : {}),
      ...(dialect === 'openai-responses' ? { usesResponses: true } : {}),
    },
  }
}

function readRequest(body: JsonObject, { dialect }: TranslationWish) {
  try {
    return shapes[dialect].read(body)
  } catch (error) {
    if (error instanceof Untranslatable) throw error
    throw new Untranslatable('the request cannot be read')
  }
}

function withProviderData(message: ModelMessage, known: ReadonlyMap<string, string>): ModelMessage {
  if (message.role !== 'assistant' || message.toolCalls.length === 0) return message
  const toolCalls = message.toolCalls.map((call) => {
    const providerData = known.get(call.id)
    return providerData === undefined ? call : { ...call, providerData }
  })
  return { ...message, toolCalls }
}
