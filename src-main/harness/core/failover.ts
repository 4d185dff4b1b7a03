import { type Breaker, createBreaker } from './breaker.ts'
import { type Model, ModelError, type ModelEvent, type ModelRequest } from './model.ts'
import { bounded, type Powers, pause } from './powers.ts'

export interface FailoverOptions {
  readonly powers: Powers
  /** Tries per candidate after the first, when the trouble may pass. */
  readonly retries?: number
  readonly firstByteMs?: number
  readonly backoffMs?: number
  /** Longest wait that an upstream may ask for. */
  readonly longestWaitMs?: number
}

interface Candidate {
  readonly model: Model
  readonly breaker: Breaker
}

type Settings = Required<FailoverOptions>

/**
 * Several models as one, in order of preference among the healthy (spec/harness.md §11). At most three attempts per
 * candidate. Once a piece of the answer was given out there is no second attempt: two models' texts are never spliced.
 */
export function createFailover(models: readonly Model[], options: FailoverOptions): Model {
  const [first] = models
  if (!first) throw new RangeError('a failover needs at least one model')
  const settings: Settings = {
    retries: 2,
    firstByteMs: 60_000,
    backoffMs: 500,
    longestWaitMs: 30_000,
    ...options,
  }
  const candidates = models.map((model) => ({ model, breaker: createBreaker() }))
  return {
    id: first.id,
    caps: {
      tools: models.some(({ caps }) => caps.tools),
      maxContext: models.reduce<number | null>(
        (most, { caps }) => Math.max(most ?? 0, caps.maxContext ?? 0) || null,
        null,
      ),
    },
    stream: (request, signal) => attempts(candidates, request, signal, settings),
  }
}

/** Those that may be tried now; when all are open, the one that re-opens soonest. */
function healthy(candidates: readonly Candidate[], nowMs: number): readonly Candidate[] {
  const ready = candidates.filter(({ breaker }) => breaker.state(nowMs) !== 'open')
  if (ready.length > 0) return ready
  const soonest = candidates.toSorted((a, b) => a.breaker.opensAgainAtMs() - b.breaker.opensAgainAtMs())
  return soonest.slice(0, 1)
}

async function* attempts(
  candidates: readonly Candidate[],
  request: ModelRequest,
  signal: AbortSignal,
  settings: Settings,
): AsyncIterable<ModelEvent> {
  const { powers } = settings
  const failures: string[] = []
  let last: ModelError | undefined
  let needsMoreThan = 0
  for (const candidate of healthy(candidates, powers.nowMs())) {
    const { model, breaker } = candidate
    if (needsMoreThan > 0 && (model.caps.maxContext ?? 0) <= needsMoreThan) continue
    const tries = breaker.state(powers.nowMs()) === 'closed' ? settings.retries + 1 : 1
    for (let attempt = 0; attempt < tries; attempt += 1) {
      signal.throwIfAborted()
      const outcome = yield* oneAttempt(model, request, signal, settings)
      if (!outcome) {
        breaker.succeeded()
        return
      }
      last = outcome.error
      yield { kind: 'attempt-failed', model: model.id, error: last, wasBilled: outcome.hasOutput }
      failures.push(`${model.id}: ${last.message}`)
      settle(breaker, last, powers.nowMs())
      if (outcome.hasOutput || last.kind === 'refused') throw last
      if (last.kind === 'context') needsMoreThan = model.caps.maxContext ?? Number.POSITIVE_INFINITY
      if (last.kind !== 'transient' || attempt === tries - 1) break
      await pause(powers, waitMs(last, attempt, settings), signal)
    }
  }
  throw aggregated(last, failures)
}

function settle(breaker: Breaker, error: ModelError, nowMs: number): void {
  if (error.kind === 'denied') breaker.denied(nowMs)
  else if (error.kind !== 'refused' && error.kind !== 'context') breaker.failed(nowMs)
}

/** Full jitter over a doubling span, never less than the upstream asked for, never more than the limit. */
function waitMs(error: ModelError, attempt: number, settings: Settings): number {
  const jitter = settings.powers.random() * settings.backoffMs * 2 ** attempt
  return Math.min(Math.max(jitter, error.retryAfterMs ?? 0), settings.longestWaitMs)
}

function aggregated(last: ModelError | undefined, failures: readonly string[]): ModelError {
  if (!last) return new ModelError('context', 'no model has room for so long a conversation')
  if (failures.length === 1) return last
  return new ModelError(last.kind, [...new Set(failures)].join('; '), last.retryAfterMs, last)
}

type Failed = { readonly error: ModelError; readonly hasOutput: boolean }

async function* oneAttempt(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
  settings: Settings,
): AsyncGenerator<ModelEvent, Failed | undefined> {
  const late = () => new ModelError('first-byte', `no answer within ${settings.firstByteMs / 1000} s`)
  const bound = bounded(settings.powers, settings.firstByteMs, signal, late)
  let hasOutput = false
  try {
    for await (const event of model.stream(request, bound.signal)) {
      if (!hasOutput) bound.untimed()
      hasOutput = true
      yield event.kind === 'end' ? { ...event, model: event.model ?? model.id } : event
    }
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const known = bound.signal.aborted && !hasOutput ? bound.signal.reason : error
    if (known instanceof ModelError) return { error: known, hasOutput }
    throw error
  } finally {
    bound.done()
  }
}
