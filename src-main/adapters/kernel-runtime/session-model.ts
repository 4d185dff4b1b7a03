import type { ProviderId } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Model, ModelError, ModelErrorKind, ModelEvent } from '../../harness/core/model.ts'
import { ModelFault, type Models } from '../../ports/models.ts'
import type { SessionDoor } from '../../ports/runtime.ts'

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

/** A provider's model as the harness takes it: each call passes the session's door, and waits while it is paused. */
export function sessionModel(
  candidate: Candidate,
  models: Models,
  door: SessionDoor,
  gate: (signal: AbortSignal) => Promise<void>,
  newError: NewModelError,
): Model {
  const id = modelId(candidate)
  return {
    id,
    caps: { tools: true, maxContext: null },
    stream: async function* (request, signal): AsyncIterable<ModelEvent> {
      await gate(signal)
      const verdict = door.open(`model:${id}`, `Ask ${id}`)
      if (!verdict.ok) throw newError('refused', verdict.reason, null)
      try {
        yield* models.stream({ ...candidate, ...request }, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw translated(error, newError)
      }
    },
  }
}

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
