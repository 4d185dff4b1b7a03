import type { IncomingMessage, ServerResponse } from 'node:http'
import type {
  CallOpening,
  CanonicalRequest,
  GatewaySession,
  ModelOperation,
  ModelUse,
  Route,
  TapedCall,
} from '../ports/gateway.ts'
import { type Answer, createAnswer } from './answer.ts'
import { type CallAccount, createCallAccount, type Ending } from './call-account.ts'
import { CallFault, clientGone, cutBy, faultOf } from './call-fault.ts'
import { type CallLine, createCallLine } from './call-line.ts'
import { firstDifference } from './canonical-request.ts'
import type { Asked, StreamState } from './dialect-shape.ts'
import { shapes } from './dialects/all-dialects.ts'
import { createMeter, estimateTokens, type Meter } from './meter.ts'
import { passThrough } from './pass-through.ts'
import { movesBetween, relocated } from './relocate.ts'
import { playBack } from './replay.ts'
import type { RequestBody } from './request-body.ts'
import type { CallResult, GatewayLimits, HandlerPowers, RunningCall } from './running-call.ts'
import { type ProviderMemory, translate } from './translate.ts'

export interface CallParts {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly asked: Asked
  readonly body: RequestBody
  readonly session: GatewaySession
  readonly powers: HandlerPowers
  readonly limits: GatewayLimits
  readonly memory: ProviderMemory
  /** Fires when the gateway closes. */
  readonly closing: AbortSignal
}

const nothing: ModelUse = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: null }

/** What is needed to tell a call's end, as far as it has come. */
interface Course {
  readonly id: string
  readonly startedAtMs: number
  readonly answer: Answer
  readonly state: StreamState
  readonly controller: AbortController
  readonly line: CallLine | undefined
  nowMs(): number
  account: CallAccount | undefined
}

/** Serves one call of a session from its first check to its last byte; never rejects. */
export async function serveCall(parts: CallParts): Promise<void> {
  const course = begin(parts)
  const { controller, answer, state } = course
  const onClose = () => controller.abort(clientGone())
  const onClosing = () => controller.abort(closingFault())
  parts.response.once('close', onClose)
  parts.closing.addEventListener('abort', onClosing, { once: true })
  // It may have begun to close while the body came in.
  if (parts.closing.aborted) onClosing()
  try {
    const result = await answerCall(parts, course)
    const end = result.error === null ? 'done' : 'failed'
    finish(course, { ...result, end, sentBytes: answer.sentBytes })
  } catch (error) {
    const fault = faultOf(error, controller.signal)
    if (fault.isFree) course.account?.meter.waive()
    const use = course.account?.use() ?? nothing
    const told =
      fault.end === 'aborted'
        ? undefined
        : await answer.fail(fault.failure, use, state).catch(() => undefined)
    const status = fault.end === 'failed' ? fault.upstreamStatus : (told ?? null)
    const { sentBytes } = answer
    finish(course, { end: fault.end, status, error: fault.message, sentBytes })
  } finally {
    parts.response.off('close', onClose)
    parts.closing.removeEventListener('abort', onClosing)
    parts.body.letGo()
  }
}

function closingFault(): CallFault {
  return new CallFault('failed', { cause: 'upstream_failed', sentence: 'the gateway is closing' })
}

function begin(parts: CallParts): Course {
  const { powers, asked, session, response, limits } = parts
  const shape = shapes[asked.dialect]
  const after = (ms: number, fn: () => void) => powers.clock.after(ms, fn)
  const id = powers.ids.short()
  const startedAtMs = powers.clock.nowMs()
  const row = {
    id,
    sessionId: session.id,
    dialect: asked.dialect,
    provider: null,
    model: asked.model,
    isReplay: session.tape?.mode === 'replay',
    state: 'held',
    startedAtMs,
    firstByteMs: null,
    durationMs: null,
    ...nothing,
    usageSource: 'estimated',
    status: null,
    error: null,
  } as const
  const line = asked.kind === 'generate' ? createCallLine(row, powers.onCall, powers.clock) : undefined
  return {
    id,
    startedAtMs,
    line,
    nowMs: () => powers.clock.nowMs(),
    answer: createAnswer({ response, shape, stallMs: limits.stallMs, after }),
    state: { sequence: -1, isComplete: false, error: null },
    controller: new AbortController(),
    account: undefined,
  }
}

function finish({ account, line, startedAtMs, nowMs }: Course, ending: Ending): void {
  account?.finish(ending)
  if (account) return
  const { end: state, status, error } = ending
  line?.change({ state, status, error, durationMs: nowMs() - startedAtMs })
  line?.close()
}

async function answerCall(parts: CallParts, course: Course): Promise<CallResult> {
  const { session, powers, asked, body } = parts
  const { signal } = course.controller
  await untilRunning(session, signal)
  const request = body.canonical
  const replayed = await replayedCall(session, request)
  const route = replayed ? replayRoute(replayed.opening) : await routeOf(parts, signal)
  course.line?.change({ state: 'waiting', provider: route.provider, model: route.model })
  const opened = open(parts, course, { route, request, replayed })
  const call: RunningCall = {
    id: course.id,
    asked,
    body,
    headers: forwardedHeaders(parts.request),
    session,
    route,
    answer: course.answer,
    account: opened,
    state: course.state,
    signal,
    limits: parts.limits,
    powers,
  }
  if (replayed) {
    body.letGo()
    return await playBack(call, replayed)
  }
  return await (isSameFormat(asked, route) ? passThrough(call) : translate(call, parts.memory))
}

