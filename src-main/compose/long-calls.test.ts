import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Turn } from '../../e2e/fixtures/model-server/turn.ts'
import { createReplayTape } from '../gateway/tape.ts'
import { ask, dialects, openBed, type RawRequest, requestIn, type TestBed } from '../gateway/test-gateway.ts'
import type { Dialect, TapedCall } from '../ports/gateway.ts'
import { createLongRequests } from './long-requests.ts'
import { createRecordingTape, readTapedCall } from './model-tape.ts'

const clock = { after: () => () => undefined }
const log = { info() {}, warn() {}, error() {} }
const longRequests = createLongRequests({ secrets: () => [], log, clock })
afterAll(() => longRequests.close())

const opened: TestBed[] = []
afterEach(async () => {
  for (const bed of opened.splice(0)) await bed.close()
})

async function open(options: Parameters<typeof openBed>[0] = {}): Promise<TestBed> {
  const bed = await openBed(options)
  opened.push(bed)
  return bed
}

const turn: Turn = {
  text: ['I will ', 'write it.'],
  calls: [{ name: 'write_file', args: { path: 'a.txt' } }],
  usage: { inputTokens: 120_000, cachedTokens: 20, outputTokens: 40 },
}

/** With a limit of nothing everything is long. */
const onThread = { longRequests, limits: { shortBytes: 0 } }
const longText = 'At /srv/area, on 2026-11-21, words of a "long" request. 日本 '.repeat(6000)

/** What an agent sends in its second turn, with the calls of the first one, and a picture. */
function secondTurn(dialect: Dialect, answer: string): RawRequest {
  const first = requestIn(dialect, true, 'Once more.')
  const body: Record<string, unknown> = JSON.parse(String(first.body))
  const picture = Buffer.alloc(30_000, 'picture').toString('base64')
  const add = (member: string, more: readonly unknown[]) => {
    const before = body[member]
    body[member] = [...(Array.isArray(before) ? before : [{ role: 'user', content: before }]), ...more]
  }
  if (dialect === 'openai-chat') {
    const [, id = 'call_1'] = /"id":"([\w-]+)","type":"function"/.exec(answer) ?? []
    const call = { id, type: 'function', function: { name: 'write_file', arguments: '{"path":"a.txt"}' } }
    add('messages', [
      { role: 'assistant', content: 'I will.', tool_calls: [call] },
      { role: 'tool', tool_call_id: id, content: 'done' },
      {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }],
      },
    ])
    body.response_format = { type: 'json_schema', json_schema: { schema: { type: 'object' } } }
  }
  if (dialect === 'anthropic')
    add('messages', [
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 't1', name: 'write_file', input: { path: 'b' } }],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: 'done' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture } },
        ],
      },
    ])
  if (dialect === 'gemini')
    add('contents', [
      { role: 'model', parts: [{ functionCall: { name: 'write_file', args: { path: 'b' } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'write_file', response: { output: 'done' } } }] },
    ])
  if (dialect === 'openai-responses')
    add('input', [
      { type: 'function_call', call_id: 'c1', name: 'write_file', arguments: '{"path":"b"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'done' },
    ])
  return { ...first, body: JSON.stringify(body) }
}

/** Times in answers are of the moment, and ids that Google's SDK makes up are drawn. */
const timeless = (text: string) =>
  text
    .replaceAll(/"created(?:_at)?":\d+/g, '"created":0')
    .replaceAll(/"((?:call_)?id)":"[0-9A-Za-z]{16}"/g, '"$1":"drawn"')

/** Everything that a session, its client and the upstream saw of three calls. */
async function course(dialect: Dialect, upstream: Dialect, options: Parameters<typeof openBed>[0]) {
  const bed = await open({ script: () => turn, upstream, ...options })
  const noted: unknown[] = []
  bed.session.tape = createRecordingTape(
    (_driver, request) => {
      noted.push(request)
      return { end: () => undefined }
    },
    (text) => text,
  )
  const first = await ask(bed, dialect, requestIn(dialect, true, longText))
  const requests = [secondTurn(dialect, first.body.toString()), requestIn(dialect, false, longText)]
  const answers = [first]
  for (const request of requests) answers.push(await ask(bed, dialect, request))
  return {
    answers: answers.map(({ status, body }) => [status, timeless(body.toString())]),
    sent: bed.server.requests.map(({ path, headers: { host: _host, ...headers }, rawBody }) => ({
      path,
      headers,
      body: timeless(rawBody.toString()),
    })),
    booked: bed.session.outcomes.map(({ end, use, usageSource, requestBytes }) => ({
      end,
      use,
      usageSource,
      requestBytes,
    })),
    estimates: bed.session.openings.map(({ estimate }) => estimate),
    // The second request holds an id of the first answer.
    noted: upstream === 'gemini' ? [noted[0], noted[2]] : noted,
  }
}

const pairs = dialects.flatMap((asked) => dialects.map((upstream) => [asked, upstream] as const))

describe.each(pairs)('%s asked of an upstream that speaks %s', (dialect, upstream) => {
  it('is sent, answered, booked and recorded as if it had been read here', async () => {
    const there = await course(dialect, upstream, onThread)
    expect(there).toEqual(await course(dialect, upstream, {}))
    expect(there.answers.map(([status]) => status)).toEqual([200, 200, 200])
    expect(there.sent).toHaveLength(3)
  })
})

