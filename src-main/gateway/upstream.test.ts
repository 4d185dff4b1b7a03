import { createHash } from 'node:crypto'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { testAuthority, testCertificate, testCertificateKey } from './test-certificates.ts'
import { createUpstream, type Upstream, UpstreamError } from './upstream.ts'

const open: { close(): void }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return (server.address() as AddressInfo).port
}

function upstreamWith(options: Parameters<typeof createUpstream>[0]): Upstream {
  const upstream = createUpstream(options)
  open.push(upstream)
  return upstream
}

/** A proxy that leads every name to one port of this machine, and writes down what it was asked. */
async function proxyTo(port: number): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const proxy = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('by the proxy')
  })
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`)
    const far = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(socket).pipe(far)
    })
    far.on('error', () => socket.destroy())
    socket.on('error', () => far.destroy())
  })
  return { url: `http://127.0.0.1:${await listening(proxy)}`, asked }
}

const never = new AbortController().signal
const get = (url: string) => ({ url, method: 'GET', headers: {} })

async function textOf(upstream: Upstream, url: string): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of await upstream.open(get(url), never)) parts.push(part)
  return Buffer.concat(parts).toString()
}

it('goes through the system proxy, and trusts an authority that was added', async () => {
  const port = await listening(
    createHttpsServer({ key: testCertificateKey, cert: testCertificate }, (_request, response) =>
      response.end('a model'),
    ),
  )
  const proxy = await proxyTo(port)
  const proxyEnv = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url }
  const trusting = upstreamWith({ proxyEnv, extraCertificates: [testAuthority] })
  expect(await textOf(trusting, 'https://models.test/v1/models')).toBe('a model')
  expect(await (await trusting.fetch('https://models.test/v1/models')).text()).toBe('a model')
  expect(await textOf(trusting, 'http://models.test/v1/x')).toBe('by the proxy')
  expect(proxy.asked).toEqual(['CONNECT models.test:443', 'GET http://models.test/v1/x'])
  const strict = upstreamWith({ proxyEnv, extraCertificates: [] })
  await expect(strict.open(get('https://models.test/'), never)).rejects.toThrow(UpstreamError)
})

it('goes past the proxy to what NO_PROXY names, and to this machine always', async () => {
  const port = await listening(createHttpServer((_request, response) => response.end('here')))
  const proxy = await proxyTo(port)
  const upstream = upstreamWith({
    proxyEnv: { http_proxy: proxy.url, no_proxy: 'direct.invalid' },
    extraCertificates: [],
  })
  expect(await textOf(upstream, `http://127.0.0.1:${port}/`)).toBe('here')
  await expect(upstream.open(get('http://direct.invalid/'), never)).rejects.toThrow(UpstreamError)
  expect(proxy.asked).toEqual([])
})

it('says whether the upstream can have had the request', async () => {
  const upstream = upstreamWith({ proxyEnv: {}, extraCertificates: [] })
  const refused = upstream.open(get('http://127.0.0.1:1/'), never)
  await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED', isDelivered: false })
  const port = await listening(createHttpServer((request) => request.socket.destroy()))
  const cut = upstream.open(get(`http://127.0.0.1:${port}/`), never)
  await expect(cut).rejects.toMatchObject({ code: 'ECONNRESET', isDelivered: true })
})

it('tries once more when an idle connection was closed by the other side', async () => {
  let count = 0
  const server = createHttpServer((request, response) => {
    count += 1
    // The second request on the first connection meets a closed door.
    if (count === 2) request.socket.resetAndDestroy()
    else response.end(`answer ${count}`)
  })
  const port = await listening(server)
  const upstream = upstreamWith({ proxyEnv: {}, extraCertificates: [] })
  expect(await textOf(upstream, `http://127.0.0.1:${port}/`)).toBe('answer 1')
  expect(await textOf(upstream, `http://127.0.0.1:${port}/`)).toBe('answer 3')
})

it('follows no redirects and can be given up', async () => {
  const server = createHttpServer((request, response) => {
    if (request.url === '/hang') return
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
  })
  const port = await listening(server)
  const upstream = upstreamWith({ proxyEnv: {}, extraCertificates: [] })
  expect((await upstream.fetch(`http://127.0.0.1:${port}/x`)).status).toBe(302)
  const abort = new AbortController()
  const hanging = upstream.open(get(`http://127.0.0.1:${port}/hang`), abort.signal)
  setTimeout(() => abort.abort(new Error('given up')), 20)
  await expect(hanging).rejects.toThrow('given up')
})

/** Takes a body in and says its length and digest, and how it was announced. */
function digesting(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256')
  let size = 0
  request.on('data', (part: Buffer) => {
    size += part.length
    hash.update(part)
  })
  request.on('end', () =>
    response.end(JSON.stringify([size, request.headers['content-length'], hash.digest('hex')])),
  )
}

it('sends a long body whole and announced, in pieces or as one, plain or encrypted', async () => {
  const tls = { key: testCertificateKey, cert: testCertificate }
  const proxy = await proxyTo(await listening(createHttpsServer(tls, digesting)))
  const upstream = upstreamWith({ proxyEnv: { HTTPS_PROXY: proxy.url }, extraCertificates: [testAuthority] })
  const plain = `http://127.0.0.1:${await listening(createHttpServer(digesting))}/`
  const block = Buffer.from(new SharedArrayBuffer(5_000_001)).fill('conversation ')
  const cuts = [0, 10, 300_000, 300_001, 4_000_000, block.length]
  const pieces = cuts.slice(1).map((end, at) => block.subarray(cuts[at], end))
  const expected = [block.length, String(block.length), createHash('sha256').update(block).digest('hex')]
  for (const url of [plain, 'https://models.test/'])
    for (const body of [block, pieces]) {
      const answer = await upstream.open({ url, method: 'POST', headers: {}, body }, never)
      const parts: Buffer[] = []
      for await (const part of answer) parts.push(part)
      expect(JSON.parse(Buffer.concat(parts).toString())).toEqual(expected)
    }
})

it('takes an answer that comes before the body is through, and can be given up in the middle', async () => {
  const early = await listening(
    createHttpServer((_request, response) => void response.writeHead(413).end('too much')),
  )
  const deaf = await listening(createHttpServer(() => undefined))
  const upstream = upstreamWith({ proxyEnv: {}, extraCertificates: [] })
  const body = Buffer.alloc(30_000_000)
  const to = (port: number) => ({ url: `http://127.0.0.1:${port}/`, method: 'POST', headers: {}, body })
  const answer = await upstream.open(to(early), never)
  expect(answer.statusCode).toBe(413)
  answer.destroy()
  const abort = new AbortController()
  const hanging = upstream.open(to(deaf), abort.signal)
  setTimeout(() => abort.abort(new Error('given up')), 20)
  await expect(hanging).rejects.toThrow('given up')
})
