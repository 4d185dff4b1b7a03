import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttpClient, createHttpRouter } from '../wire/http-client.ts'
import { memoryPorts } from '../wire/port.ts'
import { createPortClient } from '../wire/port-client.ts'
import { servePort } from '../wire/port-server.ts'
import { suiteContract, suiteRouter, wireSuite } from '../wire/wire.suite.ts'
import { type Door, openDoor } from './http-server.ts'
import { createUnixExchange } from './unix-exchange.ts'

const token = 'a-token-of-the-state-directory-0123456789'
const actor = { kind: 'operator', id: 'cli' } as const
let folder = ''
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sbx-http-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const newId = () => crypto.randomUUID()

describe('HTTP over a Unix socket', () =>
  wireSuite(async (state) => {
    const socketPath = join(folder, `door-${count++}`)
    const door = await openDoor({ router: state.router, token: () => token, actor, address: { socketPath } })
    const client = createHttpClient(suiteContract, {
      exchange: createUnixExchange(socketPath),
      token: () => token,
      newId,
    })
    return { client, close: () => door.close() }
  }))

describe('a window served from another daemon', () =>
  wireSuite(async (state) => {
    const socketPath = join(folder, `door-${count++}`)
    const door = await openDoor({ router: state.router, token: () => token, actor, address: { socketPath } })
    const relay = createHttpRouter(suiteContract, {
      exchange: createUnixExchange(socketPath),
      token: () => token,
      newId,
    })
    const [left, right] = memoryPorts()
    const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
    const server = servePort(left, relay, { actor, nextTurn, setTimer: (fn, ms) => void setTimeout(fn, ms) })
    const { client } = createPortClient(suiteContract, right, { newId })
    return {
      client,
      close: async () => {
        server.close()
        await door.close()
      },
    }
  }))

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Record<string, unknown>
}

function fetchRaw(
  port: number,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', path = '/v1/echo/say', headers = {}, body = '{"text":"hi"}' } = options
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }))
    })
    request.end(method === 'POST' ? body : undefined)
  })
}

describe('the loopback door', () => {
  let door: Door
  let port = 0
  beforeAll(async () => {
    door = await openDoor({ router: suiteRouter().router, token: () => token, actor, address: { port: 0 } })
    port = door.port ?? 0
  })
  afterAll(() => door.close())

  it('listens on loopback and admits the token only', async () => {
    expect((await fetchRaw(port, {})).status).toBe(200)
    for (const authorization of [
      '',
      'Bearer x',
      `Bearer ${token}x`,
      `bearer ${token}`,
      `Basic ${token}`,
      `Bearer ${token.slice(1)}`,
    ]) {
      expect((await fetchRaw(port, { headers: { authorization } })).status).toBe(401)
    }
  })

  it('refuses foreign hosts before it looks at the token, and every web page', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      'localhost',
      `0.0.0.0:${port}`,
    ]) {
      expect((await fetchRaw(port, { headers: { host } })).status).toBe(421)
    }
    for (const origin of ['null', 'http://evil.example', `http://127.0.0.1:${port}`]) {
      expect((await fetchRaw(port, { headers: { origin } })).status).toBe(403)
    }
    expect((await fetchRaw(port, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
    const answer = await fetchRaw(port, { method: 'OPTIONS', headers: { origin: 'http://evil.example' } })
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('gives a clear error for each bad request', async () => {
    const cases = [
      { options: { body: '{' }, status: 400, word: 'not valid JSON' },
      { options: { headers: { 'content-type': 'text/plain' } }, status: 400, word: 'application/json' },
      { options: { body: `{"text":"${'x'.repeat(1024 * 1024)}"}` }, status: 413, word: 'too_large' },
      { options: { path: '/v1/echo/nothing' }, status: 404, word: 'unknown_procedure' },
      { options: { path: '/v1/__proto__/constructor' }, status: 404, word: 'unknown_procedure' },
      { options: { path: '/../../etc/passwd' }, status: 404, word: 'unknown_procedure' },
      { options: { method: 'DELETE' }, status: 400, word: 'POST' },
      { options: { method: 'GET', path: '/v1/tally/add?input=%7B%22by%22:1%7D' }, status: 400, word: 'POST' },
      {
        options: { path: '/v1/tally/count', body: '{"to":3}', headers: { 'last-event-id': 'activities:1' } },
        status: 400,
        word: 'facts',
      },
    ]
    for (const { options, status, word } of cases) {
      const answer = await fetchRaw(port, options)
      expect({ status: answer.status, text: answer.text }).toMatchObject({
        status,
        text: expect.stringContaining(word) as string,
      })
    }
    expect(
      (await fetchRaw(port, { method: 'GET', path: '/v1/echo/say?input=%7B%22text%22:%22q%22%7D' })).text,
    ).toContain('"q"')
  })

  it('writes event ids with their plane', async () => {
    const { text } = await fetchRaw(port, { path: '/v1/tally/count', body: '{"to":2}' })
    expect(text).toContain('id: facts:2\nevent: item\ndata: {"n":2}\n\n')
    expect(text.endsWith('event: end\ndata: {}\n\n')).toBe(true)
  })
})
