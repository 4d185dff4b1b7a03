import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import type { CallOpening, CallOutcome, CanonicalRequest, Tape, TapedChunk } from '../ports/gateway.ts'
import { knownSecret } from './hostile-bodies.fixture.ts'
import { type RunningKernel, startKernel } from './kernel-host.ts'
import { createLongRequests, type LongRequestThreads } from './long-requests.ts'
import { createRecordings, type Recordings } from './recordings.ts'
import { longestHold } from './thread-hold.fixture.ts'

const quiet = { info() {}, warn() {}, error() {} }
const use = { inputTokens: 3, cachedTokens: 1, outputTokens: 2, costUsdNanos: null }
const request = (hash: string): CanonicalRequest => ({ title: 'POST anthropic generate', hash, text: '{}' })
const opening: CallOpening = {
  callId: 'c1',
  kind: 'generate',
  provider: 'anthropic',
  model: 'm',
  dialect: 'anthropic',
  estimate: use,
}
const outcome: CallOutcome = {
  end: 'done',
  status: 200,
  use,
  usageSource: 'reported',
  firstByteMs: 5,
  durationMs: 9,
  requestBytes: 10,
  responseBytes: 4,
  error: null,
}

const { mask } = createMask([knownSecret])
let folder: string
let threads: LongRequestThreads
let recordings: Recordings
let kernel: RunningKernel
let sessions = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sbx-answers-'))
  threads = createLongRequests({
    secrets: () => [knownSecret],
    log: quiet,
    clock: { after: () => () => undefined },
  })
  const { packAnswer } = threads
  recordings = createRecordings({ folder, isOn: () => true, mask, packAnswer, log: quiet })
  kernel = startKernel({ record: recordings.open })
})
afterEach(async () => {
  await threads.close()
  await kernel.close()
  rmSync(folder, { recursive: true })
})

type Calls = Readonly<Record<string, readonly TapedChunk[]>>

function takeDown(tape: Tape, calls: Calls): void {
  if (tape.mode !== 'record') throw new Error('it records')
  const recorders = Object.entries(calls).map(([hash, chunks]) => {
    const recorder = tape.record(request(hash), opening)
    recorder.head({ status: 200, headers: {} })
    for (const chunk of chunks) recorder.chunk(chunk)
    return recorder
  })
  for (const recorder of recorders) recorder.end(outcome)
}

/** A session whose one turn makes these calls and ends at once; its id and the digest of its recording. */
async function session(calls: Calls, onEnded: () => void = () => undefined) {
  const sessionId = `ses-answers${++sessions}`
  kernel.serve(async (pid) => {
    const tape = recordings.tape(sessionId, kernel.host.door(pid).note)
    if (!tape) throw new Error('it is recorded')
    takeDown(tape, calls)
    onEnded()
  })
  kernel.host.spawn({
    sessionId,
    runtime: 'scripted',
    budget: { tokens: null, usdNanos: null, toolCalls: null, wallMs: null },
    devices: ['runtime:scripted'],
    priority: 0,
    prompts: [{ promptId: null, text: 'first' }],
  })
  // Its recording is opened when it is spawned.
  return { sessionId, digest: await recordings.digestOf(sessionId) }
}

async function played(sessionId: string, hash: string): Promise<readonly TapedChunk[]> {
  const { tape } = await recordings.play(sessionId)
  const found = tape.mode === 'replay' ? tape.next(request(hash)) : undefined
  return found?.ok ? found.call.chunks : []
}

const chunk = (bytes: Uint8Array, outputTokens: number): TapedChunk => ({
  bytes: new Uint8Array(bytes),
  use: { ...use, outputTokens },
})
const frames = (count: number, text = 'data: {"choices":[{"delta":{"content":" word"}}]}\n\n') =>
  Array.from({ length: count }, (_, at) => chunk(Buffer.from(text), at))

it('plays long answers to the byte, also of calls that ended together, and after the session', async () => {
  const random = [chunk(randomBytes(700_000), 1), chunk(randomBytes(3), 2)]
  const calls = { long: frames(20_000), random, short: frames(3), empty: [] }
  const { sessionId, digest } = await session(calls)
  const file = readFileSync(join(folder, `${sessionId}.jnl`))
  expect(digest).toBe(createHash('sha256').update(file).digest('hex'))
  expect(await recordings.problem(sessionId)).toBe(null)
  for (const [hash, chunks] of Object.entries(calls)) expect(await played(sessionId, hash)).toEqual(chunks)
  // A million bytes of frames that say nearly nothing.
  expect(file.length).toBeLessThan(1_500_000)
})

it('keeps no secret of a long answer, also where it lies across pieces', async () => {
  const [head, tail] = [knownSecret.slice(0, 9), knownSecret.slice(9)]
  const chunks = [...frames(5000), chunk(Buffer.from(head), 5000), chunk(Buffer.from(`${tail} end`), 5001)]
  const { sessionId } = await session({ a: chunks })
  const [only, ...others] = await played(sessionId, 'a')
  const text = Buffer.from(only?.bytes ?? []).toString()
  expect([others.length, text.slice(-8), text.includes(knownSecret)]).toEqual([0, '\n*** end', false])
  expect(only?.use.outputTokens).toBe(5001)
})

it('notes an answer here when the threads are closed in the middle, so that none is lost', async () => {
  const calls = { a: frames(20_000), b: frames(4000) }
  let closing: Promise<void> | undefined
  const { sessionId } = await session(calls, () => {
    closing = threads.close()
  })
  await closing
  expect(await played(sessionId, 'a')).toEqual(calls.a)
  expect(await played(sessionId, 'b')).toEqual(calls.b)
})

it.each([
  ['of frames', () => frames(150_000)],
  ['that cannot be packed', () => Array.from({ length: 2000 }, () => chunk(randomBytes(4096), 1))],
])('keeps the main thread free at the end of 8 MB %s', { timeout: 120_000 }, async (what, chunksOf) => {
  const chunks = chunksOf()
  const hold = await longestHold(async () => {
    const sessionId = `ses-hold${++sessions}`
    const ended = Promise.withResolvers<void>()
    kernel.serve(async (pid) => {
      const tape = recordings.tape(sessionId, kernel.host.door(pid).note)
      if (tape?.mode !== 'record') throw new Error('it records')
      const recorder = tape.record(request('a'), opening)
      for (const [at, one] of chunks.entries()) {
        recorder.chunk(one)
        if (at % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      recorder.end(outcome)
      ended.resolve()
    })
    kernel.host.spawn({
      sessionId,
      runtime: 'scripted',
      budget: { tokens: null, usdNanos: null, toolCalls: null, wallMs: null },
      devices: ['runtime:scripted'],
      priority: 0,
      prompts: [{ promptId: null, text: 'first' }],
    })
    await ended.promise
    await recordings.digestOf(sessionId)
  })
  console.info(`longest hold at the end of 8 MB ${what}: ${hold.toFixed(1)} ms`)
  expect(hold).toBeLessThan(8)
})
