import { request } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { LongRequests } from './long-requests.ts'
import { ask, openBed, requestIn, routeTo, type TestBed } from './test-gateway.ts'

let bed: TestBed
const opened: { readonly server: Server; readonly sockets: Socket[] }[] = []
afterEach(async () => {
  expect(bed.session.running()).toBe(0)
  await bed.close()
  for (const { server, sockets } of opened.splice(0)) {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

/** A provider that takes connections and reads nothing; what it is sent beyond the buffers in between never arrives. */
async function openDeaf() {
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({ server, sockets })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, connections: () => sockets.length }
}

const nothing = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: 0 }
const long = 'Some words that are sent. '.repeat(1_000_000)

it('costs nothing when the client goes before the upstream has all of its request', async () => {
  const deaf = await openDeaf()
  bed = await openBed({ route: (asked) => routeTo(deaf.url, asked) })
  const abort = new AbortController()
  const asking = ask(bed, 'anthropic', { ...requestIn('anthropic', true, long), signal: abort.signal })
  await expect.poll(() => deaf.connections()).toBe(1)
  abort.abort()
  await expect(asking).rejects.toThrow()
  await expect.poll(() => bed.session.outcomes).toMatchObject([{ end: 'aborted', use: nothing }])
})

it('costs the input when the client goes after the upstream had all of it', async () => {
  const deaf = await openDeaf()
  bed = await openBed({ route: (asked) => routeTo(deaf.url, asked) })
  const abort = new AbortController()
  const asking = ask(bed, 'anthropic', {
    ...requestIn('anthropic', true, 'short words '.repeat(1000)),
    signal: abort.signal,
  })
  await expect.poll(() => deaf.connections()).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  abort.abort()
  await expect(asking).rejects.toThrow()
  await expect.poll(() => bed.session.outcomes).toMatchObject([{ end: 'aborted' }])
  expect(bed.session.booked().inputTokens).toBeGreaterThan(2000)
})

it('costs nothing when a provider does not even take the request', async () => {
  const deaf = await openDeaf()
  bed = await openBed({ route: (asked) => routeTo(deaf.url, asked), limits: { firstByteMs: 300 } })
  const answer = await ask(bed, 'openai-chat', requestIn('openai-chat', true, long))
  expect(answer.status).toBe(504)
  expect(bed.session.outcomes).toMatchObject([{ end: 'failed', use: nothing }])
})

it('costs nothing when the client goes while its request is translated', async () => {
  const translating = Promise.withResolvers<void>()
  const facts = { own: {}, places: { start: 1, isEmpty: true, found: [] }, textBytes: 400_000 }
  const longRequests: LongRequests = {
    read: () => Promise.resolve({ ok: true, facts, canonical: undefined }),
    translate: (_body, _wish, { signal }) =>
      new Promise((_, reject) => {
        translating.resolve()
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  bed = await openBed({ longRequests, upstream: 'anthropic', limits: { shortBytes: 0 } })
  const abort = new AbortController()
  const asking = ask(bed, 'openai-chat', { ...requestIn('openai-chat', true), signal: abort.signal })
  await translating.promise
  expect(bed.session.openings[0]?.estimate.inputTokens).toBe(100_000)
  abort.abort()
  await expect(asking).rejects.toThrow()
  await expect.poll(() => bed.session.outcomes).toMatchObject([{ end: 'aborted', use: nothing }])
  expect(bed.server.requests).toEqual([])
})

it('asks no upstream for a call whose body came in while the gateway closed', async () => {
  bed = await openBed({ script: () => ({ text: ['Yes.'] }) })
  const { path, body } = requestIn('openai-chat', true)
  const bytes = Buffer.from(body ?? '')
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sending = request(
      `${bed.gateway.address}${path}`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${bed.key}`, 'content-length': String(bytes.length) },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    )
    sending.on('error', reject)
    sending.write(bytes.subarray(0, 10))
    setTimeout(() => {
      void bed.gateway.close()
      sending.end(bytes.subarray(10))
    }, 50)
  })
  expect(status).toBe(502)
  expect(bed.server.requests).toEqual([])
  expect(bed.session.openings).toEqual([])
  expect(bed.rows.at(-1)).toMatchObject({ state: 'failed', error: 'the gateway is closing' })
})
