import type { Dialect } from '../../ports/gateway.ts'
import type { DialectShape } from '../dialect-shape.ts'
import { anthropic } from './anthropic.ts'
import { gemini } from './gemini.ts'
import { openAiChat } from './openai-chat.ts'
import { openAiResponses } from './openai-responses.ts'

export const shapes: Readonly<Record<Dialect, DialectShape>> = {
  'openai-chat': openAiChat,
  'openai-responses': openAiResponses,
  anthropic,
  gemini,
}
