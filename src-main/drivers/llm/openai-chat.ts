import type { ChatFn, LlmReply, LlmRequest } from './chat.ts'
import { OpenaiAnswer, openaiBody } from './openai-wire.ts'
import { parseRetryAfter, RetryableFailure, type RetryPowers, withRetries } from './retry.ts'
import { readSse } from './sse-reader.ts'

const RETRIES = 4
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 60_000
/** Longest part of an upstream's error that is passed on. */
const MAX_WORDS = 500

export interface OpenaiConfig {
  readonly apiKey: string
  /** Up to and including the version, such as `https://api.openai.com/v1`. */
  readonly baseUrl: string
  readonly model: string
  /** Dollars per million tokens, where known. */
  readonly price?: { readonly input: number; readonly output: number }
  readonly retries?: number
  readonly firstDelayMs?: number
  readonly fetch?: typeof globalThis.fetch
  readonly powers?: RetryPowers
}

/**
 * A chat function over any endpoint that speaks OpenAI Chat Completions, streamed. Tries again with jitter on 429, 5xx
 * and a broken connection, as long as nothing has been streamed to the caller; honours Retry-After. The key appears in
 * the request's header and nowhere else: what an upstream says of it is masked.
 */
export function openaiChat(config: OpenaiConfig): ChatFn {
  const powers = config.powers ?? hostPowers
  const rules = {
    retries: config.retries ?? RETRIES,
    firstDelayMs: config.firstDelayMs ?? FIRST_DELAY_MS,
    longestDelayMs: LONGEST_DELAY_MS,
  }
  return (request) => {
    const signal = request.signal ?? new AbortController().signal
    return withRetries(() => callOnce(config, request, signal, powers), rules, powers, signal)
  }
}

async function callOnce(
  config: OpenaiConfig,
  request: LlmRequest,
  signal: AbortSignal,
  powers: RetryPowers,
): Promise<LlmReply> {
  const response = await post(config, request, signal)
  if (!response.ok) throw await refusal(response, config.apiKey, powers.nowMs())
  const answer = new OpenaiAnswer()
  let hasSpoken = false
  try {
    for await (const data of readSse(response.body ?? empty())) {
      if (data === '[DONE]') break
      const text = answer.take(data)
      if (text === '') continue
      hasSpoken = true
      request.onDelta?.(text)
    }
    return answer.reply(config.price)
  } catch (error) {
    signal.throwIfAborted()
    const words = `the model’s answer broke off: ${masked(wordsOf(error), config.apiKey)}`
    // What has been shown can't be taken back: a second attempt would say it twice.
    throw hasSpoken ? new Error(words) : new RetryableFailure(words)
  }
}

async function post(config: OpenaiConfig, request: LlmRequest, signal: AbortSignal): Promise<Response> {
  try {
    return await (config.fetch ?? globalThis.fetch)(
      `${config.baseUrl.replace(/\/+$/, '')}/chat/completions`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          authorization: `Bearer ${config.apiKey}`,
        },
        body: JSON.stringify(openaiBody(config.model, request)),
        redirect: 'error',
        signal,
      },
    )
  } catch (error) {
    signal.throwIfAborted()
    throw new RetryableFailure(`the model was not reached: ${masked(wordsOf(error), config.apiKey)}`)
  }
}

async function refusal(response: Response, apiKey: string, nowMs: number): Promise<Error> {
  const body = await response.text().catch(() => '')
  const words = `HTTP ${response.status}: ${masked(body, apiKey).slice(0, MAX_WORDS)}`
  if (response.status !== 429 && response.status < 500) return new Error(words)
  return new RetryableFailure(words, parseRetryAfter(response.headers.get('retry-after'), nowMs))
}

function wordsOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_WORDS)
}

function masked(text: string, apiKey: string): string {
  return apiKey === '' ? text : text.replaceAll(apiKey, '***')
}

async function* empty(): AsyncGenerator<Uint8Array> {}

const hostPowers: RetryPowers = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop)
        resolve()
      }, ms)
      const stop = (): void => {
        clearTimeout(timer)
        reject(signal.reason as Error)
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    }),
}
