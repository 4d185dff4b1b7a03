import { type DialectShape, eventFrame, type Failure, statusOf } from '../dialect-shape.ts'
import { type JsonObject, recordOf, recordsOf, stringOf } from '../json-values.ts'
import type { Meter } from '../meter.ts'
import { openAiFailure, openAiList } from './openai-errors.ts'
import { createResponsesWriter } from './openai-responses-answer.ts'
import { readResponses } from './openai-responses-request.ts'

function report(usage: unknown, meter: Meter): void {
  if (typeof usage !== 'object' || usage === null) return
  const { input_tokens, output_tokens, input_tokens_details } = recordOf(usage)
  meter.report({
    input: input_tokens,
    output: output_tokens,
    cached: recordOf(input_tokens_details).cached_tokens,
  })
}

/** What a client may try again, and what it would try again in vain: codex shows the message of the second kind at once. */
function codeOf(failure: Failure): string {
  return failure.cause.startsWith('upstream') ? 'server_error' : 'invalid_prompt'
}

/** codex tries again what is no 400, 401 or 429, whatever the body says. */
function responsesStatus(failure: Failure): number {
  const status = statusOf(failure)
  const isOurNo = failure.cause !== 'not_local' && failure.status === undefined
  return isOurNo && (status === 402 || status === 403) ? 400 : status
}

/** OpenAI Responses. */
export const openAiResponses: DialectShape = {
  dialect: 'openai-responses',
  status: responsesStatus,
  failure: openAiFailure,
  inBand(failure, _status, state) {
    const { error } = recordOf(openAiFailure(failure))
    const message = stringOf(recordOf(error).message)
    const response = {
      id: 'resp_signalbox',
      object: 'response',
      status: 'failed',
      error: { code: codeOf(failure), message },
      output: [],
      usage: null,
    }
    const type = 'response.failed'
    return [eventFrame(type, { type, sequence_number: state.sequence + 1, response })]
  },
  observe(event, meter, state) {
    if (typeof event.sequence_number === 'number') state.sequence = event.sequence_number
    const type = stringOf(event.type)
    const response = recordOf(event.response)
    if (type.endsWith('.delta')) meter.text(stringOf(event.delta))
    else if (type === 'response.output_item.added') meter.text(stringOf(recordOf(event.item).name))
    else if (type === 'response.completed' || type === 'response.incomplete') {
      state.isComplete = true
      report(response.usage, meter)
    } else if (type === 'response.failed' || type === 'error') {
      state.error = stringOf(recordOf(response.error).message) || stringOf(event.message) || 'an error'
      report(response.usage, meter)
    }
  },
  observeWhole(body, meter) {
    for (const item of recordsOf(body.output)) countItem(item, meter)
    report(body.usage, meter)
  },
  upstreamPath: ({ kind, query }, model) => {
    const rest = query.size > 0 ? `?${query}` : ''
    if (kind === 'list') return `/models${model === '' ? '' : `/${encodeURIComponent(model)}`}${rest}`
    return `/responses${rest}`
  },
  keyHeaders: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
  patch: (body, _asked, model) => (body.model === model ? {} : { model }),
  read: readResponses,
  write: createResponsesWriter,
  list: openAiList,
  count: (tokens) => ({ input_tokens: tokens }),
}

function countItem(item: JsonObject, meter: Meter): void {
  for (const part of [...recordsOf(item.content), ...recordsOf(item.summary)]) meter.text(stringOf(part.text))
  meter.text(stringOf(item.name))
  meter.text(stringOf(item.arguments) || stringOf(item.input))
}
