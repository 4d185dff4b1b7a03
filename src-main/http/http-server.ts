import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorTable, isErrorCode, SignalboxError, type WireError } from '../contract/errors.ts'
import type { Actor, Plane } from '../contract/procedure.ts'
import type { Router } from '../wire/router.ts'
import { guard } from './guard.ts'
import { sendStream } from './sse.ts'

/** Largest request body: prompts are at most 100,000 characters. */
export const maxBodyBytes = 1024 * 1024

export interface DoorOptions {
  readonly router: Router
  readonly token: () => string
  readonly actor: Actor
  /** What `GET /metrics` answers, in Prometheus text format; absent = there is no such route. */
  readonly metrics?: () => string
  /** An owner-only Unix socket (named pipe on Windows) or a loopback port; 0 picks a free one. */
  readonly address: { readonly socketPath: string } | { readonly port: number }
}

export interface Door {
  /** The port, or null for a socket. */
  readonly port: number | null
  close(): Promise<void>
}

/** Opens one HTTP door. Rejects with the listen error (`EADDRINUSE`, `EACCES`). */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const sockets = new Set<Socket>()
  let port: number | null = null
  const hosts = () => (port === null ? ['signalbox'] : [`127.0.0.1:${port}`, `localhost:${port}`])
  const server = createServer(
    { maxHeaderSize: 16 * 1024, requestTimeout: 30_000, headersTimeout: 10_000 },
    (request, response) => {
      void serve(request, response, options, hosts).catch(() => response.destroy())
    },
  )
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await listen(server, options.address)
  const bound = server.address()
  if (typeof bound === 'object' && bound !== null) port = bound.port
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function listen(server: Server, address: DoorOptions['address']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const done = () => {
      server.off('error', reject)
      resolve()
    }
    if ('socketPath' in address) server.listen(address.socketPath, done)
    else server.listen(address.port, '127.0.0.1', done)
  })
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: DoorOptions,
  hosts: () => readonly string[],
): Promise<void> {
  const refusal = guard(request, { token: options.token, hosts })
  if (refusal) {
    const code = refusal.status === 401 ? 'unauthorised' : 'forbidden'
    return reply(response, refusal.status, {
      error: { code, message: refusal.reason, data: { reason: refusal.reason } },
    })
  }
  if (options.metrics && request.url === '/metrics' && request.method === 'GET')
    return send(response, 200, metricsType, options.metrics())
  const path = readPath(request)
  const controller = new AbortController()
  response.on('close', () => controller.abort())
  try {
    const call = await readCall(request, options.router, path)
    if (call.kind === 'stream')
      return await sendStream(response, options.router, {
        path,
        ...call,
        actor: options.actor,
        signal: controller.signal,
      })
    const value = await options.router.call(path, call.input, {
      actor: options.actor,
      signal: controller.signal,
      commandId: call.commandId,
    })
    reply(response, 200, { value })
  } catch (thrown) {
    replyError(response, options.router.toWireError(thrown, path))
  }
}

/** `/v1/session/list?…` → `session.list`; anything else → an empty path, which no procedure has. */
function readPath(request: IncomingMessage): string {
  const match = /^\/v1\/([A-Za-z]{1,40})\/([A-Za-z]{1,40})(?:\?|$)/.exec(request.url ?? '')
  return match ? `${match[1]}.${match[2]}` : ''
}

interface ReadCall {
  readonly kind: 'query' | 'command' | 'stream'
  readonly plane: Plane | undefined
  readonly input: unknown
  readonly commandId: string | undefined
  readonly afterCursor: number | undefined
}

async function readCall(request: IncomingMessage, router: Router, path: string): Promise<ReadCall> {
  const procedure = router.find(path)
  if (!procedure) throw new SignalboxError('unknown_procedure', { name: (request.url ?? '').slice(0, 100) })
  const isPost = request.method === 'POST'
  const isGet = request.method === 'GET'
  if (!(isPost || (isGet && procedure.kind !== 'command')))
    throw invalid('method', `use ${procedure.kind === 'command' ? 'POST' : 'GET or POST'}`)
  const input = isPost ? await readBody(request) : readQuery(request)
  const commandId = request.headers['x-command-id']
  return {
    kind: procedure.kind,
    plane: procedure.kind === 'stream' ? procedure.plane : undefined,
    input,
    commandId: typeof commandId === 'string' ? commandId : undefined,
    afterCursor: procedure.kind === 'stream' ? readLastEventId(request, procedure.plane) : undefined,
  }
}

const invalid = (path: string, message: string) =>
  new SignalboxError('invalid_input', { issues: [{ path, message }] })

function readQuery(request: IncomingMessage): unknown {
  const text = new URL(request.url ?? '/', 'http://signalbox').searchParams.get('input')
  return text === null ? {} : parseJson(text)
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw invalid('content-type', 'use application/json')
  const chunks = await readBounded(request)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? {} : parseJson(text)
}

/** Reads to the end even when the body is too large, up to four times the limit, so that the answer reaches the client. */
function readBounded(request: IncomingMessage): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBodyBytes) chunks.push(chunk)
      else if (size > 4 * maxBodyBytes) request.destroy()
    })
    request.on('error', reject)
    request.on('close', () => reject(new SignalboxError('cancelled', {})))
    request.on('end', () => {
      if (size <= maxBodyBytes) resolve(chunks)
      else reject(new SignalboxError('too_large', { limitBytes: maxBodyBytes }))
    })
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('body', 'not valid JSON')
  }
}

/** `<plane>:<cursor>`; an id of another plane is refused rather than taken for a number of this one. */
function readLastEventId(request: IncomingMessage, plane: Plane): number | undefined {
  const header = request.headers['last-event-id']
  if (header === undefined) return undefined
  const match = /^([a-z]+):(\d{1,15})$/.exec(String(header))
  if (!match || match[1] !== plane) throw invalid('last-event-id', `expected ${plane}:<number>`)
  return Number(match[2])
}

/** The type that Prometheus asks for, version and all. */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

function reply(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body))
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  if (response.headersSent || response.destroyed) return void response.end()
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 200 ? {} : { connection: 'close' }),
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

function replyError(response: ServerResponse, error: WireError): void {
  const status = isErrorCode(error.code) ? errorTable[error.code].status : 500
  reply(response, status, { error })
}
