import type { IncomingMessage } from 'node:http'
import { CallFault, cutBy } from './call-fault.ts'
import type { DialectShape } from './dialect-shape.ts'
import { shapes } from './dialects/all-dialects.ts'
import { createEventFrames, dataOf } from './event-frames.ts'
import { withMembers } from './json-members.ts'
import { isRecord, type JsonObject, parseJson, recordOf } from './json-values.ts'
import { createKeyFilter, withoutSecret } from './key-filter.ts'
import { type CallResult, createWatch, type RunningCall, type Watch } from './running-call.ts'
import { UpstreamError } from './upstream.ts'

/** Longest piece of an upstream's error that stands in the live view. */
const longestError = 500

/** Answers a call from an upstream that speaks the same dialect: the bytes of both sides go through as they are. */
export async function passThrough(call: RunningCall): Promise<CallResult> {
  const shape = shapes[call.route.dialect]
  const watch = createWatch(
    call,
    () => new CallFault('failed', { cause: 'upstream_silent', sentence: 'the model provider fell silent' }),
  )
  const signal = AbortSignal.any([call.signal, watch.signal])
  let isDelivered = false
  const onDelivered = () => {
    isDelivered = true
  }
  try {
    const { facts } = call.body
    const change = shape.patch(facts.own, call.asked, call.route.model)
    const hasChange = call.asked.kind !== 'list' && Object.keys(change).length > 0
    watch.kick(call.limits.firstByteMs)
    const message = await open(
      call,
      shape,
      {
        body: hasChange ? withMembers(call.body.bytes, facts.places, change) : [call.body.bytes],
        onDelivered,
      },
      signal,
    )
    // Who answers has taken it on, perhaps before it had all of it.
    isDelivered = true
    call.body.letGo()
    const isEvents = (message.headers['content-type'] ?? '').startsWith('text/event-stream')
    const isUsageOurs = 'stream_options' in change
    if (message.statusCode === 200 && isEvents)
      return await streamed(call, shape, { message, watch, isUsageOurs })
    return await whole(call, shape, { message, watch })
  } catch (error) {
    // Whoever ended it, nobody can have worked for what never arrived.
    if (!isDelivered) call.account.meter.waive()
    if (!call.signal.aborted && watch.signal.aborted) throw watch.signal.reason
    if (error instanceof CallFault || call.signal.aborted) throw error
    throw new CallFault(
      'failed',
      { cause: 'upstream_failed', sentence: brokenWords(error) },
      { isFree: isUnsent(error) },
    )
  } finally {
    watch.stop()
  }
}

function isUnsent(error: unknown): boolean {
  return error instanceof UpstreamError && !error.isDelivered
}

function brokenWords(error: unknown): string {
  if (error instanceof UpstreamError) return error.message
  return 'the model provider broke off in the middle of its answer'
}

async function open(
  call: RunningCall,
  shape: DialectShape,
  { body, onDelivered }: { readonly body: readonly Buffer[]; readonly onDelivered: () => void },
  signal: AbortSignal,
) {
  const { route, asked } = call
  const isGet = asked.kind === 'list'
  const message = await call.powers.upstream.open(
    {
      url: route.baseUrl + shape.upstreamPath(asked, route.model),
      method: isGet ? 'GET' : 'POST',
      headers: {
        ...call.headers,
        ...(route.apiKey === undefined ? {} : shape.keyHeaders(route.apiKey)),
        'accept-encoding': 'identity',
      },
      body: isGet ? undefined : body,
      onDelivered,
    },
    signal,
  )
  const encoding = message.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    message.destroy()
    throw new CallFault('failed', {
      cause: 'upstream_failed',
      sentence: 'the model provider packed its answer although it was asked not to',
    })
  }
  return message
}

/** Headers that say something about this connection, or about the account behind the key, stay here. */
const keptBack =
  /^(?:connection|keep-alive|transfer-encoding|content-length|te|trailer|upgrade|proxy-.*|set-cookie|alt-svc|strict-transport-security|server|via|.*organization|.*project)$/

function clientHeaders(message: IncomingMessage, apiKey: string | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !keptBack.test(name) ? [[name, withoutSecret(value, apiKey)]] : [],
    ),
  )
}

interface Streaming {
  readonly message: IncomingMessage
  readonly watch: Watch
  /** The client did not ask for the usage that we had the upstream tell. */
  readonly isUsageOurs: boolean
}

