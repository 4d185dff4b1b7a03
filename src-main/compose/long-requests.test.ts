import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { inflateRawSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import { readBody } from '../gateway/body-reading.ts'
import type { LongReadingWish, SharedBody } from '../gateway/long-requests.ts'
import { hostileBodies, knownSecret, places } from './hostile-bodies.fixture.ts'
import { createLongRequests, type LongRequestThreads } from './long-requests.ts'
import { packedText } from './packed-text.ts'

const warnings: unknown[] = []
const log = { info() {}, error() {}, warn: (...words: unknown[]) => void warnings.push(words) }
const timers = new Set<() => void>()
const clock = {
  after(_ms: number, fn: () => void) {
    timers.add(fn)
    return () => void timers.delete(fn)
  },
}
const owner = {}
const never = { owner, signal: new AbortController().signal }
const asked = { dialect: 'openai-chat', kind: 'generate', model: '', isStream: false } as const
const wish: LongReadingWish = { asked, placeholders: places, isRecorded: true }
let thread: LongRequestThreads
const started: Worker[] = []

afterEach(async () => {
  await thread.close()
  warnings.length = 0
  timers.clear()
  started.length = 0
})

/** Real threads, which the test can take away. */
function openThread(more: Partial<Parameters<typeof createLongRequests>[0]> = {}): LongRequestThreads {
  thread = createLongRequests({
    secrets: () => [knownSecret],
    log,
    clock,
    newWorker(entry, options) {
      const worker = new Worker(entry, options)
      started.push(worker)
      return worker
    },
    ...more,
  })
  return thread
}

function shared(bytes: Buffer | string): SharedBody {
  const from = Buffer.from(bytes)
  const block = new SharedArrayBuffer(from.length)
  from.copy(Buffer.from(block))
  return { block, sizeBytes: from.length }
}

const digest = (text: string | Buffer) => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * Title, beginning of the hash, and digest of the text that was kept, as the first release recorded them: a recording
 * from then is found again by nothing else.
 */
const recordedThen: Readonly<Record<string, readonly [string, string, string] | null>> = {
  empty: ['openai-chat generate', 'b7e00f8cc48434b8', '44136fa355b3678a'],
  'white space': ['openai-chat generate', '016db13d9f1b3e1c', '5e4ce7b36ba37b78'],
  'repeated members': ['openai-chat generate stream', '7ecf6b5612c41c64', '23ff83ec865ea9f8'],
  'special names': ['openai-chat generate', 'b783202d04bc5dba', '643d46d4cd2bf40b'],
  'names that are numbers': ['openai-chat generate', '2eb256b2897582db', '6ec2a9d9fc73b02f'],
  'names in other words': ['openai-chat generate', '02bdff783b3083cc', '889c9bd2e5a63797'],
  'half pairs': ['openai-chat generate', '5bbf7e42fb923f1b', '114bb1792f04ec30'],
  numbers: ['openai-chat generate', '87a7b82dbe594a8d', '24ac8519bd561f61'],
  'every escape': ['openai-chat generate', 'e9b44e15c2001de9', 'd1c1c8acdadff34d'],
  deep: ['openai-chat generate', '66ddcbd6d3cd2319', '85ef207d36de9372'],
  'what no two runs share': ['openai-chat generate', '57bf87810c302b2d', 'f646ba7114175f2c'],
  'just too long to be packed': ['openai-chat generate', 'e1125af3591347f0', ''],
  'short enough once it is masked': ['openai-chat generate', '5a9617164a5cf150', 'b503800dac961007'],
  picture: ['openai-chat generate', '661de2af834d60c7', '0567892956c68f71'],
  'too deep': null,
  'no object': null,
  'no JSON': null,
  nothing: null,
  'a mark at its beginning': null,
  'broken UTF-8': ['openai-chat generate', '9569fc09575425c1', '34795376cb1ccc29'],
}

it('gives each request the hash and the text that it always had, here as on a thread', async () => {
  const bodies = hostileBodies()
  expect(Object.keys(bodies)).toEqual(Object.keys(recordedThen))
  const { mask } = createMask([knownSecret])
  const { read } = openThread()
  for (const [name, bytes] of Object.entries(bodies)) {
    const there = await read(shared(bytes), wish, never)
    const here = readBody(bytes, wish).reading
    const then = recordedThen[name]
    if (!here.ok || !here.canonical || !there.ok || !there.canonical || !then) {
      expect([name, here.ok, there, then]).toEqual([name, false, here, null])
      continue
    }
    const { title, hash, text } = here.canonical
    const packed = packedText(mask(text))
    expect([name, there]).toEqual([name, { ...here, canonical: { title, hash, text: '', packed } }])
    const kept = packed === '' ? '' : digest(inflateRawSync(Buffer.from(packed, 'base64')))
    expect([name, title, hash.slice(0, 16), kept]).toEqual([name, ...then])
  }
})

it('compares with a recording by the text that stands in it', async () => {
  const { read } = openThread()
  const bytes = Buffer.from(JSON.stringify({ a: 'w '.repeat(200_000) }))
  const reading = await read(shared(bytes), { ...wish, isRecorded: false }, never)
  const here = readBody(bytes, wish).reading
  const text = here.ok ? here.canonical?.text : undefined
  expect(reading).toMatchObject({ canonical: { text: text?.slice(0, 256 * 1024 + 100) } })
  expect(reading).not.toHaveProperty('canonical.packed')
})

it('hides a secret that became known after the thread was started', async () => {
  const secrets: string[] = []
  const { read } = openThread({ secrets: () => secrets })
  const body = shared(JSON.stringify({ a: 'a later-known-secret-1 b' }))
  const textOf = async () => {
    const reading = await read(body, wish, never)
    const packed = reading.ok ? reading.canonical?.packed : undefined
    return inflateRawSync(Buffer.from(packed ?? '', 'base64')).toString()
  }
  expect(await textOf()).toContain('later-known-secret-1')
  secrets.push('later-known-secret-1')
  expect(await textOf()).toBe('{"a":"a *** b"}')
})

it('answers in the order in which it was asked', async () => {
  const { read } = openThread()
  const order: number[] = []
  const sizes = [3_000_000, 10, 1_000_000, 20]
  await Promise.all(
    sizes.map(async (size, at) => {
      await read(shared(JSON.stringify({ a: 'w '.repeat(size / 2) })), wish, never)
      order.push(at)
    }),
  )
  expect(order).toEqual([0, 1, 2, 3])
  expect(started).toHaveLength(1)
})

it('has a thread of their own for very long ones, and lets it go when it was not needed for a while', async () => {
  const { read } = openThread()
  const reading = (size: number) => read(shared(JSON.stringify({ a: 'w '.repeat(size / 2) })), wish, never)
  await reading(3_000_000)
  expect([started.length, timers.size]).toEqual([1, 0])
  const order: number[] = []
  await Promise.all(
    [8_000_000, 5_000_000, 3_000_000, 10].map(async (size) => {
      await reading(size)
      order.push(size)
    }),
  )
  // The thread that was there is not held up by what takes longer.
  expect(order.indexOf(10)).toBeLessThan(order.indexOf(5_000_000))
  expect(order.indexOf(8_000_000)).toBeLessThan(order.indexOf(5_000_000))
  expect([started.length, timers.size]).toEqual([2, 1])
  for (const run of timers) run()
  timers.clear()
  await reading(20)
  expect([started.length, timers.size]).toEqual([2, 0])
  await reading(5_000_000)
  expect([started.length, timers.size]).toEqual([3, 1])
  expect(warnings).toEqual([])
})

it('lets others pass between the requests of one session', async () => {
  const { read } = openThread()
  const order: string[] = []
  const reading = async (name: string, owner: object) => {
    await read(shared(JSON.stringify({ a: 'w '.repeat(200_000) })), wish, { owner, signal: never.signal })
    order.push(name)
  }
  const [busy, other] = [{}, {}]
  const many = ['a1', 'a2', 'a3', 'a4'].map((name) => reading(name, busy))
  await Promise.all([...many, reading('b1', other), reading('b2', other)])
  expect(order).toEqual(['a1', 'a2', 'b1', 'a3', 'b2', 'a4'])
})

it('ends what takes too long, says so, and goes on with the next', async () => {
  const { read } = openThread()
  const long = read(shared(JSON.stringify({ a: 'w '.repeat(1_500_000) })), wish, never)
  const next = read(shared('{"a":1}'), wish, never)
  const failed = expect(long).rejects.toThrow('it took longer than 20 s')
  expect(timers.size).toBe(1)
  for (const run of [...timers]) run()
  await failed
  expect(await next).toMatchObject({ ok: true })
  expect(started).toHaveLength(2)
  expect(warnings).toMatchObject([['a long request took too long', { limitMs: 20_000 }]])
})

it('goes on with another thread where one broke off, and loses nothing', async () => {
  const { read } = openThread()
  const bodies = [3_000_000, 100, 200].map((size) => JSON.stringify({ a: 'w '.repeat(size / 2) }))
  const readings = bodies.map((body) => read(shared(body), wish, never))
  await started[0]?.terminate()
  const hashes = (await Promise.all(readings)).map((one) => one.ok && one.canonical?.hash)
  expect(hashes).toEqual(
    bodies.map((body) => {
      const here = readBody(Buffer.from(body), wish).reading
      return here.ok && here.canonical?.hash
    }),
  )
  expect(started).toHaveLength(2)
  expect(warnings).toHaveLength(1)
})

it('gives up on a request that takes two threads down, and on no other', async () => {
  const { read } = openThread({
    newWorker(entry, options) {
      const worker = new Worker(entry, options)
      started.push(worker)
      if (started.length < 3) void worker.terminate()
      return worker
    },
  })
  const [first, second] = [read(shared('{"a":1}'), wish, never), read(shared('{"a":2}'), wish, never)]
  await expect(first).rejects.toThrow('broke off twice')
  expect(await second).toMatchObject({ ok: true })
})

it('gives up at once on what needs more memory than the thread may have', async () => {
  const { read } = openThread({ heapMb: 32 })
  const body = shared(JSON.stringify({ a: '日本 '.repeat(4_000_000) }))
  await expect(read(body, wish, never)).rejects.toThrow('too much memory')
  expect(await read(shared('{"a":1}'), wish, never)).toMatchObject({ ok: true })
  expect(started).toHaveLength(2)
})

it('leaves out what nobody waits for any more, and ends what waits when it is closed', async () => {
  const { read, close } = openThread()
  const long = read(shared(JSON.stringify({ a: 'w '.repeat(1_000_000) })), wish, never)
  const abort = new AbortController()
  const given = read(shared('{"a":1}'), wish, { owner, signal: abort.signal })
  abort.abort(new Error('the client went away'))
  await expect(given).rejects.toThrow('went away')
  await expect(read(shared('{}'), wish, { owner, signal: abort.signal })).rejects.toThrow('went away')
  const last = read(shared('{}'), wish, never)
  const ends = Promise.allSettled([long, last])
  await close()
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(read(shared('{}'), wish, never)).rejects.toThrow('closing')
})
