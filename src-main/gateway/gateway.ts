import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { GatewaySession } from '../ports/gateway.ts'
import { createAnswer } from './answer.ts'
import { serveCall } from './call.ts'
import { meaningOf, withBody } from './call-path.ts'
import type { Asked, Failure } from './dialect-shape.ts'
import { shapes } from './dialects/all-dialects.ts'
import { keyOf, refusalAtDoor } from './doorkeeper.ts'
import { createRequestBodies, type RequestBodies } from './request-body.ts'
import { defaultLimits, type GatewayLimits, type HandlerPowers } from './running-call.ts'
import { createProviderMemory, type ProviderMemory } from './translate.ts'

export interface HandlerOptions {
  /** Bounds other than the usual ones. */
  readonly limits?: Partial<GatewayLimits>
  /** Host names besides loopback's under which sessions call, with port where there is one; for containers. */
  readonly hosts?: readonly string[]
  /** Ends running calls when it fires. */
  readonly closing?: AbortSignal
}

export interface GatewayOptions extends HandlerOptions {
  /** Loopback port; absent = a free one. */
  readonly port?: number
}

/** The listening gateway. */
export interface Gateway {
  /** `http://127.0.0.1:<port>`. */
  readonly address: string
  readonly port: number
  close(): Promise<void>
}

/** Answers one request; it can be put behind any server of Node. */
export type GatewayHandler = (request: IncomingMessage, response: ServerResponse) => void

interface Door {
  readonly powers: HandlerPowers
  readonly limits: GatewayLimits
  readonly hosts: readonly string[]
  readonly closing: AbortSignal
  readonly memory: ProviderMemory
  readonly bodies: RequestBodies
  readonly running: WeakMap<GatewaySession, number>
}

/** The gateway without a listener. */
export function createGatewayHandler(powers: HandlerPowers, options: HandlerOptions = {}): GatewayHandler {
  const limits = { ...defaultLimits, ...options.limits }
  const door: Door = {
    powers,
    limits,
    bodies: createRequestBodies(limits, powers.longRequests),
    hosts: options.hosts ?? [],
    closing: options.closing ?? new AbortController().signal,
    memory: createProviderMemory(),
    running: new WeakMap(),
  }
  return (request, response) => {
    response.on('error', () => undefined)
    serve(door, request, response).catch(() => response.destroy())
  }
}

async function serve(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const meaning = meaningOf(request.method ?? '', request.url ?? '', request.headers)
  const dialect =
    meaning.kind === 'asked'
      ? meaning.asked.dialect
      : meaning.kind === 'unknown'
        ? meaning.dialect
        : 'openai-chat'
  const refusal = refusalAtDoor(request, door.hosts)
  const refuse = (failure: Failure) => refuseCall(door, response, dialect, failure)
  if (refusal) return await refuse(refusal)
  if (meaning.kind === 'greeting') return void response.writeHead(200, { 'content-length': '0' }).end()
  const key = keyOf(request.headers, new URL(`http://gateway${request.url}`).searchParams)
  const session = key === undefined ? undefined : door.powers.sessionOf(key)
  if (!session)
    return await refuse({ cause: 'unknown_key', sentence: 'this key belongs to no running session' })
  if (meaning.kind === 'unknown') return await refuse(notOffered(request))
  await admitted(door, { request, response, session, asked: meaning.asked, refuse })
}

function notOffered(request: IncomingMessage): Failure {
  const path = (request.url ?? '').split('?')[0]?.slice(0, 100)
  return { cause: 'not_found', sentence: `the gateway does not offer ${request.method} ${path}` }
}

interface Admission {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly session: GatewaySession
  readonly asked: Asked
  refuse(failure: Failure): Promise<void>
}

async function admitted(door: Door, { request, response, session, asked, refuse }: Admission): Promise<void> {
  const { powers, limits, memory, bodies, closing, running } = door
  const count = running.get(session) ?? 0
  if (count >= limits.callsPerSession)
    return await refuse({ cause: 'busy', sentence: `this session already has ${count} calls running` })
  running.set(session, count + 1)
  const gone = new AbortController()
  const onClose = () => gone.abort(new Error('the client went away'))
  response.once('close', onClose)
  try {
    const read = await bodies.read({ request, session, asked, signal: gone.signal })
    response.off('close', onClose)
    if (!read.ok) return await refuse(read.failure)
    const { body } = read
    if (gone.signal.aborted) return body.letGo()
    const full = withBody(asked, body.facts.own)
    await serveCall({ request, response, asked: full, body, session, powers, limits, memory, closing })
  } finally {
    running.set(session, (running.get(session) ?? 1) - 1)
  }
}

const nothingUsed = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: null }

/** Refused before any session is known to pay, or to be shown. */
async function refuseCall(
  door: Door,
  response: ServerResponse,
  dialect: Asked['dialect'],
  failure: Failure,
): Promise<void> {
  const after = (ms: number, fn: () => void) => door.powers.clock.after(ms, fn)
  const answer = createAnswer({ response, shape: shapes[dialect], stallMs: door.limits.stallMs, after })
  response.shouldKeepAlive = false
  await answer.fail(failure, nothingUsed, { sequence: -1, isComplete: false, error: null })
}

/**
 * Opens the gateway on loopback. Rejects with the listen error (`EADDRINUSE`). `close` ends running calls, each with an
 * error to its client and its use booked.
 */
export async function createGateway(powers: HandlerPowers, options: GatewayOptions = {}): Promise<Gateway> {
  const closing = new AbortController()
  const signals = options.closing ? [options.closing, closing.signal] : [closing.signal]
  const handler = createGatewayHandler(powers, { ...options, closing: AbortSignal.any(signals) })
  const server = createServer(
    {
      maxHeaderSize: 32 * 1024,
      headersTimeout: 10_000,
      // An upload of a long conversation, not the answer to it.
      requestTimeout: 120_000,
      keepAliveTimeout: 65_000,
    },
    handler,
  )
  server.maxConnections = 1000
  const port = await listen(server, options.port ?? 0)
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        closing.abort()
        server.close(() => resolve())
        server.closeIdleConnections()
        const cancel = powers.clock.after(lastWordsMs, () => server.closeAllConnections())
        server.once('close', cancel)
      }),
  }
}

/** How long clients have to read why their call ended. */
const lastWordsMs = 250

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
