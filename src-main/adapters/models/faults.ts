import { SignalboxError } from '../../contract/errors.ts'
import { ModelFault, type ModelFaultKind } from '../../ports/models.ts'

/** The fields of an API error of the SDK that we read; everything may be missing on other errors. */
interface Upstream {
  readonly statusCode?: unknown
  readonly responseHeaders?: unknown
  readonly responseBody?: unknown
  readonly message?: unknown
}

const retryable = new Set([408, 409, 425, 429])
const longestWords = 600

function kindOf(status: number | null, words: string): ModelFaultKind {
  if (status === null) return 'transient'
  if (retryable.has(status) || status >= 500) return 'transient'
  if (
    status === 413 ||
    /context.{0,20}(?:length|window)|too (?:long|many tokens)|maximum.{0,20}tokens/i.test(words)
  )
    return 'context'
  if (status === 401 || status === 403 || status === 404) return 'denied'
  if (/api.key|unknown model|model.{0,40}(?:not found|does not exist)/i.test(words)) return 'denied'
  return 'refused'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The upstream's own sentence out of `{error: {message}}`, `{message}` or `{error: "…"}`, else the text as it came. */
function wordsOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    const first = Array.isArray(value) ? value[0] : value
    const inner = isRecord(first) ? (first.error ?? first) : first
    if (typeof inner === 'string') return inner
    if (isRecord(inner) && typeof inner.message === 'string') return inner.message
  } catch {
    // Not JSON: a proxy's page, perhaps. The text itself is the best there is.
  }
  return body
}

function retryAfterOf(headers: unknown, nowMs: number): number | null {
  if (!isRecord(headers)) return null
  const exact = Number(headers['retry-after-ms'])
  if (Number.isFinite(exact) && exact >= 0) return exact
  const given = headers['retry-after']
  if (typeof given !== 'string') return null
  const seconds = Number(given)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const until = Date.parse(given)
  return Number.isNaN(until) ? null : Math.max(0, until - nowMs)
}

function networkWords(error: Error): string {
  const { cause } = error
  const code = isRecord(cause) && typeof cause.code === 'string' ? ` (${cause.code})` : ''
  return `${error.message}${code}`
}

/** Any failure of a model call as `model_failed`, with the upstream's words cut and masked. */
export function modelFailed(error: unknown, mask: (text: string) => string, nowMs: number): SignalboxError {
  if (error instanceof SignalboxError) return error
  if (error instanceof ModelFault) return wrapped(error, mask)
  const upstream: Upstream = isRecord(error) ? error : {}
  const status = typeof upstream.statusCode === 'number' ? upstream.statusCode : null
  const body = typeof upstream.responseBody === 'string' ? upstream.responseBody : ''
  const own =
    error instanceof Error ? networkWords(error) : typeof error === 'string' ? error : JSON.stringify(error)
  const words = body === '' ? own : wordsOf(body)
  // A good status with an error means that the answer itself could not be read.
  const kind = status !== null && status < 400 ? 'stream' : kindOf(status, words)
  const retryAfterMs = retryAfterOf(upstream.responseHeaders, nowMs)
  return wrapped(new ModelFault(kind, words, status, retryAfterMs, isDelivered(error)), mask)
}

/** Failures after which it is certain that no upstream had the request; an own fetch says so itself. */
const undelivered = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

function isDelivered(error: unknown): boolean {
  for (let one: unknown = error, depth = 0; isRecord(one) && depth < 5; one = one.cause, depth++) {
    if (one.isDelivered === false || (typeof one.code === 'string' && undelivered.has(one.code))) return false
  }
  return true
}

function wrapped(fault: ModelFault, mask: (text: string) => string): SignalboxError {
  const words = mask(fault.message).slice(0, longestWords)
  const status = fault.status === null ? '' : `HTTP ${fault.status}: `
  const reason = `${status}${words.trim() || 'no reason given'}`
  const remedy = remedyOf(fault)
  const masked = new ModelFault(fault.kind, words, fault.status, fault.retryAfterMs, fault.isDelivered)
  return new SignalboxError(
    'model_failed',
    { reason, ...(remedy === undefined ? {} : { remedy }) },
    {
      message: `The model call failed: ${reason}`,
      cause: masked,
    },
  )
}

function remedyOf(fault: ModelFault): string | undefined {
  if (fault.status === 401 || fault.status === 403) return 'Check the provider key in the settings.'
  if (fault.status === 404) return 'Check the model name and the address in the settings.'
  if (fault.status === 429)
    return 'The provider limits how fast or how much it is used; wait or raise the limit there.'
  if (fault.status === null && fault.kind === 'transient')
    return 'Check the network and the address in the settings.'
  return undefined
}
