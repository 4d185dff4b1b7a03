import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import { type ReadingWish, readBody } from '../gateway/body-reading.ts'
import type { SharedBody } from '../gateway/long-requests.ts'
import type { CallOpening, CanonicalRequest } from '../ports/gateway.ts'
import { knownSecret, places } from './hostile-bodies.fixture.ts'
import { createLongRequests } from './long-requests.ts'
import { createRecordingTape } from './model-tape.ts'

const clock = { after: () => () => undefined }
const log = { info() {}, warn() {}, error() {} }
const thread = createLongRequests({ secrets: () => [knownSecret], log, clock })
afterAll(() => thread.close())

const by = { owner: {}, signal: new AbortController().signal }
const { mask } = createMask([knownSecret])

/** Texts of strings as strangers write them, between the quotes. */
const inQuotes = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.constantFrom(
    '\\ud800',
    '\\udc00\\ud800',
    '\\u0000',
    '\\/\\"\\\\',
    knownSecret,
    '/srv/area/x -srv-area 2026-11-21T01:02:03Z 4.5 ms toolu_01Ab2Cd3Ef4Gh5Ij6Kl7Mn8',
    '\u2028\ufeff',
    'w '.repeat(2000),
  ),
)
const name = fc.oneof(
  fc.constantFrom('model', 'stream', 'stream_options', 'm\\u006fdel', '__proto__', '1', '01', 'a', 'a'),
  inQuotes,
)
const number = fc.constantFrom(
  '0',
  '-0',
  '1e999',
  '-1E-999',
  '12345678901234567890123',
  '0.10',
  '1e21',
  '5e-324',
)
const space = fc.constantFrom('', '', ' ', '\n\t', '\r\n')

/** JSON texts with everything that JSON allows and nobody expects: repeated names, half pairs, huge numbers, any depth. */
const { value } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small' },
    fc.oneof(
      number,
      fc.constantFrom('true', 'false', 'null'),
      inQuotes.map((text) => `"${text}"`),
    ),
    fc.array(tie('value'), { maxLength: 4 }).map((all) => `[${all.join(',')}]`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(space, name, space, tie('value'), space), { maxLength: 6 })
    .map((all) => `{${all.map(([a, key, b, one, c]) => `${a}"${key}"${b}:${b}${one}${c}`).join(',')}}`),
}))
const member = fc.tuple(name, value).map(([key, one]) => `"${key}":${one}`)
const depth = fc.nat({ max: 310 }).map((deep) => `"deep":${'['.repeat(deep)}${']'.repeat(deep)}`)
const text = fc
  .array(fc.oneof({ weight: 9, arbitrary: member }, { weight: 1, arbitrary: depth }), { maxLength: 8 })
  .map((members) => Buffer.from(`{${members.join(',')}}`))

/** Now and then a byte of it is another one: no JSON any more, or no UTF-8. */
const body = fc
  .tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }), fc.nat({ max: 3 }))
  .map(([bytes, changes, chance]) => {
    if (chance === 0) for (const [at, byte] of changes) bytes[at % bytes.length] = byte
    return bytes
  })

function shared(bytes: Buffer): SharedBody {
  const block = new SharedArrayBuffer(bytes.length)
  bytes.copy(Buffer.from(block))
  return { block, sizeBytes: bytes.length }
}

const opening: CallOpening = {
  callId: 'c1',
  kind: 'generate',
  provider: 'ollama',
  model: 'm',
  dialect: 'openai-chat',
  estimate: { inputTokens: 1, cachedTokens: 0, outputTokens: 0, costUsdNanos: 0 },
}

/** All that a recording is told of a request. */
function recorded(request: CanonicalRequest): readonly unknown[] {
  const told: unknown[] = []
  const tape = createRecordingTape((driver, noted) => {
    told.push(driver, noted)
    return { end: (ended) => void told.push(ended) }
  }, mask)
  if (tape.mode !== 'record') throw new Error('it records')
  tape.record(request, opening).end({
    end: 'done',
    status: 200,
    use: opening.estimate,
    usageSource: 'reported',
    firstByteMs: 1,
    durationMs: 2,
    requestBytes: 3,
    responseBytes: 4,
    error: null,
  })
  return told
}

const asked = fc
  .constantFrom('openai-chat', 'openai-responses', 'anthropic', 'gemini')
  .map((dialect): ReadingWish['asked'] => ({
    dialect,
    kind: 'generate',
    model: '',
    isStream: dialect === 'gemini',
  }))

it('reads on a thread what is read here, and a recording is told the same', async () => {
  let readable = 0
  await fc.assert(
    fc.asyncProperty(body, asked, async (bytes, what) => {
      const wish = { asked: what, placeholders: places }
      const here = readBody(bytes, wish).reading
      const toRecord = await thread.read(shared(bytes), { ...wish, isRecorded: true }, by)
      const toCompare = await thread.read(shared(bytes), { ...wish, isRecorded: false }, by)
      const alone = await thread.read(shared(bytes), { ...wish, placeholders: null, isRecorded: false }, by)
      if (!here.ok || !here.canonical || !toRecord.ok || !toRecord.canonical) {
        expect([toRecord, toCompare, alone]).toEqual([here, here, here])
        return
      }
      readable += 1
      expect(toCompare).toEqual(here)
      expect(alone).toEqual({ ...here, canonical: undefined })
      expect(toRecord.facts).toEqual(here.facts)
      expect(recorded(toRecord.canonical)).toEqual(recorded(here.canonical))
    }),
    { numRuns: 500 },
  )
  expect(readable).toBeGreaterThan(10)
}, 60_000)
