import { sumOf } from '../conversation.ts'
import {
  type DialectShape,
  eventFrame,
  type Failure,
  type FailureCause,
  spoken,
  statusOf,
} from '../dialect-shape.ts'
import { type JsonObject, recordOf, recordsOf, stringOf } from '../json-values.ts'
import type { Meter } from '../meter.ts'
import { createMessagesWriter } from './anthropic-answer.ts'
import { readMessages } from './anthropic-request.ts'

const types: Partial<Record<FailureCause, string>> = {
  not_held: 'permission_error',
  revoked: 'permission_error',
  unknown_key: 'authentication_error',
  not_found: 'not_found_error',
  too_large: 'request_too_large',
  busy: 'rate_limit_error',
  upstream_failed: 'api_error',
  upstream_silent: 'timeout_error',
}

function failureOf(failure: Failure): unknown {
  const type = types[failure.cause] ?? 'invalid_request_error'
  return { type: 'error', error: { type, message: spoken(failure) } }
}

/** Anthropic's own input count leaves out what was read from and written to the cache. */
function reportInput(usage: JsonObject, meter: Meter): void {
  if (usage.input_tokens === undefined || usage.input_tokens === null) return
  meter.report({
    input: sumOf(usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens),
    cached: usage.cache_read_input_tokens,
    cacheWrite: usage.cache_creation_input_tokens,
  })
}

function countDelta(delta: JsonObject, meter: Meter): void {
  meter.text(stringOf(delta.text) || stringOf(delta.thinking) || stringOf(delta.partial_json))
}

/** Anthropic Messages. */
export const anthropic: DialectShape = {
  dialect: 'anthropic',
  status: statusOf,
  failure: failureOf,
  inBand: (failure) => [eventFrame('error', failureOf(failure))],
  observe(event, meter, state) {
    if (event.type === 'content_block_delta') countDelta(recordOf(event.delta), meter)
    else if (event.type === 'content_block_start') meter.text(stringOf(recordOf(event.content_block).name))
    else if (event.type === 'message_start') reportInput(recordOf(recordOf(event.message).usage), meter)
    else if (event.type === 'message_delta') {
      const usage = recordOf(event.usage)
      reportInput(usage, meter)
      if (usage.output_tokens !== undefined) meter.report({ output: usage.output_tokens })
    } else if (event.type === 'message_stop') state.isComplete = true
    else if (event.type === 'error') state.error = stringOf(recordOf(event.error).message) || 'an error'
  },
  observeWhole(body, meter) {
    for (const block of recordsOf(body.content)) {
      countDelta(block, meter)
      if (block.type === 'tool_use') meter.text(JSON.stringify(block.input ?? {}))
    }
    const usage = recordOf(body.usage)
    reportInput(usage, meter)
    meter.report({ output: usage.output_tokens })
  },
  upstreamPath: ({ kind, query }, model) => {
    const rest = query.size > 0 ? `?${query}` : ''
    if (kind === 'list') return `/models${model === '' ? '' : `/${encodeURIComponent(model)}`}${rest}`
    return `/messages${kind === 'count' ? '/count_tokens' : ''}${rest}`
  },
  keyHeaders: (apiKey) => ({ 'x-api-key': apiKey }),
  patch: (body, _asked, model) => (body.model === model ? {} : { model }),
  read: readMessages,
  write: createMessagesWriter,
  list: (models) => ({
    data: models.map((id) => ({
      type: 'model',
      id,
      display_name: id,
      created_at: '1970-01-01T00:00:00Z',
    })),
    has_more: false,
    first_id: models[0] ?? null,
    last_id: models.at(-1) ?? null,
  }),
  count: (tokens) => ({ input_tokens: tokens }),
}
