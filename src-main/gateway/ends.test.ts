import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import type { Turn, UsageLie } from '../../e2e/fixtures/model-server/turn.ts'
import { createModels } from '../adapters/models/models.ts'
import type { Dialect } from '../ports/gateway.ts'
import { ask, dialects, openBed, requestIn, routeTo, type TestBed, upstreamKey } from './test-gateway.ts'

let bed: TestBed
afterEach(async () => {
  expect(bed.session.running()).toBe(0)
  await bed.close()
})

const words = Array.from({ length: 50 }, (_, at) => `These are some forty letters of text ${at}. `)
const long: Turn = { text: words, usage: { inputTokens: 100, outputTokens: 500 } }
/** Everything that a client was ever sent must be free of this. */
const leaks = (bytes: Buffer) => bytes.includes(upstreamKey)

/** The last event of a stream, as its dialect's clients read it. */
function lastEvent(body: Buffer): unknown {
  const lines = body
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('data: '))
  return JSON.parse(lines.at(-1)?.slice(6) ?? 'null')
}

const inBand: Readonly<Record<Dialect, unknown>> = {
  'openai-chat': { error: { message: expect.stringContaining('Signalbox: the token budget') } },
  'openai-responses': {
    type: 'response.failed',
    response: {
      status: 'failed',
      error: { code: 'invalid_prompt', message: expect.stringContaining('(400)') },
    },
  },
  anthropic: { type: 'error', error: { message: expect.stringContaining('Signalbox: the token budget') } },
  gemini: { error: { code: 402, message: expect.stringContaining('Signalbox: the token budget') } },
}

