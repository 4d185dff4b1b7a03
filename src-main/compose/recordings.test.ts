import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CallOpening, CallOutcome, CanonicalRequest, Tape } from '../ports/gateway.ts'
import { FileStore } from '../store/kernel/file-store.ts'
import { type RunningKernel, startKernel } from './kernel-host.ts'
import { mostRecordingBytes } from './recording-play.ts'
import { readCalls, UnplayableRecording } from './recording-reader.ts'
import { createRecordings, type Recordings } from './recordings.ts'
import { longestHold } from './thread-hold.fixture.ts'

const id = 'ses-recorded'
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

let folder: string
let recordings: Recordings
let kernel: RunningKernel
const at = (name: string) => join(folder, name)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sbx-recordings-'))
  recordings = createRecordings({ folder, isOn: () => true, mask: (text) => text, log: quiet })
  kernel = startKernel({ record: recordings.open })
})
afterEach(async () => {
  await kernel.close()
  rmSync(folder, { recursive: true })
})

function answer(tape: Tape, hash: string, pieces: readonly Uint8Array[]): void {
  if (tape.mode !== 'record') throw new Error('it records')
  const call = tape.record(request(hash), opening)
  call.head({ status: 200, headers: {} })
  for (const bytes of pieces) call.chunk({ bytes, use })
  call.end(outcome)
}

/** A session whose one turn makes these calls; resolves when it has begun that turn, `end` ends it. */
async function session(calls: Readonly<Record<string, readonly Uint8Array[]>>) {
  const begun = Promise.withResolvers<void>()
  const ending = Promise.withResolvers<void>()
  kernel.serve(async (pid) => {
    const tape = recordings.tape(id, kernel.host.door(pid).note)
    if (!tape) throw new Error('it is recorded')
    for (const [hash, pieces] of Object.entries(calls)) answer(tape, hash, pieces)
    begun.resolve()
    await ending.promise
  })
  kernel.host.spawn({
    sessionId: id,
    runtime: 'scripted',
    budget: { tokens: null, usdNanos: null, toolCalls: null, wallMs: null },
    devices: ['runtime:scripted'],
    priority: 0,
    prompts: [{ promptId: null, text: 'first' }],
  })
  await begun.promise
  return async () => {
    ending.resolve()
    return recordings.digestOf(id)
  }
}

const text = (words: string) => new TextEncoder().encode(words)

async function refused(): Promise<string> {
  const problem = await recordings.problem(id)
  await expect(recordings.play(id)).rejects.toMatchObject({ code: 'not_replayable', message: problem })
  return problem ?? ''
}

it('is whole once its session has ended, with its digest, and plays what was answered', async () => {
  const end = await session({ a: [text('one '), text('two')], b: [text('three')] })
  expect(recordings.isOpen(id)).toBe(true)
  expect(recordings.has(id)).toBe(false)
  expect(await refused()).not.toBe('')
  expect(recordings.open(id)).toBeUndefined()
  const digest = await end()
  expect([recordings.has(id), recordings.isOpen(id), recordings.isCutOff(id)]).toEqual([true, false, false])
  expect(digest).toBe(
    createHash('sha256')
      .update(readFileSync(at(`${id}.jnl`)))
      .digest('hex'),
  )
  expect(await recordings.problem(id)).toBeNull()
  const { model, tape } = await recordings.play(id)
  expect(model).toEqual({ provider: 'anthropic', model: 'm' })
  if (tape.mode !== 'replay') throw new Error('it plays')
  const found = tape.next(request('a'))
  expect(found.ok && found.call.chunks.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
    'one ',
    'two',
  ])
  expect(tape.next(request('c'))).toMatchObject({ ok: false, step: 2, expected: { hash: 'b' } })
})

it('is never whole when the session went on without it, or when a crash cut it off', async () => {
  const end = await session({ a: [text('one')] })
  recordings.breakOff(id)
  expect(recordings.isCutOff(id)).toBe(true)
  expect(await end()).toBeUndefined()
  expect(recordings.has(id)).toBe(false)
  expect(await refused()).toBe('Its recording breaks off before its end.')
})

it('does not play what is torn, cut, mixed up, foreign or too long, and says why', async () => {
  const end = await session({ a: [text('one')], b: [text('two')] })
  await end()
  const file = at(`${id}.jnl`)
  const whole = readFileSync(file)
  const lines = whole.toString().trimEnd().split('\n')
  const cases: readonly (readonly [string, Buffer | string])[] = [
    ['breaks off', whole.subarray(0, whole.length - 10)],
    ['breaks off', whole.subarray(0, whole.length >> 1)],
    ['missing', lines.filter((_, index) => index !== 2).join('\n')],
    ['no recording of ours', lines.slice(1).join('\n').replace('"seq":2', '"seq":1')],
    ["can't be read", 'hello\n'],
    ["can't be read", Buffer.concat([whole, Buffer.from('{}\n')])],
    ['breaks off', ''],
  ]
  for (const [reason, content] of cases) {
    writeFileSync(file, content)
    expect(await refused()).toContain(reason)
  }
  truncateSync(file, mostRecordingBytes + 1)
  expect(await refused()).toContain('too long')
  rmSync(file)
  expect(await refused()).toContain('not recorded')
})

it('is never taken for whole without its end, wherever it was cut', async () => {
  const end = await session({ a: [text('one')], b: [text('two')] })
  await end()
  const file = at(`${id}.jnl`)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const readAll = () => {
    const store = new FileStore(file, { isReadOnly: true })
    try {
      return [...readCalls(store.read())]
    } finally {
      store.close()
    }
  }
  expect(readAll()).toHaveLength(2)
  const exit = lines.findIndex((line) => line.includes('"kind":"exit"'))
  expect(exit).toBeGreaterThan(0)
  for (let count = 0; count <= exit; count += 1) {
    writeFileSync(
      file,
      lines
        .slice(0, count)
        .map((line) => `${line}\n`)
        .join(''),
    )
    expect(readAll, `${count} records`).toThrow(UnplayableRecording)
  }
})

it('keeps the main thread free while a long recording is read', { timeout: 60_000 }, async () => {
  const piece = new Uint8Array(4096).fill(120)
  const pieces = Array.from({ length: 4000 }, () => piece)
  const end = await session({ a: pieces, b: pieces.slice(0, 100), c: [new Uint8Array(8 * 1024 ** 2)] })
  await end()
  const longestMs = await longestHold(() => recordings.play(id))
  const { tape } = await recordings.play(id)
  console.info(`longest hold ${longestMs.toFixed(1)} ms`)
  expect(longestMs).toBeLessThan(8)
  const found = tape.mode === 'replay' ? tape.next(request('a')) : undefined
  expect(found?.ok && found.call.chunks.length).toBe(4000)
  expect(found?.ok && found.call.chunks[3999]?.bytes).toEqual(piece)
})

it('sweeps what belongs to no session, and locks, and nothing else', () => {
  const names = [
    'ses-known1.jnl',
    'ses-known1.jnl.part',
    'ses-gone11.jnl',
    'ses-gone11.jnl.part',
    'x.jnl.lock',
    'notes.txt',
  ]
  for (const name of names) writeFileSync(at(name), 'x')
  recordings.sweep((sessionId) => sessionId === 'ses-known1')
  expect(readdirSync(folder).sort()).toEqual(['notes.txt', 'ses-known1.jnl', 'ses-known1.jnl.part'])
})

it('takes nothing down of a session that is not recorded', () => {
  expect(recordings.tape('ses-notrecorded', () => undefined)).toBeNull()
})
