import { SignalboxError } from '../contract/errors.ts'
import type { GatewaySession } from '../ports/gateway.ts'
import {
  type ModelEvent,
  ModelFault,
  type ModelRequest,
  type ModelSettings,
  type WrittenRequest,
} from '../ports/models.ts'
import { CallFault, cutBy } from './call-fault.ts'
import { type AnswerWriter, type DialectShape, Untranslatable } from './dialect-shape.ts'
import { shapes } from './dialects/all-dialects.ts'
import { type JsonObject, recordOf } from './json-values.ts'
import { withoutSecret } from './key-filter.ts'
import type { TranslationWish } from './long-requests.ts'
import { modelRequestOf, type ReadModelRequest } from './model-request.ts'
import { type CallResult, createWatch, type RunningCall, type Watch } from './running-call.ts'

/** Calls whose provider data is kept per session; a conversation refers to the latest ones. */
const mostCallsKept = 2000

/**
 * What a provider wants back unchanged with a tool call (thought signatures) and the asked dialect has no place for:
 * kept here by the id of the call.
 */
export interface ProviderMemory {
  keep(session: GatewaySession, callId: string, data: string): void
  /** What is kept of a session, by the id of the call. */
  of(session: GatewaySession): ReadonlyMap<string, string>
}

export function createProviderMemory(): ProviderMemory {
  const kept = new WeakMap<GatewaySession, Map<string, string>>()
  return {
    keep(session, callId, data) {
      const calls = kept.get(session) ?? new Map<string, string>()
      kept.set(session, calls)
      calls.set(callId, data)
      const [oldest] = calls.keys()
      if (calls.size > mostCallsKept && oldest !== undefined) calls.delete(oldest)
    },
    of: (session) => kept.get(session) ?? new Map(),
  }
}

/** Answers a call from an upstream of another dialect, through the models port. */
export async function translate(call: RunningCall, memory: ProviderMemory): Promise<CallResult> {
  const shape = shapes[call.asked.dialect]
  if (call.asked.kind === 'list') return await listed(call, shape)
  if (call.asked.kind === 'count') return counted(call, shape)
  const read = await readRequest(call, memory).catch((error: unknown) => {
    // Whoever ended it, nobody has been asked anything yet.
    call.account.meter.waive()
    throw error
  })
  const watch = createWatch(
    call,
    () => new CallFault('failed', { cause: 'upstream_silent', sentence: 'the model provider fell silent' }),
  )
  try {
    watch.kick(call.limits.firstByteMs)
    const signal = AbortSignal.any([call.signal, watch.signal])
    const events = call.powers.models.stream(read.request, signal)
    return await answered(call, events, { writer: writerOf(call, shape, read), watch, memory })
  } catch (error) {
    if (!call.signal.aborted && watch.signal.aborted) throw watch.signal.reason
    throw call.signal.aborted ? error : modelFault(error)
  } finally {
    watch.stop()
  }
}

async function listed(call: RunningCall, shape: DialectShape): Promise<CallResult> {
  const { provider, baseUrl, apiKey } = call.route
  const names = await call.powers.models.list(provider, baseUrl, apiKey, call.signal)
  call.account.meter.waive()
  call.answer.json(200, shape.list(names), call.account.use())
  return { status: 200, error: null }
}

function counted(call: RunningCall, shape: DialectShape): CallResult {
  const { inputTokens } = call.account.use()
  call.account.meter.waive()
  call.answer.json(200, shape.count(inputTokens), call.account.use())
  return { status: 200, error: null }
}

/** The request for the models port; of a long one only what is needed to read its answer, the rest being written. */
async function readRequest(call: RunningCall, memory: ProviderMemory): Promise<ReadModelRequest> {
  const { provider, model, baseUrl, apiKey, dialect } = call.route
  const route = { provider, model, baseUrl, apiKey, dialect }
  const wish = { dialect: call.asked.dialect, route, providerData: memory.of(call.session) }
  const { json, shared } = call.body
  if (json) return readShort(json, wish)
  const { longRequests } = call.powers
  if (!shared || !longRequests) throw new Error('the request is not there any more')
  const translation = await longRequests.translate(shared, wish, { owner: call.session, signal: call.signal })
  if (!translation.ok) {
    const { cause, sentence } = translation
    throw new CallFault('failed', { cause, sentence }, { isFree: true })
  }
  const { written, settings, freeFormTools } = translation
  return { request: readerOf(wish, written, settings), freeFormTools: new Set(freeFormTools) }
}

