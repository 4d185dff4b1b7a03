import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { sendBody, sizeOf, sliceBytes } from './body-sender.ts'
import { createTurnPace } from './turn-pace.ts'

export interface UpstreamOptions {
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` in either spelling; others are not looked at. Loopback goes by no proxy. */
  readonly proxyEnv: Readonly<Record<string, string | undefined>>
  /** Certificates in PEM that are trusted besides the system's and Node's own. */
  readonly extraCertificates: readonly string[]
}

export interface UpstreamRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** Bytes, or pieces of them that follow each other. */
  readonly body?: Uint8Array | readonly Uint8Array[] | undefined
  /** Told as soon as the upstream may have the whole of it, and so may work for it. */
  readonly onDelivered?: () => void
}

/** The way to model providers: one pool of connections, through the system's proxy, trusting the system's authorities. */
export interface Upstream {
  /** Sends a request; resolves with the head of the answer, whatever its status. Rejects with {@link UpstreamError}. */
  open(request: UpstreamRequest, signal: AbortSignal): Promise<IncomingMessage>
  /** The same way for libraries that want a `fetch`: no redirects, bodies as text or bytes. */
  readonly fetch: typeof globalThis.fetch
  close(): void
}

/** The upstream could not be asked, or went away before it answered. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly code: string
  /** False when it is certain that the upstream never had the whole request. */
  readonly isDelivered: boolean

  constructor(cause: unknown, isDelivered: boolean) {
    const code = codeOf(cause)
    super(wordsFor(code, cause), { cause })
    this.code = code
    this.isDelivered = isDelivered
  }
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the model provider refuses connections',
  ENOTFOUND: 'the address of the model provider is not known',
  EAI_AGAIN: 'the address of the model provider cannot be looked up',
  ECONNRESET: 'the model provider broke the connection off',
  ETIMEDOUT: 'the model provider cannot be reached',
  ERR_PROXY_TUNNEL: 'the proxy does not let us through to the model provider',
}

function wordsFor(code: string, cause: unknown): string {
  const known = words[code] ?? (code.includes('CERT') ? 'the certificate is not trusted' : undefined)
  const reason = known ?? (cause instanceof Error ? cause.message : String(cause))
  return code === 'UNKNOWN' ? reason : `${reason} (${code})`
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/
const pool = { keepAlive: true, maxFreeSockets: 32, scheduling: 'lifo' } as const

export function createUpstream(options: UpstreamOptions): Upstream {
  const agents = createAgents(options)
  const pace = createTurnPace(sliceBytes, setImmediate)
  function start(request: UpstreamRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const url = new URL(request.url)
      const body = request.body instanceof Uint8Array ? [request.body] : (request.body ?? [])
      // Told beforehand: what is sent in slices would go in chunks otherwise, which not every server takes.
      const length = request.body ? { 'content-length': String(sizeOf(body)) } : {}
      const headers = { ...request.headers, ...length }
      const init = { method: request.method, headers, agent: agents.of(url), signal }
      const sending = url.protocol === 'https:' ? httpsRequest(url, init) : httpRequest(url, init)
      let isDelivered = false
      sending.once('finish', () => {
        isDelivered = true
        request.onDelivered?.()
      })
      sending.once('response', resolve)
      sending.once('error', (error) =>
        reject(isStale(sending, error) ? 'stale' : new UpstreamError(error, isDelivered)),
      )
      sendBody(sending, body, pace)
    })
  }
  async function open(request: UpstreamRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await start(request, signal)
    } catch (error) {
      signal.throwIfAborted()
      // An idle connection that the other side had closed in the meantime: nothing was answered, once more on another.
      if (error === 'stale') return await start(request, signal).catch(toUpstreamError)
      return toUpstreamError(error)
    }
  }
  return { open, fetch: createFetch(open), close: agents.close }
}

function toUpstreamError(error: unknown): never {
  throw error instanceof UpstreamError ? error : new UpstreamError(error, true)
}

function isStale(request: ClientRequest, error: unknown): boolean {
  const code = codeOf(error)
  return request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
}

/** Made on first use: reading the system's authorities takes tens of milliseconds. */
function createAgents({ proxyEnv, extraCertificates }: UpstreamOptions) {
  const made = new Map<string, HttpAgent | HttpsAgent>()
  let secureContext: SecureContext | undefined
  function trusted(): SecureContext {
    if (secureContext) return secureContext
    const all = [...getCACertificates('default'), ...getCACertificates('system'), ...extraCertificates]
    secureContext = createSecureContext({ ca: [...new Set(all)] })
    return secureContext
  }
  function make(isSecure: boolean, isLocal: boolean): HttpAgent | HttpsAgent {
    const proxy = isLocal ? {} : { proxyEnv }
    return isSecure
      ? new HttpsAgent({ ...pool, ...proxy, secureContext: trusted() })
      : new HttpAgent({ ...pool, ...proxy })
  }
  return {
    of(url: URL): HttpAgent | HttpsAgent {
      const isSecure = url.protocol === 'https:'
      const isLocal = loopback.test(url.hostname)
      const key = `${isSecure} ${isLocal}`
      const agent = made.get(key) ?? make(isSecure, isLocal)
      made.set(key, agent)
      return agent
    },
    close() {
      for (const agent of made.values()) agent.destroy()
      made.clear()
    },
  }
}

type Open = Upstream['open']

const withoutBody = new Set([204, 205, 304])

function createFetch(open: Open): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const headers = Object.fromEntries(new Headers(init.headers))
    const url = input instanceof Request ? input.url : String(input)
    const signal = init.signal ?? new AbortController().signal
    const answer = await open(
      {
        url,
        method: init.method ?? 'GET',
        headers: { ...headers, 'accept-encoding': 'identity' },
        body: bytesOf(init.body),
      },
      signal,
    )
    const status = answer.statusCode ?? 502
    const isEmpty = withoutBody.has(status)
    if (isEmpty) answer.resume()
    return new Response(isEmpty ? null : streamOf(answer), { status, headers: plainHeaders(answer) })
  }
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  throw new TypeError('this fetch sends text and bytes only')
}

function plainHeaders(answer: IncomingMessage): [string, string][] {
  return Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  )
}

function streamOf(answer: IncomingMessage): ReadableStream<Uint8Array> {
  const parts = answer[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await parts.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel() {
      answer.destroy()
    },
  })
}