it.each(dialects)('refuses what is no request, in the words of %s', async (dialect) => {
  const there = await open(onThread)
  const here = await open()
  for (const body of ['{', '[1]', `{"tools":${'['.repeat(500)}${']'.repeat(500)}}`, '{"model":"m"}x']) {
    const request = { ...requestIn(dialect, false), body }
    const answer = await ask(there, dialect, request)
    expect(answer.status).toBe(400)
    expect(answer.body.toString()).toBe((await ask(here, dialect, request)).body.toString())
  }
  expect(there.session.openings).toEqual([])
})

it('takes in what comes in chunks, up to the limit', async () => {
  const bed = await open({ longRequests, script: () => turn, limits: { bodyBytes: 1_000_000 } })
  const headers = { 'transfer-encoding': 'chunked' }
  const request = { ...requestIn('openai-chat', false, longText), headers }
  expect((await ask(bed, 'openai-chat', request)).status).toBe(200)
  const [seen] = bed.server.requests
  expect(seen?.rawBody.toString()).toBe(request.body?.toString())
  const short = { ...requestIn('openai-chat', false, 'short'), headers }
  expect((await ask(bed, 'openai-chat', short)).status).toBe(200)
  const large = { ...requestIn('openai-chat', false, longText.repeat(3)), headers }
  expect((await ask(bed, 'openai-chat', large)).status).toBe(413)
})

/** Calls that were taken down, as a recording holds them. */
function recording() {
  const calls: TapedCall[] = []
  let steps = 0
  const tape = createRecordingTape(
    () => {
      const step = ++steps
      return {
        end(ended) {
          const call =
            'value' in ended ? readTapedCall(JSON.parse(JSON.stringify(ended.value)), step) : undefined
          if (call) calls.push(call)
        },
      }
    },
    (text) => text,
  )
  return { calls, tape }
}

it.each([
  ['on a thread', 'here', onThread, {}],
  ['here', 'on a thread', {}, onThread],
])('plays %s what was recorded %s, and names where a run leaves it', async (_p, _r, playing, recordingAt) => {
  const { calls, tape } = recording()
  const live = await open({ script: () => turn, ...recordingAt })
  live.session.tape = tape
  const texts = [longText.slice(0, 150_000), `${longText.slice(0, 150_000)} And then?`]
  const requests = texts.map((text) => requestIn('anthropic', true, text))
  const answers: string[] = []
  for (const request of requests) answers.push((await ask(live, 'anthropic', request)).body.toString())
  const again = await open(playing)
  const replay = createReplayTape(calls)
  again.session.tape = replay
  const [first = {}, second = {}] = requests
  expect((await ask(again, 'anthropic', { path: '', ...first })).body.toString()).toBe(answers[0])
  const other = requestIn('anthropic', true, `${longText.slice(0, 150_000)} And now?`)
  const left = (await ask(again, 'anthropic', other)).body.toString()
  expect(left).toMatch(/EDIVERGE, step 2: .*And then\?.*And now\?/)
  expect((await ask(again, 'anthropic', { path: '', ...second })).body.toString()).toBe(answers[1])
  expect(replay.left()).toEqual([])
  expect(again.server.requests).toEqual([])
})

it('keeps the order of a session also where a short request follows a long one', async () => {
  const begun = Promise.withResolvers<void>()
  const read: typeof longRequests.read = (...request) => {
    begun.resolve()
    return longRequests.read(...request)
  }
  const watched = { read, translate: longRequests.translate }
  const bed = await open({ longRequests: watched, script: () => ({ text: ['Yes.'] }) })
  const long = ask(bed, 'openai-chat', requestIn('openai-chat', false, longText.repeat(20)))
  await begun.promise
  const short = ask(bed, 'openai-chat', requestIn('openai-chat', false, 'short'))
  expect([(await long).status, (await short).status]).toEqual([200, 200])
  const estimates = bed.session.openings.map(({ estimate }) => estimate.inputTokens)
  expect(estimates[0]).toBeGreaterThan(1_000_000)
  expect(estimates[1]).toBeLessThan(1000)
})

it('waits with what a session sends until there is room for it', async () => {
  const size = Buffer.byteLength(longText)
  const bed = await open({
    longRequests,
    script: () => ({ text: ['Yes.'], fault: { kind: 'stall', afterFrames: 0 } }),
    limits: { sessionBytes: 2 * size + 5000, firstByteMs: 700 },
  })
  const calls = Array.from({ length: 5 }, () =>
    ask(bed, 'openai-chat', requestIn('openai-chat', false, longText)),
  )
  await expect.poll(() => bed.session.openings.length).toBe(2)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(bed.session.openings).toHaveLength(2)
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  expect(statuses).toEqual([504, 504, 504, 504, 504])
  expect(bed.session.openings).toHaveLength(5)
})

it('tells a client when the thread cannot do it, and serves the next one', async () => {
  let isBroken = true
  const broken = createLongRequests({
    secrets: () => [],
    log,
    clock,
    newWorker(entry, options) {
      const worker = new Worker(entry, options)
      if (isBroken) void worker.terminate()
      return worker
    },
  })
  const bed = await open({ longRequests: broken, script: () => turn })
  for (const dialect of dialects) {
    const answer = await ask(bed, dialect, requestIn(dialect, true, longText))
    expect(answer.status).toBe(502)
    expect(answer.body.toString()).toContain('Signalbox: this long request could not be read')
  }
  expect(bed.session.openings).toEqual([])
  isBroken = false
  expect((await ask(bed, 'anthropic', requestIn('anthropic', true, longText))).status).toBe(200)
  await broken.close()
})
