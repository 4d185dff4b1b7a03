import { Worker } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import type { NewModelError } from '../adapters/kernel-runtime/session-model.ts'
import { sessionModel } from '../adapters/kernel-runtime/session-model.ts'
import { createModels } from '../adapters/models/models.ts'
import { openModelCall } from '../app/effects/model-call.ts'
import type { ModelCall } from '../contract/process.ts'
import { createPurse } from '../gateway/test-gateway.ts'
import { ModelError, type ModelEvent } from '../harness/core/model.ts'
import { createCallReader } from './call-reader.ts'
import { createLongRequests, type LongRequestThreads } from './long-requests.ts'
import { createRecordingTape } from './model-tape.ts'
import { longestHold } from './thread-hold.fixture.ts'

const log = { info() {}, warn() {}, error() {} }
let threads: LongRequestThreads
afterEach(() => threads.close())

const words = 'Read src/call.ts at line 128 on 2026-11-21; it took 12.5 ms, said "pid 4711". '.repeat(20)
/** A conversation of so many bytes, its tool's results long, and one of them as long as all others. */
function conversation(bytes: number) {
  const text = (at: number) => `${words}${at}`
  const count = Math.floor(bytes / 2 / words.length)
  const calls = Array.from({ length: count }, (_, at) => [
    {
      role: 'assistant',
      text: '',
      toolCalls: [{ id: `c${at}`, name: 'read', argumentsText: '{}' }],
    } as const,
    { role: 'tool', callId: `c${at}`, name: 'read', text: text(at), isError: false } as const,
  ]).flat()
  return [
    { role: 'user', text: 'Go on.' } as const,
    ...calls,
    { role: 'user', text: words.repeat(count) } as const,
  ]
}
const tools = [{ name: 'read', description: 'Reads.', schema: { type: 'object', properties: {} } }]
const sse = (...events: unknown[]) =>
  [...events.map((event) => JSON.stringify(event)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
const answer = sse(
  {
    id: 'a',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { content: 'Yes.' } }],
  },
  {
    id: 'a',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
    usage: { prompt_tokens: 90, completion_tokens: 2, total_tokens: 92 },
  },
)

interface Options {
  readonly tokens?: number
  readonly newWorker?: Parameters<typeof createLongRequests>[0]['newWorker']
}

function openThreads({ newWorker }: Options): LongRequestThreads {
  threads = createLongRequests({
    secrets: () => [],
    log,
    clock: { after: () => () => undefined },
    ...(newWorker ? { newWorker } : {}),
  })
  return threads
}

/** A session that is recorded, and what its recording is told. */
function openSession(tokens: number) {
  const purse = createPurse(tokens)
  const noted: unknown[] = []
  purse.tape = createRecordingTape(
    (driver, { title, hash }) => {
      noted.push([driver, title, hash])
      return { end: (ended) => void noted.push(ended) }
    },
    (text) => text,
    threads.packAnswer,
  )
  return { purse, noted }
}

