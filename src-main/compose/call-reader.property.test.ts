import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import { createModels } from '../adapters/models/models.ts'
import type { CallOpening, CanonicalRequest, Tape } from '../ports/gateway.ts'
import type { ModelRequest } from '../ports/models.ts'
import { createCallReader } from './call-reader.ts'
import { knownSecret, places } from './hostile-bodies.fixture.ts'
import { createLongRequests } from './long-requests.ts'
import { createRecordingTape } from './model-tape.ts'

const log = { info() {}, warn() {}, error() {} }
const threads = createLongRequests({
  secrets: () => [knownSecret],
  log,
  clock: { after: () => () => undefined },
})
afterAll(() => threads.close())

const never = new AbortController().signal
const { mask } = createMask([knownSecret])
/** With a limit of nothing everything is long. */
const there = createCallReader(threads, { shortChars: -1, heldBytes: 1 })
const here = createCallReader(threads, { shortChars: Number.POSITIVE_INFINITY, heldBytes: 1 })

/** What a conversation may hold: anything that a program prints. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '\ud800',
    '\udc00 \ud83d',
    knownSecret,
    '/srv/area/x -srv-area 2026-11-21T01:02:03Z 4.5 ms toolu_01Ab2Cd3Ef4Gh5Ij6Kl7Mn8',
    `${'a'.repeat(65_535)}😀`,
    '',
  ),
)
const id = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'b', '1', '_') })
const argumentsText = fc.oneof(fc.json(), text, fc.constant('{"__proto__":{"a":1},"10":1,"9":[null,-0]}'))
const message = fc.oneof(
  fc.record({ role: fc.constant('user' as const), text }),
  fc.record({
    role: fc.constant('assistant' as const),
    text,
    toolCalls: fc.array(fc.record({ id, name: id, argumentsText }), { maxLength: 2 }),
  }),
  fc.record({ role: fc.constant('tool' as const), callId: id, name: id, text, isError: fc.boolean() }),
)
const tool = fc.record({
  name: id,
  description: text,
  schema: fc.record({
    type: fc.constant('object'),
    properties: fc.dictionary(id, fc.jsonValue({ maxDepth: 2 })),
  }),
})
const request = fc
  .record({
    provider: fc.constantFrom('openai-compatible', 'anthropic', 'google', 'ollama'),
    system: text,
    messages: fc.array(message, { minLength: 1, maxLength: 6 }),
    tools: fc.array(tool, { maxLength: 2 }),
    maxOutputTokens: fc.constantFrom(null, 1000),
  })
  .map(
    ({ system, messages, ...rest }): ModelRequest => ({
      ...rest,
      model: 'm',
      baseUrl: 'http://127.0.0.1:1/v1',
      apiKey: 'key-of-the-provider',
      messages: [{ role: 'system', text: system }, ...messages],
    }),
  )

/** What goes over the line for a request, or why nothing does. */
async function sent(given: ModelRequest): Promise<unknown> {
  let line: unknown
  const fetch: typeof globalThis.fetch = async (input, { headers, body } = {}) => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    line = {
      url: String(input),
      headers: Object.fromEntries(new Headers(headers)),
      body: Buffer.from(bytes as Buffer),
    }
    return new Response('{"error":{"message":"no"}}', { status: 400 })
  }
  const models = createModels({ clock: { nowMs: () => 0 }, fetch })
  try {
    for await (const _ of models.stream(given, never));
  } catch (error) {
    if (!line) return String(error)
  }
  return line
}

const opening: CallOpening = {
  callId: 'c1',
  kind: 'generate',
  provider: 'ollama',
  model: 'm',
  dialect: 'openai-chat',
  estimate: { inputTokens: 1, cachedTokens: 0, outputTokens: 0, costUsdNanos: 0 },
}
const outcome = {
  end: 'done',
  status: 200,
  use: opening.estimate,
  usageSource: 'reported',
  firstByteMs: 1,
  durationMs: 2,
  requestBytes: 3,
  responseBytes: 4,
  error: null,
} as const

/** All that a recording is told of a request. */
function recorded(canonical: CanonicalRequest | undefined): readonly unknown[] {
  const told: unknown[] = []
  const tape = createRecordingTape((driver, noted) => {
    told.push(driver, noted)
    return { end: (ended) => void told.push(ended) }
  }, mask)
  if (tape.mode === 'record' && canonical) tape.record(canonical, opening).end(outcome)
  return told
}

const recording = createRecordingTape(() => undefined, mask)
const replaying: Tape = { mode: 'replay', next: () => ({ ok: false, step: 1, expected: null }) }

it('reads, records and sends from a thread what it reads, records and sends here', async () => {
  let written = 0
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const session = { tape: recording, placeholders: places }
      const [short, long] = await Promise.all([
        here.read(given, session, never),
        there.read(given, session, never),
      ])
      expect(long.letters).toBe(short.letters)
      expect(recorded(long.canonical)).toEqual(recorded(short.canonical))
      expect(recorded(short.canonical)).toHaveLength(3)
      const { takeWritten } = long
      const inPlace = takeWritten
        ? { ...given, messages: [{ role: 'user', text: '' }] as const, tools: [], takeWritten }
        : given
      expect(await sent(inPlace)).toEqual(await sent(given))
      if (takeWritten) written += 1
      expect(takeWritten?.()).toBe(undefined)
    }),
    { numRuns: 200 },
  )
  expect(written).toBeGreaterThan(50)
}, 60_000)

it('finds in a recording there what it finds here, and writes nothing for a replay', async () => {
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const session = { tape: replaying, placeholders: places }
      const long = await there.read(given, session, never)
      expect(long).toEqual(await here.read(given, session, never))
    }),
    { numRuns: 50 },
  )
  const [given] = fc.sample(request, 1)
  const alone = given && (await there.read(given, { tape: null, placeholders: places }, never))
  expect(alone?.canonical).toBe(undefined)
}, 60_000)
