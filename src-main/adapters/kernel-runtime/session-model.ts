import type { ProviderId } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Model, ModelError, ModelErrorKind, ModelEvent } from '../../harness/core/model.ts'
import type { ModelUse, Stop } from '../../ports/gateway.ts'
import {
  ModelFault,
  type ModelRequest,
  type Models,
  type ModelEvent as UpstreamEvent,
} from '../../ports/models.ts'
import type { ModelCallUnderWay, ReadModelCall, RuntimeSession } from '../../ports/runtime.ts'

export interface Candidate {
  readonly provider: ProviderId
  readonly model: string
  readonly baseUrl: string | null
  readonly apiKey: string | undefined
}

export type NewModelError = (
  kind: ModelErrorKind,
  message: string,
  retryAfterMs: number | null,
  cause?: unknown,
) => ModelError

export function modelId({ provider, model }: Pick<Candidate, 'provider' | 'model'>): string {
  return `${provider}/${model}`
}

/**
 * A provider's model as the harness takes it: each call is held at the session's door while it streams, cut off where
 * the budget ends, and waits while the session is paused.
 */
export function sessionModel(
  candidate: Candidate,
  models: Models,
  session: Pick<RuntimeSession, 'readModelCall' | 'openModelCall'>,
  gate: (signal: AbortSignal) => Promise<void>,
  newError: NewModelError,
): Model {
  const cost = (use: Omit<ModelUse, 'costUsdNanos'>) => costOf(models, candidate, use)
  return {
    id: modelId(candidate),
    caps: { tools: true, maxContext: null },
    stream: async function* (request, signal): AsyncIterable<ModelEvent> {
      await gate(signal)
      const { provider, model } = candidate
      const whole = { ...candidate, ...request }
      const read = await readCall(session, whole, signal, newError)
      // It may have been paused while a long request was read.
      await gate(signal)
      const inputTokens = estimate(read.letters)
      const opened = session.openModelCall({ provider, model, inputTokens, request: read, cost })
      if (!opened.ok) throw newError('refused', opened.sentence, null)
      const metered = meter(opened.call, inputTokens)
      const ends = AbortSignal.any([signal, metered.stopped])
      try {
        const { recorded } = opened.call
        const answer = recorded ? played(recorded) : models.stream(sendable(whole, read), ends)
        for await (const event of answer) {
          metered.see(event)
          yield event
        }
      } catch (error) {
        metered.fail(error, signal.aborted)
        signal.throwIfAborted()
        const why = metered.stop()
        throw why ? newError('refused', why.sentence, null) : translated(error, newError)
      } finally {
        metered.close()
      }
    },
  }
}

/** What the model answered then; our own writing comes back as it was. */
async function* played(recorded: readonly unknown[]): AsyncIterable<UpstreamEvent> {
  for (const event of recorded) yield event as UpstreamEvent
}

async function readCall(
  session: Pick<RuntimeSession, 'readModelCall'>,
  request: ModelRequest,
  signal: AbortSignal,
  newError: NewModelError,
): Promise<ReadModelCall> {
  try {
    return await session.readModelCall(request, signal)
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    throw newError('refused', `this long request could not be read: ${why}`, null, error)
  }
}

/** What was written beforehand goes out in place of the conversation; the rest tells how to read the answer. */
function sendable(request: ModelRequest, { takeWritten }: ReadModelCall): ModelRequest {
  return takeWritten
    ? { ...request, messages: [{ role: 'user', text: '' }], tools: [], takeWritten }
    : request
}

/** Rough, on the low side: a call must not be refused for what it will not cost. */
function estimate(letters: number): number {
  return Math.max(1, Math.ceil(letters / 5))
}

/** Follows one call: counts what arrives until the upstream says what it counted. */
function meter(call: ModelCallUnderWay, inputTokens: number) {
  const cut = new AbortController()
  let letters = 0
  let why: Stop | undefined
  let isOver = false
  const end: ModelCallUnderWay['end'] = (...how) => {
    if (isOver) return
    isOver = true
    call.end(...how)
  }
  const stop = (verdict: Stop) => {
    why ??= verdict
    end('cut', null, verdict.sentence)
    cut.abort(new Error(verdict.sentence))
  }
  call.onStop(stop)
  return {
    stopped: cut.signal,
    stop: () => why,
    see(event: UpstreamEvent): void {
      call.keep(event)
      if (event.kind === 'end') {
        const { inputTokens: input, cachedTokens, outputTokens } = event.usage
        const isKnown = input !== null && outputTokens !== null
        end(
          'done',
          isKnown ? { inputTokens: input, cachedTokens: cachedTokens ?? 0, outputTokens } : null,
          null,
        )
        return
      }
      letters += event.kind === 'tool-call' ? event.call.argumentsText.length : event.text.length
      const use = { inputTokens, cachedTokens: 0, outputTokens: Math.ceil(letters / 4) }
      const verdict = call.progress(use)
      if (!verdict.ok) stop(verdict)
    },
    fail: (error: unknown, isAborted: boolean) =>
      end(
        isAborted ? 'aborted' : 'failed',
        letters === 0 && !isAborted ? nothing : null,
        error instanceof Error ? error.message.slice(0, 500) : 'failed',
      ),
    /** The reader went away in the middle. */
    close: () => end('aborted', null, null),
  }
}

const nothing = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }

function translated(error: unknown, newError: NewModelError): unknown {
  if (!(error instanceof SignalboxError) || !(error.cause instanceof ModelFault)) return error
  const { kind, retryAfterMs } = error.cause
  return newError(kind, error.message, retryAfterMs, error)
}

/** Cost in nano-dollars, or null when price or use is not known. Cached tokens cost their own price. */
export function costOf(
  models: Models,
  name: Pick<Candidate, 'provider' | 'model'>,
  use: {
    readonly inputTokens: number | null
    readonly cachedTokens: number | null
    readonly outputTokens: number | null
  },
): number | null {
  const price = models.price(name.provider, name.model)
  if (!price || use.inputTokens === null || use.outputTokens === null) return null
  const cached = Math.min(use.cachedTokens ?? 0, use.inputTokens)
  const fresh = use.inputTokens - cached
  return Math.round(fresh * price.input + cached * price.cachedInput + use.outputTokens * price.output)
}