describe.each(dialects)('%s', (dialect) => {
  it.each([dialect, ...dialects.filter((one) => one !== dialect).slice(0, 1)])(
    'is cut in mid-stream when the budget ends (upstream speaks %s)',
    async (upstream) => {
      bed = await openBed({ script: () => long, tokens: 400, frameDelayMs: 2, upstream })
      const answer = await ask(bed, dialect, requestIn(dialect, true))
      expect(answer).toMatchObject({ status: 200, isBroken: false })
      expect(lastEvent(answer.body)).toMatchObject(inBand[dialect] as object)
      expect(answer.body.toString()).toContain('text 3.')
      expect(answer.body.toString()).not.toContain('text 49.')
      const [outcome] = bed.session.outcomes
      expect(outcome).toMatchObject({
        end: 'cut',
        usageSource: 'estimated',
        error: expect.stringContaining('budget'),
      })
      const { inputTokens, outputTokens } = outcome?.use ?? { inputTokens: 0, outputTokens: 0 }
      // No more than the last piece is over the limit.
      expect(inputTokens + outputTokens).toBeGreaterThan(400)
      expect(inputTokens + outputTokens).toBeLessThan(430)
      expect(bed.rows.at(-1)?.state).toBe('cut')
    },
  )

  it('is refused before the upstream hears of it', async () => {
    bed = await openBed({ script: () => long, tokens: 10 })
    for (const isStream of [true, false]) {
      const answer = await ask(bed, dialect, requestIn(dialect, isStream))
      expect(answer.status).toBe(dialect === 'openai-responses' ? 400 : 402)
      expect(answer.body.toString()).toContain('Signalbox: the token budget of this session is used up (10)')
      expect(answer.headers['x-should-retry']).toBe('false')
    }
    expect(bed.server.requests).toHaveLength(0)
    expect(bed.session.outcomes).toHaveLength(0)
    expect(bed.rows.at(-1)).toMatchObject({ state: 'refused', inputTokens: 0 })
  })

  it('gives no answer in one piece that the budget does not hold', async () => {
    bed = await openBed({ script: () => long, tokens: 400 })
    const answer = await ask(bed, dialect, requestIn(dialect, false))
    expect(answer.status).toBe(dialect === 'openai-responses' ? 400 : 402)
    expect(answer.body.toString()).not.toContain('forty letters')
    expect(bed.session.outcomes).toMatchObject([{ end: 'cut', use: { inputTokens: 100, outputTokens: 500 } }])
  })

  it('is stopped in mid-stream from outside', async () => {
    bed = await openBed({ script: () => long, frameDelayMs: 5 })
    const stop = () => bed.session.stop({ ok: false, cause: 'revoked', sentence: 'the model was taken away' })
    const answer = await ask(bed, dialect, {
      ...requestIn(dialect, true),
      onBytes: (bytes) => bytes.includes('text 4') && stop(),
    })
    expect(answer.body.toString()).toContain('Signalbox: the model was taken away')
    expect(bed.session.outcomes).toMatchObject([{ end: 'cut' }])
  })

  it.each([1, 4])('tells that the upstream broke off after %i frames', async (afterFrames) => {
    bed = await openBed({ script: () => ({ ...long, fault: { kind: 'cut', afterFrames } }) })
    const answer = await ask(bed, dialect, requestIn(dialect, true))
    expect(answer.isBroken).toBe(false)
    expect(answer.body.toString()).toMatch(/Signalbox: the model provider broke/)
    expect(bed.session.outcomes).toMatchObject([{ end: 'failed', usageSource: 'estimated' }])
  })

  it('passes a broken chunk on and calls the answer what it is', async () => {
    bed = await openBed({ script: () => ({ ...long, fault: { kind: 'broken-chunk', afterFrames: 4 } }) })
    const answer = await ask(bed, dialect, requestIn(dialect, true))
    expect(answer.body.toString()).toContain('{"choices":[{"delta":{"content"\n\n')
    expect(bed.session.outcomes).toMatchObject([{ end: 'failed', usageSource: 'estimated' }])
    expect(bed.session.booked().inputTokens).toBeGreaterThan(0)
  })

  it.each([0, 3])(
    'does not wait for ever for an upstream that hangs after %i frames',
    async (afterFrames) => {
      const limits = { firstByteMs: 80, idleMs: 80 }
      bed = await openBed({ script: () => ({ ...long, fault: { kind: 'stall', afterFrames } }), limits })
      const answer = await ask(bed, dialect, requestIn(dialect, true))
      expect(answer.status).toBe(afterFrames === 0 ? 504 : 200)
      expect(answer.body.toString()).toContain('Signalbox: the model provider fell silent')
      expect(bed.session.outcomes).toMatchObject([{ end: 'failed', usageSource: 'estimated' }])
      expect(bed.session.booked().inputTokens).toBeGreaterThan(0)
    },
  )

  it.each([429, 500, 503])('passes %i through with what the upstream says', async (status) => {
    const fault = { kind: 'status', status, retryAfterS: 3, message: 'not now' } as const
    bed = await openBed({ script: () => ({ fault }) })
    const answer = await ask(bed, dialect, requestIn(dialect, true))
    expect(answer.status).toBe(status)
    expect(answer.headers['retry-after']).toBe('3')
    expect(answer.body.toString()).toContain('not now')
    expect(bed.session.outcomes).toMatchObject([{ end: 'failed', status, error: `HTTP ${status}: not now` }])
    expect(bed.session.booked()).toMatchObject({ inputTokens: 0, outputTokens: 0, costUsdNanos: 0 })
  })

  it.each(['negative', 'text', 'absurd', 'low', 'none'] satisfies UsageLie[])(
    'does not believe usage that is a lie: %s',
    async (usageLie) => {
      bed = await openBed({ script: () => ({ ...long, usageLie }) })
      const text = 'Some words that are sent. '.repeat(200)
      for (const isStream of [true, false]) {
        await ask(bed, dialect, requestIn(dialect, isStream, text))
        const outcome = bed.session.outcomes.at(-1)
        expect(outcome).toMatchObject({
          end: 'done',
          usageSource: usageLie === 'none' ? 'estimated' : 'disputed',
        })
        expect(outcome?.use.outputTokens).toBeGreaterThan(400)
        expect(outcome?.use.outputTokens).toBeLessThan(700)
        expect(outcome?.use.inputTokens).toBeGreaterThan(1300)
        expect(outcome?.use.inputTokens).toBeLessThan(1700)
      }
    },
  )

  it('closes the upstream when the client goes, and books what was seen', async () => {
    bed = await openBed({ script: () => long, frameDelayMs: 20 })
    const abort = new AbortController()
    const asking = ask(bed, dialect, {
      ...requestIn(dialect, true),
      signal: abort.signal,
      onBytes: (bytes) => bytes.includes('text 2') && abort.abort(),
    }).catch(() => undefined)
    await asking
    await expect
      .poll(() => bed.session.outcomes)
      .toMatchObject([{ end: 'aborted', usageSource: 'estimated' }])
    expect(bed.session.booked().outputTokens).toBeGreaterThan(5)
    await expect.poll(() => bed.server.totals().calls).toBe(1)
    expect(bed.server.totals().outputTokens).toBeLessThan(500)
  })

  it('never gives the upstream key away', async () => {
    bed = await openBed({
      key: 'another',
      script: () => ({ text: [`Your key is ${upstreamKey.slice(0, 9)}`, upstreamKey, ' yes'] }),
    })
    const denied = await ask(bed, dialect, requestIn(dialect, true))
    expect(denied.status).toBe(401)
    expect(
      leaks(denied.body) ||
        JSON.stringify([denied.headers, bed.rows, bed.session.outcomes]).includes(upstreamKey),
    ).toBe(false)
    await bed.close()
    for (const pieceBytes of [undefined, 1, 5]) {
      for (const upstream of dialects) {
        bed = await openBed({
          script: () => ({ text: ['Your key is ', upstreamKey, ' yes'] }),
          upstream,
          ...(pieceBytes ? { pieceBytes } : {}),
        })
        for (const isStream of [true, false]) {
          const answer = await ask(bed, dialect, requestIn(dialect, isStream))
          expect(answer.body.toString()).toContain(' yes')
          expect(leaks(answer.body)).toBe(false)
        }
        await bed.close()
      }
    }
    bed = await openBed()
  })
})

