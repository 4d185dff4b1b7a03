import type { Clock } from '../../ports/clock.ts'
import {
  type ModelEvent,
  ModelFault,
  type ModelRequest,
  type Models,
  type ModelToolCall,
  type ModelUsage,
} from '../../ports/models.ts'
import { modelFailed } from './faults.ts'
import { type Language, languageOf, type StreamPart } from './languages.ts'
import { listModels } from './model-list.ts'
import { priceOf } from './prices.ts'
import { callOptions } from './prompt.ts'

export interface ModelsOptions {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly fetch?: typeof globalThis.fetch
  /** Hides further secrets in what an upstream says; the key of the call is always hidden. */
  readonly mask?: (text: string) => string
}

/** Model calls on the AI SDK's providers: one attempt each, retries are the caller's business. */
export function createModels(options: ModelsOptions): Models & { close(): void } {
  const fetch = options.fetch ?? globalThis.fetch
  const life = new AbortController()
  return {
    stream: (request, signal) => streamCall(request, AbortSignal.any([signal, life.signal]), fetch, options),
    price: priceOf,
    list: (provider, baseUrl, apiKey, signal) =>
      listModels({ provider, baseUrl, apiKey, fetch }, AbortSignal.any([signal, life.signal])),
    close: () => life.abort(),
  }
}

async function* streamCall(
  request: ModelRequest,
  signal: AbortSignal,
  fetch: typeof globalThis.fetch,
  options: ModelsOptions,
): AsyncIterable<ModelEvent> {
  const mask = (text: string) => (options.mask ?? same)(withoutKey(text, request.apiKey))
  try {
    signal.throwIfAborted()
    const language = await languageOf(request, request.takeWritten ? sendsWritten(request, fetch) : fetch)
    const { stream } = await language.doStream(callOptions(request, signal))
    yield* eventsOf(stream)
  } catch (error) {
    signal.throwIfAborted()
    throw modelFailed(error, mask, options.clock.nowMs())
  }
}

/** Sends what was written beforehand in place of what the SDK has just made. */
function sendsWritten(request: ModelRequest, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (_input, init) => {
    const written = request.takeWritten?.()
    if (!written) throw new Error('a written request is sent once')
    const { url, headers, body } = written
    return fetch(url, { ...init, headers, body })
  }
}

type Parts = Awaited<ReturnType<Language['doStream']>>['stream']

/** Tool calls are held until the upstream has ended the answer properly: half of an argument must never be acted on. */
async function* eventsOf(parts: Parts): AsyncIterable<ModelEvent> {
  const calls: ModelToolCall[] = []
  for await (const part of parts) {
    if (part.type === 'text-delta' && part.delta !== '') yield { kind: 'text', text: part.delta }
    else if (part.type === 'reasoning-delta' && part.delta !== '')
      yield { kind: 'reasoning', text: part.delta }
    else if (part.type === 'tool-call') calls.push(toolCallOf(part))
    else if (part.type === 'error') throw brokenBy(part.error)
    else if (part.type === 'finish') {
      const end = endOf(part)
      for (const call of calls) yield { kind: 'tool-call', call }
      yield end
      return
    }
  }
  throw new ModelFault('stream', 'the upstream broke off in the middle of its answer', null, null)
}

function toolCallOf(part: Extract<StreamPart, { type: 'tool-call' }>): ModelToolCall {
  const providerData = part.providerMetadata ? { providerData: JSON.stringify(part.providerMetadata) } : {}
  return { id: part.toolCallId, name: part.toolName, argumentsText: part.input, ...providerData }
}

function brokenBy(error: unknown): unknown {
  const hasStatus = typeof error === 'object' && error !== null && 'statusCode' in error
  if (hasStatus) return error
  const words =
    error instanceof Error ? error.message : typeof error === 'string' ? error : JSON.stringify(error)
  return new ModelFault('stream', `the upstream broke off: ${words}`, null, null)
}

const reasons = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tools',
  'content-filter': 'filtered',
} as const

function endOf(part: Extract<StreamPart, { type: 'finish' }>): ModelEvent {
  const { unified, raw } = part.finishReason
  if (unified === 'error' || (unified === 'other' && raw === undefined))
    throw new ModelFault('stream', 'the upstream ended its answer without saying why', null, null)
  const reason = unified === 'other' ? 'other' : reasons[unified]
  return { kind: 'end', reason, usage: usageOf(part.usage) }
}

function usageOf(usage: Extract<StreamPart, { type: 'finish' }>['usage']): ModelUsage {
  const { total, cacheRead } = usage.inputTokens
  return {
    inputTokens: total ?? null,
    cachedTokens: cacheRead ?? null,
    outputTokens: usage.outputTokens.total ?? null,
  }
}

function withoutKey(text: string, key: string | undefined): string {
  return key === undefined || key.length < 4 ? text : text.replaceAll(key, '***')
}

function same(text: string): string {
  return text
}
