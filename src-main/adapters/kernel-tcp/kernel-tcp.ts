import { connect, createServer, type Server, type Socket } from 'node:net'
import type { SealedEnvelope } from '../../kernel/envelope.ts'
import type { IngressAnswer } from '../../kernel/routes.ts'
import { ByteBudget } from './framing.ts'
import { LinkError, type LinkHandler, type LinkOptions, TcpLink } from './tcp-link.ts'

const LOOPBACK = '127.0.0.1'
const DEFAULT_CONNECTIONS = 256
/** What unfinished frames of all connections may hold together. */
const DEFAULT_WAITING_BYTES = 64 * 1024 * 1024
const DEFAULT_CONNECT_MS = 5_000

export interface ServeOptions extends LinkOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Default: loopback only. */
  readonly host?: string
  /** Further connections are dropped. Default 256. */
  readonly maxConnections?: number
  readonly maxWaitingBytes?: number
}

/** A listening door for other kernels. */
export interface TcpServer {
  readonly port: number
  readonly connections: number
  close(): Promise<void>
}

/** Listens for other kernels; `handler` is a kernel's `receive`. Rejects when the address can't be had. */
export function serveTcp(handler: LinkHandler, options: ServeOptions): Promise<TcpServer> {
  const links = new Set<TcpLink>()
  const budget = new ByteBudget(options.maxWaitingBytes ?? DEFAULT_WAITING_BYTES)
  const server = createServer((socket) => {
    const link = new TcpLink(socket, { ...options, handler, budget })
    links.add(link)
    socket.on('close', () => links.delete(link))
  })
  server.maxConnections = options.maxConnections ?? DEFAULT_CONNECTIONS
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host ?? LOOPBACK, () => {
      server.off('error', reject)
      // A failed accept (no file descriptors left) must not end the daemon.
      server.on('error', () => undefined)
      resolve({
        port: portOf(server),
        get connections() {
          return links.size
        },
        close: () => closeServer(server, links),
      })
    })
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function closeServer(server: Server, links: ReadonlySet<TcpLink>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const link of [...links]) link.close()
  })
}

export interface DialOptions extends LinkOptions {
  /** Takes envelopes that the other end sends on this connection, for a machine that can't be called. */
  readonly handler?: LinkHandler
  readonly connectMs?: number
}

/** A way to another kernel, for its `connect`: opens a new connection when the old one is gone. */
export interface TcpRoute {
  readonly forward: (envelope: SealedEnvelope) => Promise<IngressAnswer>
  close(): void
}

/** Connects to another kernel's door. Rejects with LinkError when there is none. */
export async function dialTcp(host: string, port: number, options: DialOptions = {}): Promise<TcpRoute> {
  const route = new Route(host, port, options)
  await route.link()
  return route
}

class Route implements TcpRoute {
  readonly #host: string
  readonly #port: number
  readonly #options: DialOptions
  #link: TcpLink | undefined
  #connecting: Promise<TcpLink> | undefined
  #isClosed = false

  constructor(host: string, port: number, options: DialOptions) {
    this.#host = host
    this.#port = port
    this.#options = options
  }

  readonly forward = async (envelope: SealedEnvelope): Promise<IngressAnswer> => {
    const link = this.#link?.isClosed === false ? this.#link : await this.link()
    return link.forward(envelope)
  }

  /** The open connection, or the one that is being opened. */
  link(): Promise<TcpLink> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  close(): void {
    this.#isClosed = true
    this.#link?.close()
  }

  async #connect(): Promise<TcpLink> {
    if (this.#isClosed) throw new LinkError('E_LINK_CLOSED', true)
    const socket = await opened(this.#host, this.#port, this.#options.connectMs ?? DEFAULT_CONNECT_MS)
    const link = new TcpLink(socket, this.#options)
    this.#link = link
    if (this.#isClosed) link.close()
    return link
  }
}

function opened(host: string, port: number, connectMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const fail = (cause?: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(new LinkError('E_NOT_CONNECTED', true, cause ? { cause } : undefined))
    }
    const timer = setTimeout(() => fail(), connectMs)
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}
