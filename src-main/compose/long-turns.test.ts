import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, expect, it } from 'vitest'
import { createModels } from '../adapters/models/models.ts'
import { createGatewayHandler } from '../gateway/gateway.ts'
import type { LongRequests } from '../gateway/long-requests.ts'
import { createPurse, routeTo, send } from '../gateway/test-gateway.ts'
import { createUpstream } from '../gateway/upstream.ts'
import type { CallRow } from '../ports/gateway.ts'
import { createLongRequests } from './long-requests.ts'
import { createRecordingTape } from './model-tape.ts'

const clock = { after: () => () => undefined }
const log = { info() {}, warn() {}, error() {} }
const longRequests = createLongRequests({ secrets: () => [], log, clock })
afterAll(() => longRequests.close())

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Counts turns of the event loop: who holds the thread in one stretch lets none pass. */
function countTurns() {
  let turns = 0
  let isOver = false
  const next = () => {
    turns += 1
    if (!isOver) setImmediate(next)
  }
  next()
  closing.push(() => {
    isOver = true
  })
  return () => turns
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Takes everything in and says how much it was; to be read as an error in any dialect. */
function swallow(request: IncomingMessage, response: ServerResponse): void {
  let size = 0
  request.on('data', (part: Buffer) => {
    size += part.length
  })
  request.on('end', () =>
    response.writeHead(400).end(JSON.stringify({ error: { message: `${size} bytes` } })),
  )
}

/** The turns that pass in each step of one recorded call. */
async function turnsOf(body: Buffer, upstreamDialect: 'openai-chat' | 'anthropic', long?: LongRequests) {
  const turns = countTurns()
  const at: Record<string, number> = {}
  const mark = (what: string) => {
    at[what] ??= turns()
  }
  const far = await listen(swallow)
  const real = createUpstream({ proxyEnv: {}, extraCertificates: [] })
  const upstream = {
    ...real,
    async open(...request: Parameters<typeof real.open>) {
      mark('sent')
      const answer = await real.open(...request)
      mark('answered')
      return answer
    },
    fetch: async (...request: Parameters<typeof fetch>) => {
      mark('sent')
      const answer = await real.fetch(...request)
      mark('answered')
      return answer
    },
  }
  const models = createModels({ clock: { nowMs: Date.now }, fetch: upstream.fetch })
  const session = createPurse(Number.POSITIVE_INFINITY)
  session.tape = createRecordingTape(
    () => ({ end: () => undefined }),
    (text) => text,
  )
  const handler = createGatewayHandler({
    sessionOf: () => session,
    route() {
      mark('read')
      return Promise.resolve({ ok: true, route: routeTo(far, upstreamDialect) })
    },
    onCall: (row: CallRow) => mark(row.state),
    clock: { nowMs: Date.now, after: () => () => undefined },
    ids: { short: () => 'call1' },
    upstream,
    models,
    longRequests: long,
  })
  const address = await listen((request, response) => {
    request.once('end', () => mark('taken'))
    mark('begun')
    handler(request, response)
  })
  closing.push(models.close, real.close)
  const headers = { authorization: 'Bearer key', 'content-length': String(body.length) }
  const answer = await send(address, { path: '/v1/chat/completions', headers, body })
  expect(answer.body.toString()).toContain('bytes')
  const between = (from: string, to: string) => (at[to] ?? Number.NaN) - (at[from] ?? Number.NaN)
  return {
    taking: between('begun', 'taken'),
    reading: between('taken', 'read'),
    writing: between('read', 'sent'),
    sending: between('sent', 'answered'),
  }
}

/** A long conversation of an agent, or one picture. */
function bodyOf(kind: 'conversation' | 'picture', bytes: number): Buffer {
  const text = 'Read src/call.ts at line 128 on 2026-11-21; it took 12.5 ms, said "pid 4711". '.repeat(20)
  const picture = () => `data:image/png;base64,${Buffer.alloc((bytes * 3) / 4, text).toString('base64')}`
  const messages =
    kind === 'picture'
      ? [{ role: 'user', content: [{ type: 'image_url', image_url: { url: picture() } }] }]
      : Array.from({ length: bytes / text.length }, (_, at) => ({
          role: at % 2 === 0 ? 'user' : 'assistant',
          content: `${text}${at}`,
        }))
  return Buffer.from(JSON.stringify({ model: 'asked', stream: true, messages }))
}

// In one turn half a MiB is taken in, from all connections together.
const reads = Math.floor(30_000_000 / (512 * 1024 + 64 * 1024))
// Slices of 256 KiB, each in a turn of its own.
const slices = Math.floor(30_000_000 / (256 * 1024))

it.each(['conversation', 'picture'] as const)(
  'lets other work pass while 30 MB of a %s are taken in, read, and sent on',
  async (kind) => {
    const turns = await turnsOf(bodyOf(kind, 30_000_000), 'openai-chat', longRequests)
    expect(turns.taking).toBeGreaterThanOrEqual(reads)
    expect(turns.reading).toBeGreaterThan(100)
    expect(turns.sending).toBeGreaterThanOrEqual(slices)
  },
  60_000,
)

it('lets other work pass while 30 MB are translated', async () => {
  const turns = await turnsOf(bodyOf('conversation', 30_000_000), 'anthropic', longRequests)
  expect(turns.reading).toBeGreaterThan(100)
  expect(turns.writing).toBeGreaterThan(100)
  expect(turns.sending).toBeGreaterThanOrEqual(slices)
}, 60_000)

it('would show a thread that is held: without another one no turn passes', async () => {
  const turns = await turnsOf(bodyOf('conversation', 3_000_000), 'openai-chat')
  expect(turns.reading).toBeLessThan(5)
})