it('holds calls of a paused session, and drops them when their client goes', async () => {
  bed = await openBed({ script: () => long })
  bed.session.pause()
  const abort = new AbortController()
  const left = ask(bed, 'anthropic', { ...requestIn('anthropic', true), signal: abort.signal }).catch(
    () => 'gone',
  )
  const held = ask(bed, 'anthropic', requestIn('anthropic', true))
  await expect.poll(() => bed.rows.length).toBe(2)
  abort.abort()
  expect(await left).toBe('gone')
  await expect.poll(() => bed.rows.at(-1)?.state).toBe('aborted')
  expect(bed.server.requests).toHaveLength(0)
  bed.session.resume()
  expect((await held).status).toBe(200)
  expect(bed.session.outcomes).toHaveLength(1)
})

it('says what is wrong when the upstream is not there, for nothing', async () => {
  const nowhere = (asked: Dialect) => ({ ...routeTo('http://127.0.0.1:1', asked) })
  bed = await openBed({ route: nowhere })
  for (const dialect of dialects) {
    const answer = await ask(bed, dialect, requestIn(dialect, true))
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toContain('Signalbox: the model provider refuses connections')
  }
  expect(bed.session.booked()).toMatchObject({ inputTokens: 0 })
  await bed.close()
  bed = await openBed({ route: () => nowhere('anthropic') })
  const translated = await ask(bed, 'openai-chat', requestIn('openai-chat', true))
  expect(translated.status).toBe(502)
  expect(bed.session.booked()).toMatchObject({ inputTokens: 0 })
})

it('keeps to what a slow client takes, and gives up on one that takes nothing', async () => {
  const big = 'x'.repeat(200_000)
  const script = () => ({
    text: Array.from({ length: 100 }, () => big),
    usage: { inputTokens: 100, outputTokens: 5_000_000 / 8 },
  })
  bed = await openBed({ script, limits: { stallMs: 150 } })
  const { path, body } = requestIn('openai-chat', true)
  const sending = request(`${bed.gateway.address}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bed.key}`, 'content-type': 'application/json' },
  })
  sending.on('response', (response) => response.pause())
  sending.on('error', () => undefined)
  sending.end(body)
  await expect.poll(() => bed.session.outcomes.length, { timeout: 5000 }).toBe(1)
  // Of 20 MB no more than fits into the sockets between has been taken from the upstream.
  expect(bed.session.outcomes[0]?.responseBytes).toBeLessThan(10_000_000)
  expect(bed.session.outcomes[0]?.end).toBe('failed')
  sending.destroy()
})

it('ends running calls with a word when it closes', async () => {
  bed = await openBed({ script: () => long, frameDelayMs: 30 })
  const asking = ask(bed, 'openai-chat', requestIn('openai-chat', true))
  await expect.poll(() => bed.rows.at(-1)?.state).toBe('streaming')
  await bed.gateway.close()
  expect((await asking).body.toString()).toContain('Signalbox: the gateway is closing')
  expect(bed.session.outcomes).toMatchObject([{ end: 'failed' }])
})

it('is shown a readable error by the SDK of the dialect', async () => {
  bed = await openBed({ script: () => long, tokens: 10 })
  const client = createModels({ clock: { nowMs: () => 0 } })
  for (const dialect of dialects) {
    const request = {
      ...routeTo(bed.gateway.address, dialect),
      apiKey: bed.key,
      messages: [{ role: 'user', text: 'Hi '.repeat(100) }] as const,
      tools: [],
      maxOutputTokens: 5,
    }
    const run = async () => {
      for await (const _ of client.stream(
        dialect === 'openai-responses' ? { ...request, usesResponses: true } : request,
        new AbortController().signal,
      ));
    }
    await expect(run()).rejects.toThrow('Signalbox: the token budget of this session is used up (10)')
  }
})
