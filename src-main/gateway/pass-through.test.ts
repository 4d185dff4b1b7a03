import { afterEach, describe, expect, it } from 'vitest'
import type { Turn } from '../../e2e/fixtures/model-server/turn.ts'
import {
  ask,
  dialects,
  keyHeader,
  openBed,
  requestIn,
  routeTo,
  send,
  type TestBed,
  upstreamKey,
} from './test-gateway.ts'

let bed: TestBed
afterEach(() => bed.close())

const turn: Turn = {
  reasoning: ['Let me ', 'see: ünïcödé 🦊.'],
  text: ['I will ', 'write it. 日本語'],
  calls: [{ name: 'write_file', args: { path: 'a.txt', content: 'line 1\nline "2"\n' } }],
  usage: { inputTokens: 120, cachedTokens: 20, outputTokens: 40 },
}

/** Ids of the fixture count its answers; the same turn twice differs in nothing else. */
const withoutIds = (bytes: Buffer, id: string) =>
  bytes
    .toString('utf8')
    .replaceAll(new RegExp(`_${id}(?=["_])`, 'g'), '_N')
    .replaceAll(`"responseId":"${id}"`, '"responseId":"N"')
    .replaceAll(`chatcmpl-${id}`, 'chatcmpl-N')

describe.each(dialects)('%s', (dialect) => {
  it.each([
    [true, undefined],
    [false, undefined],
    [true, 1],
    [true, 7],
  ])('goes through byte for byte (streaming %s, pieces of %s bytes)', async (isStream, pieceBytes) => {
    bed = await openBed({ script: () => turn, ...(pieceBytes ? { pieceBytes } : {}) })
    const request = requestIn(dialect, isStream)
    const direct = await send(bed.server.url, { ...request, headers: keyHeader(dialect, upstreamKey) })
    const through = await ask(bed, dialect, request)
    expect(through.status).toBe(200)
    expect(withoutIds(through.body, '2')).toBe(withoutIds(direct.body, '1'))
    expect(through.headers['content-type']).toBe(direct.headers['content-type'])
    expect(bed.server.requests[1]?.rawBody).toEqual(bed.server.requests[0]?.rawBody)
    expect(bed.server.requests[1]?.key).toBe(upstreamKey)
    expect(bed.session.outcomes).toEqual([
      expect.objectContaining({
        end: 'done',
        status: 200,
        error: null,
        usageSource: 'reported',
        use: { inputTokens: 120, cachedTokens: 20, outputTokens: 40, costUsdNanos: 100_000 + 2000 + 200_000 },
        requestBytes: bed.server.requests[0]?.rawBody.length,
        responseBytes: through.body.length,
      }),
    ])
    expect(bed.session.running()).toBe(0)
    expect(bed.rows.at(-1)).toMatchObject({ state: 'done', inputTokens: 120, outputTokens: 40 })
  })

  it('replaces the model and nothing else', async () => {
    bed = await openBed({
      script: () => turn,
      route: (asked, _model, server) => routeTo(server.url, asked, 'better'),
    })
    const request = requestIn(dialect, true)
    // Odd spacing, an escape and a number that parsing and printing would change.
    const body = String(request.body).replace('{', '{  "x-odd" : [1.0, 1e2, "\\u00e9"],\n')
    await ask(bed, dialect, { ...request, body })
    const seen = bed.server.requests[0]
    expect(seen?.call?.model).toBe('better')
    expect(seen?.rawBody.toString()).toBe(body.replace('"model":"fake"', '"model":"better"'))
  })
})

it('asks a Chat Completions upstream for its usage and keeps that event to itself', async () => {
  bed = await openBed({ script: () => turn })
  const request = requestIn('openai-chat', true)
  const body = String(request.body).replace(',"stream_options":{"include_usage":true}', '')
  const direct = await send(bed.server.url, { ...request, body })
  const through = await ask(bed, 'openai-chat', { ...request, body })
  expect(bed.server.requests[1]?.call?.wantsUsage).toBe(true)
  expect(withoutIds(through.body, '2')).toBe(withoutIds(direct.body, '1'))
  expect(bed.session.outcomes[0]).toMatchObject({ usageSource: 'reported', use: { inputTokens: 120 } })
})

it('forwards query and headers of the dialect, not who called', async () => {
  bed = await openBed({ script: () => turn })
  const request = requestIn('anthropic', false)
  const path = `${request.path}?beta=true&key=${bed.key}`
  const headers = { 'anthropic-beta': 'a,b', cookie: 'c=1', 'x-forwarded-for': '1.2.3.4' }
  await ask(bed, 'anthropic', { ...request, path, headers })
  const seen = bed.server.requests[0]
  expect(seen?.headers).toMatchObject({ 'anthropic-beta': 'a,b', 'anthropic-version': '2023-06-01' })
  expect(seen?.headers.cookie ?? seen?.headers['x-forwarded-for']).toBeUndefined()
  expect(JSON.stringify(seen?.headers) + seen?.path).not.toContain(bed.key)
})

it('counts tokens and lists models for nothing', async () => {
  bed = await openBed({ script: () => turn, models: ['fake', 'other'] })
  const count = await ask(bed, 'anthropic', {
    ...requestIn('anthropic', false),
    path: '/v1/messages/count_tokens',
  })
  expect(JSON.parse(count.body.toString())).toEqual({ input_tokens: 42 })
  const gemini = requestIn('gemini', false)
  const counted = await ask(bed, 'gemini', { ...gemini, path: '/v1beta/models/fake:countTokens' })
  expect(JSON.parse(counted.body.toString())).toEqual({ totalTokens: 42 })
  const list = await ask(bed, 'openai-chat', { method: 'GET', path: '/v1/models' })
  expect(JSON.parse(list.body.toString()).data).toHaveLength(2)
  expect(bed.session.booked()).toEqual({ inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: 0 })
  expect(bed.session.openings.map(({ kind }) => kind)).toEqual(['count', 'count', 'list'])
  expect(bed.session.openings.every(({ estimate }) => estimate.inputTokens === 0)).toBe(true)
  expect(bed.rows).toEqual([])
})

it('reads the stream of Gemini that is one array', async () => {
  bed = await openBed({ script: () => turn })
  const path = '/v1beta/models/fake:streamGenerateContent'
  const answer = await ask(bed, 'gemini', { ...requestIn('gemini', true), path })
  expect(Array.isArray(JSON.parse(answer.body.toString()))).toBe(true)
  expect(bed.session.outcomes[0]).toMatchObject({
    usageSource: 'reported',
    use: { inputTokens: 120, outputTokens: 40 },
  })
})
