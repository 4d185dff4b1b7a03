import { SessionId } from '../../contract/ids.ts'
import type { ModelCall, ModelCallState } from '../../contract/process.ts'
import type {
  CallEnd,
  CallOpening,
  CallOutcome,
  CallRecorder,
  GatewaySession,
  ModelOperation,
  ModelUse,
  Stop,
  UsageSource,
} from '../../ports/gateway.ts'
import type { ModelCallOpening, ModelCallUnderWay, RuntimeSession } from '../../ports/runtime.ts'

type Use = Omit<ModelUse, 'costUsdNanos'>

export interface CallTellers {
  readonly nowMs: () => number
  readonly newId: () => string
  readonly agent: string
  readonly title: string
  readonly note: (call: ModelCall) => void
}

const tellEveryMs = 250

/** Begins a model call of a runtime in our own process at the session's kernel door, and tells how it goes. */
export function openModelCall(
  session: GatewaySession,
  opening: ModelCallOpening,
  tellers: CallTellers,
): ReturnType<RuntimeSession['openModelCall']> {
  const callId = `kernel-${tellers.newId()}`
  const startedAtMs = tellers.nowMs()
  const first = priced(opening, { inputTokens: opening.inputTokens, cachedTokens: 0, outputTokens: 0 })
  const told = createTeller(tellers, rowOf(session.id, callId, opening, tellers, startedAtMs))
  const { provider, model } = opening
  const about = {
    callId,
    kind: 'generate',
    provider,
    model,
    dialect: 'openai-chat',
    estimate: first,
  } as const
  const taped = openTape(session, opening, about)
  if (!taped.ok) {
    told.end('refused', nothing, { error: taped.sentence })
    return taped
  }
  const begun = session.begin(about)
  if (!begun.ok) {
    taped.recorder?.end(refusedOutcome(begun.sentence))
    told.end('refused', nothing, { error: begun.sentence })
    return begun
  }
  told.begun()
  return { ok: true, call: follow(opening, begun.operation, { taped, told, first, startedAtMs, ...tellers }) }
}

interface Following extends Pick<CallTellers, 'nowMs'> {
  readonly taped: Taped
  readonly told: ReturnType<typeof createTeller>
  readonly first: ModelUse
  readonly startedAtMs: number
}

/** One call under way: held, told, and taken down as it goes. */
function follow(
  opening: ModelCallOpening,
  operation: ModelOperation,
  { taped, told, first, startedAtMs, nowMs }: Following,
): ModelCallUnderWay {
  let last = first
  let firstByteMs: number | null = null
  return {
    recorded: taped.recorded,
    keep(piece) {
      firstByteMs ??= nowMs() - startedAtMs
      taped.recorder?.chunk({ bytes: new TextEncoder().encode(JSON.stringify(piece)), use: last })
    },
    progress(use) {
      firstByteMs ??= nowMs() - startedAtMs
      last = priced(opening, use)
      told.progress(last, firstByteMs)
      return operation.progress(last)
    },
    onStop: (stop) => operation.onStop(stop),
    end(how, use, error) {
      const usageSource: UsageSource = use === null ? 'estimated' : 'reported'
      const whole = use === null ? last : priced(opening, use)
      const durationMs = nowMs() - startedAtMs
      const sizes = { requestBytes: 0, responseBytes: 0 }
      const outcome = {
        end: how,
        status: null,
        use: whole,
        usageSource,
        firstByteMs,
        durationMs,
        ...sizes,
        error,
      }
      operation.end(outcome)
      taped.recorder?.end(outcome)
      told.end(how, whole, { source: usageSource, error, firstByteMs })
    },
  }
}

const nothing: ModelUse = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: null }

/** On a tape only: the call was not let out. */
function refusedOutcome(error: string): CallOutcome {
  const sizes = { requestBytes: 0, responseBytes: 0, durationMs: 0 }
  return {
    end: 'refused',
    status: null,
    use: nothing,
    usageSource: 'estimated',
    firstByteMs: null,
    ...sizes,
    error,
  }
}

type Taped = {
  readonly ok: true
  readonly recorder: CallRecorder | null
  readonly recorded: readonly unknown[] | null
}

/** Takes the call down, or finds what was answered to it then. */
function openTape(
  { tape, placeholders }: GatewaySession,
  { request }: ModelCallOpening,
  about: CallOpening,
): Taped | Stop {
  if (!tape) return { ok: true, recorder: null, recorded: null }
  const asked = request.canonical
  // A replay must never go out in place of its recording.
  if (!asked) return { ok: false, cause: 'ended', sentence: 'This call can not be taken down.' }
  if (tape.mode === 'record') {
    const recorder = tape.record(asked, { ...about, placeholders })
    recorder.head({ status: 200, headers: {} })
    return { ok: true, recorder, recorded: null }
  }
  const answer = tape.next(asked)
  if (!answer.ok)
    return { ok: false, cause: 'ended', sentence: `This run leaves its recording at step ${answer.step}.` }
  const decoder = new TextDecoder()
  const recorded = answer.call.chunks.map(({ bytes }): unknown => JSON.parse(decoder.decode(bytes)))
  return { ok: true, recorder: null, recorded }
}

function priced(opening: ModelCallOpening, use: Use): ModelUse {
  return { ...use, costUsdNanos: opening.cost(use) }
}

function rowOf(
  sessionId: string,
  id: string,
  { provider, model }: ModelCallOpening,
  { agent, title }: CallTellers,
  startedAtMs: number,
): ModelCall {
  return {
    id,
    sessionId: SessionId.parse(sessionId),
    sessionTitle: title,
    agent,
    dialect: 'kernel',
    provider,
    model,
    isTranslated: false,
    state: 'waiting',
    startedAtMs,
    firstByteMs: null,
    durationMs: null,
    inputTokens: null,
    cachedTokens: null,
    outputTokens: null,
    costUsdNanos: null,
    source: null,
    status: null,
    error: null,
  }
}

/** Tells of a call: at once when it begins and ends, now and then in between. */
function createTeller({ note, nowMs }: CallTellers, start: ModelCall) {
  let toldAtMs = 0
  return {
    begun: () => note(start),
    progress(use: ModelUse, firstByteMs: number): void {
      if (nowMs() - toldAtMs < tellEveryMs) return
      toldAtMs = nowMs()
      note({ ...start, ...use, state: 'streaming', firstByteMs, source: 'estimated' })
    },
    end(how: CallEnd | 'refused', use: ModelUse, more: Partial<ModelCall>): void {
      const state: ModelCallState = how
      note({ ...start, ...use, ...more, state, durationMs: nowMs() - start.startedAtMs })
    },
  }
}