/** A provider that answers at once, and the length of what it was sent. */
function openProvider() {
  const sent: number[] = []
  const models = createModels({
    clock: { nowMs: Date.now },
    fetch: async (_url, { body } = {}) => {
      sent.push(typeof body === 'string' || body instanceof Uint8Array ? body.length : 0)
      return new Response(answer, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  return { sent, models }
}

/** Holds who comes while it is shut. */
function openGate() {
  let gate = Promise.resolve()
  let resume = () => {}
  return {
    pause: () => {
      gate = new Promise((resolve) => {
        resume = resolve
      })
    },
    resume: () => resume(),
    passed: (signal: AbortSignal) => {
      signal.throwIfAborted()
      return gate
    },
  }
}

const newError: NewModelError = (...args) => new ModelError(...args)
const candidate = {
  provider: 'openai-compatible',
  model: 'm',
  baseUrl: 'http://127.0.0.1:1/v1',
  apiKey: 'k',
} as const

/** A session's model in our own process, with everything real but the network. */
function openModel(options: Options = {}) {
  const reader = createCallReader(openThreads(options))
  const { purse, noted } = openSession(options.tokens ?? Number.POSITIVE_INFINITY)
  const { sent, models } = openProvider()
  const { pause, resume, passed } = openGate()
  const told: ModelCall[] = []
  const tellers = {
    nowMs: Date.now,
    newId: () => String(told.length),
    agent: 'kernel',
    title: 'Own',
    note: (call: ModelCall) => void told.push(call),
  }
  const reading = Promise.withResolvers<void>()
  const ways: Parameters<typeof sessionModel>[2] = {
    readModelCall(request, signal) {
      reading.resolve()
      return reader.read(request, purse, signal)
    },
    openModelCall: (opening) => openModelCall({ ...purse, id: 'ses-0001' }, opening, tellers),
  }
  const model = sessionModel(candidate, models, ways, passed, newError)
  async function ask(bytes: number, signal = new AbortController().signal): Promise<readonly ModelEvent[]> {
    const events: ModelEvent[] = []
    const request = { messages: conversation(bytes), tools, maxOutputTokens: 100 }
    for await (const event of model.stream(request, signal)) events.push(event)
    return events
  }
  return { ask, purse, told, noted, sent, isReading: () => reading.promise, pause, resume }
}

it.each([1, 8])(
  'keeps the main thread free while a recorded request of %i MB is made',
  { timeout: 60_000 },
  async (megabytes) => {
    const { ask, sent, purse } = openModel()
    await ask(200_000)
    const hold = await longestHold(() => ask(megabytes * 1_000_000))
    console.info(`longest hold of ${megabytes} MB: ${hold.toFixed(1)} ms`)
    expect(hold).toBeLessThan(8)
    expect(sent.at(-1)).toBeGreaterThan(megabytes * 1_000_000)
    expect(purse.outcomes.every(({ end }) => end === 'done')).toBe(true)
    expect(purse.openings.at(-1)?.estimate.inputTokens).toBeGreaterThan(megabytes * 200_000)
  },
)

it('costs nothing and is in no book when it is given up while it is read', async () => {
  const { ask, purse, told, noted, sent, isReading } = openModel()
  const abort = new AbortController()
  const asking = ask(2_000_000, abort.signal)
  await isReading()
  abort.abort(new Error('stopped'))
  await expect(asking).rejects.toThrow('stopped')
  expect([purse.openings, told, noted, sent]).toEqual([[], [], [], []])
})

it('is held when its session is paused while it is read', async () => {
  const { ask, purse, sent, isReading, pause, resume } = openModel()
  const asking = ask(2_000_000)
  await isReading()
  pause()
  await expect.poll(() => threadsAreIdle()).toBe(true)
  expect([purse.openings, sent]).toEqual([[], []])
  resume()
  expect((await asking).at(-1)?.kind).toBe('end')
  expect(purse.outcomes).toMatchObject([{ end: 'done', use: { inputTokens: 90, outputTokens: 2 } }])
})

/** True once a later job is answered: what came before it is read. */
async function threadsAreIdle(): Promise<boolean> {
  const body = { block: new SharedArrayBuffer(2), sizeBytes: 2 }
  new Uint8Array(body.block).set([123, 125])
  const asked = { dialect: 'openai-chat', kind: 'list', model: '', isStream: false } as const
  const wish = { asked, placeholders: null, isRecorded: false }
  return (await threads.read(body, wish, { owner: {}, signal: new AbortController().signal })).ok
}

it('is refused before it is sent when the budget does not hold it', async () => {
  const { ask, purse, told, noted, sent } = openModel({ tokens: 1000 })
  await expect(ask(1_000_000)).rejects.toMatchObject({ kind: 'refused' })
  expect([purse.outcomes, sent]).toEqual([[], []])
  expect(told).toMatchObject([{ state: 'refused' }])
  expect(noted).toMatchObject([
    ['gateway', 'openai-chat generate stream', expect.any(String)],
    { value: { outcome: { end: 'refused' } } },
  ])
})

it('fails with a reason, for nothing, when the thread cannot read it', async () => {
  const { ask, purse } = openModel({
    newWorker(entry, options) {
      const worker = new Worker(entry, options)
      void worker.terminate()
      return worker
    },
  })
  await expect(ask(1_000_000)).rejects.toThrow(
    'this long request could not be read: the thread for it broke off twice',
  )
  expect(purse.openings).toEqual([])
  expect((await ask(1000)).at(-1)?.kind).toBe('end')
})
