import { lookup } from 'node:dns/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LaunchSpec, NetworkDoor } from '../../ports/executor.ts'
import { type AddressGuard, parseAuthority } from './addresses.ts'

/** One session's way out: every connection from inside arrives here and is decided here. */
export interface SessionDoor {
  /** `way` is the loopback port of a forward inside, 0 for the proxy. */
  serve(way: number, socket: Socket): void
  close(): void
}

export interface SessionDoorOptions {
  readonly forwards: LaunchSpec['forwards']
  readonly ask: NetworkDoor
  readonly guard: AddressGuard
}

interface Target {
  readonly host: string
  readonly port: number
}

const maxConnections = 256
const connectTimeoutMs = 20_000
/** A model may think for minutes without a byte; longer silence is a connection that someone forgot. */
const idleMs = 15 * 60_000
const headersTimeoutMs = 15_000
const hopHeaders = ['proxy-connection', 'proxy-authorization', 'connection', 'keep-alive', 'te', 'upgrade']

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The CONNECT proxy and the forwards of one session. Names are looked up out here, and only after permission. */
export function createSessionDoor(options: SessionDoorOptions): SessionDoor {
  const open = new Set<Socket>()
  const proxy = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: headersTimeoutMs,
    requestTimeout: 0,
  })
  proxy.on('connect', (request, socket, head) => void tunnel(options, request, socket, head))
  proxy.on('request', (incoming, response) => void passOn(options, incoming, response))
  proxy.on('clientError', (_error, socket) => refuse(socket, 400, 'The request is not proper HTTP.'))

  return {
    serve(way, socket) {
      socket.on('error', () => socket.destroy())
      if (open.size >= maxConnections) return void socket.destroy()
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      socket.setTimeout(idleMs, () => socket.destroy())
      if (way === 0) return void proxy.emit('connection', socket)
      const forward = options.forwards.find(({ insidePort }) => insidePort === way)
      if (forward) void carry(options, forward, socket)
      else socket.destroy()
    },
    close() {
      proxy.close()
      for (const socket of open) socket.destroy()
    },
  }
}

async function tunnel(
  options: SessionDoorOptions,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const target = parseAuthority(incoming.url ?? '')
    if (!target) throw new Refusal(400, 'CONNECT needs a host and a port.')
    const outside = await reach(options, target)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) outside.write(head)
    pair(socket, outside)
  } catch (error) {
    const { status, message } = asRefusal(error)
    refuse(socket, status, message)
  }
}

async function passOn(
  options: SessionDoorOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url ?? '') : undefined
    if (url?.protocol !== 'http:')
      throw new Refusal(400, 'This is a proxy: it takes CONNECT and http:// addresses.')
    const target = parseAuthority(`${url.hostname}:${url.port || 80}`)
    if (!target) throw new Refusal(400, 'The address has no proper host.')
    const outside = await reach(options, target)
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !hopHeaders.includes(name)),
    )
    const onward = request({
      createConnection: () => outside,
      method: incoming.method,
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, connection: 'close' },
    })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => (response.headersSent ? response.destroy() : end(response, 502, 'No answer.')))
    response.on('close', () => onward.destroy())
    incoming.pipe(onward)
  } catch (error) {
    const { status, message } = asRefusal(error)
    end(response, status, message)
  }
}

async function carry(options: SessionDoorOptions, target: Target, socket: Socket): Promise<void> {
  try {
    pair(socket, await reach(options, target))
  } catch (error) {
    // Most forwards speak HTTP; a client that does not sees its connection end.
    const { status, message } = asRefusal(error)
    refuse(socket, status, message)
  }
}

/** Asks for permission, then finds an address that may be used, then connects to exactly that address. */
async function reach(options: SessionDoorOptions, wanted: Target): Promise<Socket> {
  // Some programs send even loopback through the proxy: a forward leads to the same place from there.
  const { host, port } = options.forwards.find((one) => isInside(one.insidePort, wanted)) ?? wanted
  const answer = options.ask(host, port)
  if (!answer.ok) throw new Refusal(403, answer.reason)
  const isForward = options.forwards.some((one) => one.host === host && one.port === port)
  const found = isIP(host) ? [{ address: host }] : await resolveName(host)
  const usable = isForward ? found : found.filter(({ address }) => !options.guard.isClosed(address))
  const first = usable[0]
  if (!first)
    throw new Refusal(403, `${host} leads to this machine or a private network, which is not open to agents.`)
  return await connectTo(first.address, port, `${host}:${port}`)
}

function isInside(insidePort: number, { host, port }: Target): boolean {
  return port === insidePort && (host === '127.0.0.1' || host === 'localhost')
}

async function resolveName(host: string): Promise<readonly { readonly address: string }[]> {
  try {
    return await lookup(host, { all: true })
  } catch {
    throw new Refusal(502, `${host} was not found.`)
  }
}

function connectTo(address: string, port: number, name: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true })
    const fail = () => {
      socket.destroy()
      reject(new Refusal(502, `${name} did not answer.`))
    }
    socket.once('error', fail)
    socket.setTimeout(connectTimeoutMs, fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      socket.setTimeout(idleMs, () => socket.destroy())
      resolve(socket)
    })
  })
}

function pair(a: Duplex, b: Duplex): void {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.destroy())
    // What was read before is still written; only then the other end closes too.
    one.on('close', () => (one.errored ? other.destroy() : other.end()))
    one.pipe(other)
  }
}

function asRefusal(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof Refusal) return error
  return { status: 502, message: 'The connection failed.' }
}

const reasons: Readonly<Record<number, string>> = { 400: 'Bad Request', 403: 'Forbidden', 502: 'Bad Gateway' }

function refuse(socket: Duplex, status: number, message: string): void {
  if (!socket.writable) return void socket.destroy()
  const body = `${message.replace(/[\r\n]+/g, ' ')}\n`
  const head = `HTTP/1.1 ${status} ${reasons[status] ?? 'Refused'}\r\nContent-Type: text/plain; charset=utf-8\r\n`
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
}

function end(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
  response.end(`${message}\n`)
}
