import { type DialectShape, dataFrame, statusOf } from '../dialect-shape.ts'
import { type JsonObject, recordOf, recordsOf, stringOf } from '../json-values.ts'
import type { Meter } from '../meter.ts'
import { createChatWriter } from './openai-chat-answer.ts'
import { readChat } from './openai-chat-request.ts'
import { openAiFailure, openAiList } from './openai-errors.ts'

function report(usage: unknown, meter: Meter): void {
  if (typeof usage !== 'object' || usage === null) return
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = recordOf(usage)
  meter.report({
    input: prompt_tokens,
    output: completion_tokens,
    cached: recordOf(prompt_tokens_details).cached_tokens,
  })
}

function countText(message: JsonObject, meter: Meter): void {
  meter.text(stringOf(message.content))
  meter.text(stringOf(message.reasoning_content) || stringOf(message.reasoning))
  for (const call of recordsOf(message.tool_calls)) {
    const { name, arguments: text } = recordOf(call.function)
    meter.text(stringOf(name))
    meter.text(stringOf(text))
  }
}

/** OpenAI Chat Completions, as OpenAI and the many servers that follow it speak it. */
export const openAiChat: DialectShape = {
  dialect: 'openai-chat',
  status: statusOf,
  failure: openAiFailure,
  inBand: (failure) => [dataFrame(openAiFailure(failure))],
  observe(event, meter, state) {
    for (const choice of recordsOf(event.choices)) {
      countText(recordOf(choice.delta), meter)
      if (typeof choice.finish_reason === 'string') state.isComplete = true
    }
    if (event.error !== undefined) state.error = stringOf(recordOf(event.error).message) || 'an error'
    report(event.usage, meter)
  },
  observeWhole(body, meter) {
    for (const choice of recordsOf(body.choices)) countText(recordOf(choice.message), meter)
    report(body.usage, meter)
  },
  upstreamPath: ({ kind, query }, model) => {
    const rest = query.size > 0 ? `?${query}` : ''
    if (kind === 'list') return `/models${model === '' ? '' : `/${encodeURIComponent(model)}`}${rest}`
    return `/chat/completions${rest}`
  },
  keyHeaders: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  patch(body, { isStream }, model) {
    const options = recordOf(body.stream_options)
    return {
      ...(body.model === model ? {} : { model }),
      ...(isStream && options.include_usage !== true
        ? { stream_options: { ...options, include_usage: true } }
        : {}),
    }
  },
  read: readChat,
  write: createChatWriter,
  list: openAiList,
  count: (tokens) => ({ total_tokens: tokens }),
}
