import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canonicalOf } from './canonical-request.ts'
import {
  ask,
  dialects,
  keyHeader,
  openBed,
  requestIn,
  send,
  type TestBed,
  upstreamKey,
} from './test-gateway.ts'

let bed: TestBed
beforeEach(async () => {
  bed = await openBed({
    script: () => ({ text: ['Hello.'] }),
    limits: { bodyBytes: 200_000, callsPerSession: 3 },
  })
})
afterEach(() => bed.close())

const errorShape = {
  'openai-chat': { error: { message: expect.any(String), type: expect.any(String) } },
  'openai-responses': { error: { message: expect.any(String), type: expect.any(String) } },
  anthropic: { type: 'error', error: { type: expect.any(String), message: expect.any(String) } },
  gemini: { error: { code: expect.any(Number), message: expect.any(String), status: expect.any(String) } },
}

/** Bytes on a bare socket; the answer until the other side is done or a short while has passed. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(bed.gateway.port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.setTimeout(300, () => socket.destroy())
    socket.on('data', (part) => {
      got += part
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(got))
  })
}

describe.each(dialects)('%s', (dialect) => {
  it('turns an unknown key away in its own words', async () => {
    for (const key of ['', 'wrong', `${bed.key}x`, bed.key.slice(0, -1), upstreamKey, 'x'.repeat(5000)]) {
      const answer = await send(bed.gateway.address, {
        ...requestIn(dialect, true),
        headers: keyHeader(dialect, key),
      })
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body.toString())).toMatchObject(errorShape[dialect])
    }
    expect((await send(bed.gateway.address, requestIn(dialect, true))).status).toBe(401)
    expect(bed.server.requests).toHaveLength(0)
  })

  it('takes the key in any of the four places', async () => {
    const request = requestIn(dialect, false)
    const places = [
      { authorization: `Bearer ${bed.key}` },
      { 'x-api-key': bed.key },
      { 'x-goog-api-key': bed.key },
    ]
    for (const headers of places)
      expect((await send(bed.gateway.address, { ...request, headers })).status).toBe(200)
    const path = `${request.path}${request.path.includes('?') ? '&' : '?'}key=${bed.key}`
    expect((await send(bed.gateway.address, { ...request, path })).status).toBe(200)
  })

  it.each([
    ['another host', { host: 'evil.example' }, 403],
    ['another host with a port', { host: 'evil.example:80' }, 403],
    ['a name that begins like ours', { host: '127.0.0.1.evil.example' }, 403],
    ['a web page', { origin: 'http://127.0.0.1' }, 403],
    ['a web page without origin', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a packed body', { 'content-encoding': 'gzip' }, 415],
  ])('refuses %s', async (_what, headers, status) => {
    const answer = await ask(bed, dialect, { ...requestIn(dialect, false), headers })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body.toString())).toMatchObject(errorShape[dialect])
    expect(bed.server.requests).toHaveLength(0)
  })

  it.each([
    ['no JSON', '{'],
    ['no object', '[1]'],
    ['nothing', ''],
    ['a bare null', 'null'],
    ['not even text', Buffer.from([0xff, 0xfe, 0x00])],
    ['nesting without end', '['.repeat(100_000)],
    ['deeper than any reader', `{"tools":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('refuses a body that is %s', async (_what, body) => {
    const answer = await ask(bed, dialect, { ...requestIn(dialect, false), body })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body.toString())).toMatchObject(errorShape[dialect])
  })

  it('refuses what is too large, however it is announced', async () => {
    const body = Buffer.alloc(300_000, 'x')
    const answer = await ask(bed, dialect, { ...requestIn(dialect, false), body })
    expect(answer.status).toBe(413)
    const chunked = await ask(bed, dialect, {
      ...requestIn(dialect, false),
      body,
      headers: { 'transfer-encoding': 'chunked' },
    })
    expect(chunked.status).toBe(413)
  })

  it('survives any body, translated or not', async () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue(),
        fc.array(tie('any'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.dictionary(
        fc.constantFrom(
          'role',
          'content',
          'parts',
          'type',
          'text',
          'messages',
          'input',
          'contents',
          'tools',
          'function',
          'functionCall',
          'tool_calls',
          'system',
          'model',
          'stream',
          'name',
          'output',
          'call_id',
          'generationConfig',
          'tool_choice',
        ),
        tie('any'),
        { maxKeys: 5 },
      ),
    })).object
    const other = dialects.find((one) => one !== dialect) ?? dialect
    const translating = await openBed({ script: () => ({ text: ['Hello.'] }), upstream: other })
    try {
      await fc.assert(
        fc.asyncProperty(value, fc.boolean(), async (body, isTranslated) => {
          const target = isTranslated ? translating : bed
          const answer = await ask(target, dialect, {
            ...requestIn(dialect, false),
            body: JSON.stringify(body),
          })
          expect(answer.status).toBeGreaterThanOrEqual(200)
          expect(answer.isBroken).toBe(false)
        }),
        { numRuns: 60 },
      )
    } finally {
      await translating.close()
    }
    for (const one of [bed, translating]) expect(one.session.running()).toBe(0)
  })
})

it('knows no other paths, and says so in a dialect', async () => {
  const paths = [
    '/v1/embeddings',
    '/v1/messages/',
    '/v1/responses/resp_1',
    '/v1beta/models/m:embedContent',
    '/v1beta/models/../../x:generateContent',
    '/v1/models/%ff',
    '/v1/chat/completions/../../etc',
    '//evil/v1/messages',
    '/constructor',
    '/v1/__proto__',
  ]
  for (const path of paths) {
    const answer = await ask(bed, 'openai-chat', { path, body: '{}' })
    expect([path, answer.status]).toEqual([path, 404])
    expect(JSON.parse(answer.body.toString())).toHaveProperty('error.message')
  }
  expect((await ask(bed, 'anthropic', { method: 'PUT', path: '/v1/messages', body: '{}' })).status).toBe(404)
  const greeting = await send(bed.gateway.address, { method: 'HEAD', path: '/' })
  expect([greeting.status, greeting.body.length]).toEqual([200, 0])
  expect(bed.server.requests).toHaveLength(0)
})

it('takes model names as names only', async () => {
  const names = ['../../secret', 'a?b=c', 'a#b', 'a%2Fb', '__proto__', 'm:generateContent', 'ü 日']
  for (const model of names) {
    const path = `/v1beta/models/${encodeURIComponent(model)}:generateContent`
    await ask(bed, 'gemini', { ...requestIn('gemini', false), path })
  }
  expect(
    bed.server.requests.every(({ path }) => /^\/v1beta\/models\/[^/?#]+:generateContent$/.test(path)),
  ).toBe(true)
})

it('bounds how many calls a session runs at once', async () => {
  bed.session.pause()
  const held = [1, 2, 3].map(() => ask(bed, 'anthropic', requestIn('anthropic', true)))
  await expect.poll(() => bed.rows.length).toBe(3)
  const answer = await ask(bed, 'anthropic', requestIn('anthropic', true))
  expect(answer.status).toBe(429)
  expect(answer.headers['retry-after']).toBe('1')
  bed.session.resume()
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await ask(bed, 'anthropic', requestIn('anthropic', true))).status).toBe(200)
})

it.each(['a-', '1-', 'ab_', 'Jan ', 'Mon, ', '1:', '1.', 'pid ', '0 ', 'f', '2026-'])(
  'compares hostile text of "%s" in one go',
  (piece) => {
    const asked = {
      dialect: 'anthropic',
      kind: 'generate',
      model: 'm',
      isStream: true,
      isEvents: true,
      path: '',
      query: new URLSearchParams(),
    } as const
    const time = (length: number) => {
      const startedAtMs = performance.now()
      canonicalOf(asked, { text: piece.repeat(length) }, [])
      return performance.now() - startedAtMs
    }
    time(1000)
    // A megabyte takes milliseconds; anything quadratic would take minutes.
    expect(time(1_000_000 / piece.length)).toBeLessThan(3000)
  },
)

it('does not fall over bare sockets', async () => {
  const host = `Host: 127.0.0.1:${bed.gateway.port}\r\n`
  const bearer = `Authorization: Bearer ${bed.key}\r\n`
  const attempts = [
    '\0\0\0\0',
    'GET / HTTP/9.9\r\n\r\n',
    `POST /v1/messages HTTP/1.1\r\n${host}${bearer}Content-Length: 10\r\nContent-Length: 20\r\n\r\n`,
    `POST /v1/messages HTTP/1.1\r\n${host}${bearer}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /v1/messages HTTP/1.1\r\n${host}X: ${'y'.repeat(70_000)}\r\n\r\n`,
    `POST http://evil.example/v1/messages HTTP/1.1\r\n${host}${bearer}Content-Length: 2\r\n\r\n{}`,
    `CONNECT evil.example:443 HTTP/1.1\r\n${host}${bearer}\r\n`,
    `GET /v1/responses HTTP/1.1\r\n${host}${bearer}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `POST /v1/messages HTTP/1.1\r\n${bearer}Content-Length: 2\r\n\r\n{}`,
  ]
  for (const attempt of attempts) expect(await raw(attempt)).not.toMatch(/^HTTP\/1\.1 2/)
  expect(bed.server.requests).toHaveLength(0)
  expect((await ask(bed, 'openai-chat', requestIn('openai-chat', true))).status).toBe(200)
})
