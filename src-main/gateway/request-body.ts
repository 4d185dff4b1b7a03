import type { IncomingMessage } from 'node:http'
import type { CanonicalRequest, GatewaySession } from '../ports/gateway.ts'
import { type TakenBody, takeIn } from './body-intake.ts'
import { type BodyFacts, type BodyReading, emptyReading, type ReadingWish, readBody } from './body-reading.ts'
import { createByteRoom } from './byte-room.ts'
import type { Asked, Failure } from './dialect-shape.ts'
import type { JsonObject } from './json-values.ts'
import type { LongRequests, SharedBody } from './long-requests.ts'
import type { GatewayLimits } from './running-call.ts'
import { createTurnPace } from './turn-pace.ts'

/** The body of a call that was let in. */
export interface RequestBody {
  /** As it came; empty once it was let go. */
  readonly bytes: Buffer
  readonly sizeBytes: number
  readonly facts: BodyFacts
  /** What identifies the call on the session's tape; undefined when there is none. */
  readonly canonical: CanonicalRequest | undefined
  /** The whole of a short body as a value. A long one is never a value on this thread, only `shared`. */
  readonly json: JsonObject | undefined
  readonly shared: SharedBody | undefined
  /** Nobody needs the bytes any more: their room is for others. */
  letGo(): void
}

export type BodyResult =
  | { readonly ok: true; readonly body: RequestBody }
  | { readonly ok: false; readonly failure: Failure }

export interface BodyOf {
  readonly request: IncomingMessage
  readonly session: GatewaySession
  readonly asked: Asked
  /** Fires when the client is gone. */
  readonly signal: AbortSignal
}

export interface RequestBodies {
  /** Takes in and reads a JSON object. Rejects when the client goes away. */
  read(of: BodyOf): Promise<BodyResult>
}

/** Taking in so much is work of a millisecond or less. */
const bytesPerTurn = 512 * 1024

/** Reads the bodies of calls: short ones at once, long ones on a thread; those of one session in the order in which they came. */
export function createRequestBodies(limits: GatewayLimits, threads: LongRequests | undefined): RequestBodies {
  const room = createByteRoom({ allBytes: limits.heldBytes, ownerBytes: limits.sessionBytes })
  const pace = createTurnPace(bytesPerTurn, setImmediate)
  const underWay = new WeakMap<GatewaySession, Promise<unknown>>()
  const shortBytes = threads ? limits.shortBytes : Number.POSITIVE_INFINITY
  /** Who comes later waits until this one is read, however short its own body is. */
  function follow(session: GatewaySession, reading: Promise<unknown>): void {
    const settled = Promise.allSettled([underWay.get(session), reading]).then(() => {
      if (underWay.get(session) === settled) underWay.delete(session)
    })
    underWay.set(session, settled)
  }
  return {
    async read({ request, session, asked, signal }) {
      const refusal = packedRefusal(request)
      if (refusal) return refusal
      const owner = session
      const { bodyBytes: maxBytes } = limits
      const taken = await takenBody(request, { maxBytes, shortBytes, room, pace, owner, signal })
      if (!taken) return tooLarge(maxBytes)
      const { tape } = session
      const wish = { asked, placeholders: tape ? session.placeholders : null }
      const { block, bytes } = taken
      if (!threads || !block || bytes.length <= shortBytes) {
        await underWay.get(session)
        return readHere(taken, wish)
      }
      const { dialect, kind, model, isStream } = asked
      const plain = { ...wish, asked: { dialect, kind, model, isStream } }
      const shared = { block, sizeBytes: bytes.length }
      const longWish = { ...plain, isRecorded: tape?.mode === 'record' }
      const before = underWay.get(session) ?? Promise.resolve()
      const reading = before.then(() => threads.read(shared, longWish, { owner: session, signal }))
      follow(session, reading)
      return await readThere(taken, shared, reading, signal)
    },
  }
}

function packedRefusal(request: IncomingMessage): Extract<BodyResult, { ok: false }> | undefined {
  const encoding = request.headers['content-encoding']
  if (request.method === 'GET' || encoding === undefined || encoding === 'identity') return undefined
  const sentence = `bodies packed as "${encoding.slice(0, 40)}" are not read`
  return { ok: false, failure: { cause: 'bad_request', status: 415, sentence } }
}

function tooLarge(maxBytes: number): BodyResult {
  const sentence = `the request is larger than ${Math.floor(maxBytes / 1048576)} MiB`
  return { ok: false, failure: { cause: 'too_large', sentence } }
}

const noBody: TakenBody = { bytes: Buffer.alloc(0), block: undefined, leave: () => undefined }

async function takenBody(
  request: IncomingMessage,
  powers: Parameters<typeof takeIn>[1],
): Promise<TakenBody | undefined> {
  return request.method === 'GET' ? noBody : await takeIn(request, powers)
}

function readHere(taken: TakenBody, wish: ReadingWish): BodyResult {
  if (taken === noBody) return resultOf(taken, emptyReading(wish), {}, undefined)
  const { reading, json } = readBody(taken.bytes, wish)
  return resultOf(taken, reading, json, undefined)
}

async function readThere(
  taken: TakenBody,
  shared: SharedBody,
  reading: Promise<BodyReading>,
  signal: AbortSignal,
): Promise<BodyResult> {
  try {
    return resultOf(taken, await reading, undefined, shared)
  } catch (error) {
    taken.leave()
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : 'the reading thread broke off'
    return {
      ok: false,
      failure: { cause: 'upstream_failed', sentence: `this long request could not be read: ${why}` },
    }
  }
}

function resultOf(
  taken: TakenBody,
  reading: BodyReading,
  json: JsonObject | undefined,
  shared: SharedBody | undefined,
): BodyResult {
  if (!reading.ok) {
    taken.leave()
    return reading
  }
  return { ok: true, body: createBody(taken, reading, json, shared) }
}

const empty = Buffer.alloc(0)

function createBody(
  { bytes, leave }: TakenBody,
  { facts, canonical }: Extract<BodyReading, { ok: true }>,
  json: JsonObject | undefined,
  shared: SharedBody | undefined,
): RequestBody {
  let held: { bytes: Buffer; json: JsonObject | undefined; shared: SharedBody | undefined } | undefined = {
    bytes,
    json,
    shared,
  }
  return {
    sizeBytes: bytes.length,
    facts,
    canonical,
    get bytes() {
      return held?.bytes ?? empty
    },
    get json() {
      return held?.json
    },
    get shared() {
      return held?.shared
    },
    letGo() {
      held = undefined
      leave()
    },
  }
}