async function streamed(call: RunningCall, shape: DialectShape, streaming: Streaming): Promise<CallResult> {
  const { message, watch } = streaming
  const { account, answer, route, state, limits } = call
  const filter = createKeyFilter(route.apiKey)
  const frames = createEventFrames()
  answer.head({ status: 200, headers: clientHeaders(message, route.apiKey) })
  for await (const chunk of message) {
    account.firstByte()
    const passed = readFrames(frames.take(filter.pass(chunk)), call, shape, streaming.isUsageOurs)
    const verdict = account.step()
    if (!verdict.ok) throw cutBy(verdict)
    const waiting = passed.length === 0 ? undefined : answer.write(joined(passed), account.use())
    // A slow client is not the upstream's silence.
    if (waiting !== undefined) watch.kick(2 * limits.stallMs)
    await waiting
    watch.kick(limits.idleMs)
  }
  const rest = Buffer.concat([...frames.take(filter.rest()), frames.rest()])
  if (rest.length > 0) {
    readFrames([rest], call, shape, false)
    await answer.write(rest, account.use())
  }
  if (!state.isComplete && state.error === null) throw new Error('the stream ended without its last event')
  answer.end()
  const error = state.error === null ? null : withoutSecret(state.error, route.apiKey).slice(0, longestError)
  return { status: 200, error }
}

function joined(frames: readonly Buffer[]): Buffer {
  const [only] = frames
  return frames.length === 1 && only ? only : Buffer.concat(frames)
}

/** Reads events for the meter; gives back those that the client is to have. Broken ones go on as they are. */
function readFrames(
  frames: readonly Buffer[],
  call: RunningCall,
  shape: DialectShape,
  isUsageOurs: boolean,
): Buffer[] {
  const passed = frames.filter((frame) => {
    const data = dataOf(frame)
    if (data === '[DONE]') call.state.isComplete = true
    const event = data === undefined ? undefined : parseJson(data)
    if (!isRecord(event)) return true
    shape.observe(event, call.account.meter, call.state)
    return !(isUsageOurs && isOnlyUsage(event))
  })
  if (call.state.isComplete) call.account.meter.complete()
  return passed
}

function isOnlyUsage(event: JsonObject): boolean {
  return Array.isArray(event.choices) && event.choices.length === 0 && isRecord(event.usage)
}

/** Answers in one piece: known whole before any of it goes on, so that the budget is asked first. */
async function whole(
  call: RunningCall,
  shape: DialectShape,
  { message, watch }: Omit<Streaming, 'isUsageOurs'>,
): Promise<CallResult> {
  const { account, answer, route, limits, asked } = call
  const filter = createKeyFilter(route.apiKey)
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    account.firstByte()
    watch.kick(limits.idleMs)
    size += chunk.length
    if (size > limits.answerBytes) throw new Error('the answer is too long')
    parts.push(filter.pass(chunk))
  }
  const bytes = Buffer.concat([...parts, filter.rest()])
  const status = message.statusCode ?? 502
  const headers = { ...clientHeaders(message, route.apiKey), 'content-length': String(bytes.length) }
  const isGood = status >= 200 && status < 300
  if (!isGood || asked.kind !== 'generate') account.meter.waive()
  else observeWhole(bytes, call, shape)
  const verdict = account.step()
  if (!verdict.ok) throw cutBy(verdict)
  answer.head({ status, headers })
  await answer.write(bytes, account.use())
  answer.end()
  return { status, error: isGood ? null : errorWords(bytes, status) }
}

/** Gemini without `alt=sse` streams one array of answers; its usage stands in the last one. */
function observeWhole(bytes: Buffer, call: RunningCall, shape: DialectShape): void {
  const value = parseJson(bytes.toString('utf8'))
  for (const one of Array.isArray(value) ? value : [value])
    shape.observeWhole(recordOf(one), call.account.meter)
  call.account.meter.complete()
}

function errorWords(bytes: Buffer, status: number): string {
  const body = recordOf(parseJson(bytes.subarray(0, 64 * 1024).toString('utf8')))
  const { message } = recordOf(body.error)
  const words = typeof message === 'string' ? message : typeof body.error === 'string' ? body.error : ''
  return `HTTP ${status}${words === '' ? '' : `: ${words}`}`.slice(0, longestError)
}