function readShort(json: JsonObject, wish: TranslationWish): ReadModelRequest {
  try {
    return modelRequestOf(json, wish)
  } catch (error) {
    const sentence = error instanceof Untranslatable ? error.message : 'the request cannot be read'
    throw new CallFault('failed', { cause: 'bad_request', sentence }, { isFree: true })
  }
}

function readerOf(
  { route: { dialect, ...route } }: TranslationWish,
  written: WrittenRequest,
  settings: ModelSettings,
): ModelRequest {
  let left: WrittenRequest | undefined = written
  return {
    ...route,
    messages: [{ role: 'user', text: '' }],
    tools: [],
    maxOutputTokens: null,
    settings,
    ...(dialect === 'openai-responses' ? { usesResponses: true } : {}),
    takeWritten() {
      const taken = left
      left = undefined
      return taken
    },
  }
}

function writerOf(call: RunningCall, shape: DialectShape, { freeFormTools }: ReadModelRequest): AnswerWriter {
  return shape.write({
    id: call.id,
    model: call.asked.model || call.route.model,
    atMs: call.powers.clock.nowMs(),
    estimatedInput: call.account.use().inputTokens,
    freeFormTools,
    wantsUsage: recordOf(call.body.facts.own.stream_options).include_usage === true,
  })
}

interface Writing {
  readonly writer: AnswerWriter
  readonly watch: Watch
  readonly memory: ProviderMemory
}

async function answered(
  call: RunningCall,
  events: AsyncIterable<ModelEvent>,
  writing: Writing,
): Promise<CallResult> {
  const { account, answer, asked, limits } = call
  const { writer, watch } = writing
  let isComplete = false
  for await (const event of events) {
    account.firstByte()
    call.body.letGo()
    const text = writer.event(metered(call, withoutKey(event, call.route.apiKey), writing.memory))
    const verdict = account.step()
    if (!verdict.ok) throw cutBy(verdict)
    if (asked.isStream) {
      const first = answer.isHeadSent ? '' : begin(call, writer)
      await answer.write(Buffer.from(first + text), account.use())
    }
    watch.kick(limits.idleMs)
    if (event.kind === 'end') isComplete = true
  }
  if (!isComplete) throw new Error('the answer has no end')
  if (asked.isStream) answer.end()
  else answer.json(200, writer.whole(), account.use())
  call.state.isComplete = true
  return { status: 200, error: null }
}

/** The head goes out with the first event: until then an upstream's refusal can still be told by its status. */
function begin({ answer, asked }: RunningCall, writer: AnswerWriter): string {
  const type = asked.isEvents ? 'text/event-stream; charset=utf-8' : 'application/json'
  answer.head({ status: 200, headers: { 'content-type': type, 'cache-control': 'no-cache' } })
  return writer.start()
}

/** An upstream that says the key must not tell it to the session. */
function withoutKey(event: ModelEvent, key: string | undefined): ModelEvent {
  if (event.kind === 'end') return event
  if (event.kind !== 'tool-call') return { ...event, text: withoutSecret(event.text, key) }
  const argumentsText = withoutSecret(event.call.argumentsText, key)
  return { ...event, call: { ...event.call, argumentsText } }
}

/** Counts an event; at the end the usage that is told is the one that is booked. */
function metered(call: RunningCall, event: ModelEvent, memory: ProviderMemory): ModelEvent {
  const { meter } = call.account
  if (event.kind === 'tool-call') {
    meter.text(event.call.name + event.call.argumentsText)
    if (event.call.providerData !== undefined)
      memory.keep(call.session, event.call.id, event.call.providerData)
    return event
  }
  if (event.kind !== 'end') {
    meter.text(event.text)
    return event
  }
  const { inputTokens, cachedTokens, outputTokens } = event.usage
  meter.report({ input: inputTokens, cached: cachedTokens, output: outputTokens })
  meter.complete()
  return { ...event, usage: meter.use() }
}

/** A failure of the models port as the client is to see it: the upstream's own status where it gave one. */
function modelFault(error: unknown): unknown {
  const fault = error instanceof SignalboxError ? error.cause : undefined
  if (!(fault instanceof ModelFault)) return error
  const { status, retryAfterMs } = fault
  const isAnswer = status !== null && status >= 400
  const sentence = `the model provider says: ${fault.message}`
  const failure = { cause: 'upstream_failed', sentence, retryAfterMs } as const
  return new CallFault('failed', isAnswer ? { ...failure, status } : failure, {
    upstreamStatus: status,
    isFree: isAnswer || !fault.isDelivered,
  })
}