async function untilRunning(session: GatewaySession, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const gone = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  gone.catch(() => undefined)
  // Whether it ended, and why, is for `begin` to say: it knows the budget that was used up.
  await Promise.race([session.whenRunning(), gone])
}

/** Lists read the same in both of OpenAI's dialects. */
function isSameFormat(asked: Asked, route: Route): boolean {
  const isOpenAi = (dialect: string) => dialect.startsWith('openai-')
  if (asked.kind === 'list' && isOpenAi(asked.dialect)) return isOpenAi(route.dialect)
  return asked.dialect === route.dialect
}

async function routeOf({ powers, session, asked }: CallParts, signal: AbortSignal): Promise<Route> {
  const routing = await powers.route(session, asked.dialect, asked.model)
  signal.throwIfAborted()
  if (!routing.ok) throw new CallFault('refused', { cause: 'no_route', sentence: routing.sentence })
  // Nobody asked for a model by name in a list of all of them.
  return asked.kind === 'list' && asked.model === '' ? { ...routing.route, model: '' } : routing.route
}

/** A replay needs no provider: everything about it was recorded. */
function replayRoute({ provider, model, dialect }: CallOpening): Route {
  return { provider, model, dialect, baseUrl: '', apiKey: undefined, price: undefined }
}

async function replayedCall(
  session: GatewaySession,
  request: CanonicalRequest | undefined,
): Promise<TapedCall | undefined> {
  if (!request || session.tape?.mode !== 'replay') return undefined
  const answer = session.tape.next(request)
  if (answer.ok)
    return await relocated(
      answer.call,
      movesBetween(answer.call.opening.placeholders ?? [], session.placeholders),
    )
  const { expected, step } = answer
  const where = !expected
    ? 'the recording is at its end'
    : expected.title === request.title && expected.text !== ''
      ? firstDifference(expected.text, request.text)
      : `recorded "${expected.title}" (${expected.hash.slice(0, 12)}), now "${request.title}" (${request.hash.slice(0, 12)})`
  throw new CallFault('refused', {
    cause: 'diverged',
    sentence: `EDIVERGE, step ${step}: this run leaves the recording, ${where}`,
  })
}

interface Opening {
  readonly route: Route
  readonly request: CanonicalRequest | undefined
  readonly replayed: TapedCall | undefined
}

/** Opens the kernel door and holds the least the call will cost; throws when the door says no. */
function open(parts: CallParts, course: Course, { route, request, replayed }: Opening): CallAccount {
  const { session, asked, body, powers } = parts
  const { answer, controller, line } = course
  const input = asked.kind === 'list' ? 0 : estimateTokens(body.facts.textBytes)
  const meter = replayed ? tapedMeter(replayed) : createMeter(input, route.price)
  const estimate = asked.kind === 'generate' ? (replayed?.opening.estimate ?? meter.use()) : nothing
  const { provider, model } = route
  const opening: CallOpening = {
    callId: course.id,
    kind: asked.kind,
    provider,
    model,
    dialect: asked.dialect,
    estimate,
  }
  const { tape, placeholders } = session
  const recorder =
    request && tape?.mode === 'record' ? tape.record(request, { ...opening, placeholders }) : undefined
  if (recorder) answer.recordOn(recorder)
  const begun = session.begin(opening)
  const operation = begun.ok ? begun.operation : refusedOperation
  const account = createCallAccount({
    meter,
    operation,
    line,
    recorder,
    requestBytes: body.sizeBytes,
    startedAtMs: course.startedAtMs,
    nowMs: () => powers.clock.nowMs(),
  })
  course.account = account
  if (begun.ok) begun.operation.onStop((why) => controller.abort(cutBy(why)))
  else {
    const { cause, sentence } = begun
    throw new CallFault('refused', { cause, sentence }, { isFree: true })
  }
  return account
}

/** Where the door said no there is nothing to book; the call is still shown and recorded. */
const refusedOperation: ModelOperation = {
  progress: () => ({ ok: true }),
  onStop: () => undefined,
  end: () => undefined,
}

/** What was booked when it was recorded is booked again. */
function tapedMeter({ outcome, chunks, opening }: TapedCall): Meter {
  const last = outcome?.use ?? chunks.at(-1)?.use ?? opening.estimate
  let isWaived = false
  const use = () => (isWaived ? nothing : last)
  return {
    text: () => undefined,
    report: () => undefined,
    use,
    complete: () => undefined,
    source: () => outcome?.usageSource ?? 'estimated',
    waive: () => {
      isWaived = true
    },
  }
}

/** What says who the caller is, or belongs to this connection alone, does not go on. */
const keptBack =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding|cookie|authorization|x-api-key|x-goog-api-key|forwarded|x-forwarded-.*|proxy-.*|sec-.*)$/

function forwardedHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !keptBack.test(name) ? [[name, value]] : [],
    ),
  )
}
