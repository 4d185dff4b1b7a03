import type { ServerResponse } from 'node:http'
import type { CallRecorder, ModelUse, TapedHead } from '../ports/gateway.ts'
import type { DialectShape, Failure, StreamState } from './dialect-shape.ts'

/** Google's client looks at single pieces: this long they need to arrive as such, on a busy machine too. */
const pieceGapMs = 120
/** How long a client that has much to read yet may take until it can hear why its answer ends. */
const hearingMs = 2000

/** What goes back to the client of one call: bytes counted and recorded, back-pressure handed on, errors in its dialect. */
export interface Answer {
  readonly isHeadSent: boolean
  readonly sentBytes: number
  /** Records from now on. */
  recordOn(recorder: CallRecorder): void
  head(head: TapedHead): void
  /** Sends bytes; resolves when the client is ready for more or gone, rejects when it takes nothing for too long. */
  write(bytes: Uint8Array, use: ModelUse): Promise<void> | undefined
  json(status: number, value: unknown, use: ModelUse, headers?: Readonly<Record<string, string>>): void
  /** An error: whole when nothing was sent yet, else inside the stream. Ends the answer. Resolves with the status told. */
  fail(failure: Failure, use: ModelUse, state: StreamState): Promise<number>
  end(): void
}

export interface AnswerPowers {
  readonly response: ServerResponse
  readonly shape: DialectShape
  readonly stallMs: number
  after(ms: number, fn: () => void): () => void
}

const plain = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export function createAnswer(powers: AnswerPowers): Answer {
  const { response, shape, stallMs, after } = powers
  let recorder: CallRecorder | undefined
  let sentBytes = 0
  let isEvents = false
  function head(first: TapedHead): void {
    isEvents = (first.headers['content-type'] ?? '').startsWith('text/event-stream')
    recorder?.head(first)
    if (response.destroyed) return
    response.writeHead(first.status, first.headers)
    response.flushHeaders()
  }
  function write(bytes: Uint8Array, use: ModelUse): Promise<void> | undefined {
    sentBytes += bytes.length
    recorder?.chunk({ bytes, use })
    if (response.destroyed || response.write(bytes)) return undefined
    return untilDrained(response, stallMs, after)
  }
  const json: Answer['json'] = (status, value, use, headers = {}) => {
    const bytes = Buffer.from(JSON.stringify(value))
    const length = { 'content-type': 'application/json', 'content-length': String(bytes.length) }
    head({ status, headers: { ...plain, ...headers, ...length } })
    void write(bytes, use)?.catch(() => response.destroy())
    response.end()
  }
  async function fail(failure: Failure, use: ModelUse, state: StreamState): Promise<number> {
    const status = shape.status(failure)
    if (!response.headersSent) {
      json(status, shape.failure(failure, status), use, failureHeaders(failure, status))
      return status
    }
    const canHear = isEvents && !response.destroyed && (await isDrained(response, after))
    if (!canHear) {
      response.destroy()
      return status
    }
    for (const piece of shape.inBand(failure, status, state)) {
      await new Promise<void>((resolve) => after(pieceGapMs, resolve))
      await write(Buffer.from(piece), use)
    }
    response.end()
    return status
  }
  return {
    get isHeadSent() {
      return response.headersSent
    },
    get sentBytes() {
      return sentBytes
    },
    recordOn: (to) => {
      recorder = to
    },
    head,
    write,
    json,
    fail,
    end: () => void response.end(),
  }
}

/** True when the client has taken what it was sent, or does soon. */
async function isDrained(response: ServerResponse, after: AnswerPowers['after']): Promise<boolean> {
  if (!response.writableNeedDrain) return true
  await untilDrained(response, hearingMs, after).catch(() => undefined)
  return !response.destroyed && !response.writableNeedDrain
}

/** Resolves when the client takes more, or is gone; rejects when it takes nothing for `stallMs`. */
function untilDrained(
  response: ServerResponse,
  stallMs: number,
  after: AnswerPowers['after'],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      cancel()
      response.off('drain', onReady)
      response.off('close', onReady)
      done()
    }
    const onReady = settle(resolve)
    const cancel = after(
      stallMs,
      settle(() => reject(new Error('the client stopped reading'))),
    )
    response.once('drain', onReady)
    response.once('close', onReady)
  })
}

/** Both OpenAI's and Anthropic's clients obey `x-should-retry`. */
function failureHeaders(failure: Failure, status: number): Record<string, string> {
  const waitMs = failure.retryAfterMs ?? (failure.cause === 'busy' ? 1000 : null)
  const isWorthRetry = status === 429 || status === 408 || status >= 500
  return {
    ...(waitMs === null ? {} : { 'retry-after': String(Math.ceil(waitMs / 1000)) }),
    ...(isWorthRetry ? {} : { 'x-should-retry': 'false' }),
  }
}
