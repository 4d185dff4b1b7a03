import { expect, it } from 'vitest'
import { createReplayTape } from '../gateway/tape.ts'
import type { CallOpening, CallOutcome, CanonicalRequest } from '../ports/gateway.ts'
import { createRecordingTape, readTapedCall } from './model-tape.ts'

const request = (hash: string): CanonicalRequest => ({ title: 'POST anthropic generate', hash, text: '{}' })
const use = { inputTokens: 3, cachedTokens: 1, outputTokens: 2, costUsdNanos: null }
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

const mask = (text: string) => text.replaceAll('top-secret', '•••')

function recorded(hashes: readonly string[]) {
  const values: unknown[] = []
  const tape = createRecordingTape((driver, noted) => {
    expect(driver).toBe('gateway')
    expect(noted).not.toHaveProperty('text')
    return { end: (ended) => void values.push(JSON.parse(JSON.stringify(ended))) }
  }, mask)
  if (tape.mode !== 'record') throw new Error('it records')
  for (const hash of hashes) {
    const call = tape.record(request(hash), opening)
    call.head({ status: 200, headers: { 'content-type': 'text/event-stream' } })
    call.chunk({ bytes: new Uint8Array([0, 255, 10]), use })
    call.chunk({ bytes: new TextEncoder().encode(hash), use })
    call.end(outcome)
  }
  return values
}

function replayed(hashes: readonly string[]) {
  const calls = recorded(hashes).map((ended, at) =>
    readTapedCall((ended as { value: unknown }).value, at + 1),
  )
  return createReplayTape(calls.filter((call) => call !== undefined))
}

it('plays to the byte what it took down', () => {
  const answer = replayed(['a']).next(request('a'))
  if (!answer.ok) throw new Error('it leaves the recording')
  expect(answer.call).toMatchObject({ step: 1, head: { status: 200 }, outcome })
  expect(answer.call.chunks.map(({ bytes }) => [...bytes])).toEqual([[0, 255, 10], [97]])
  expect(answer.call.chunks[0]?.use).toEqual(use)
})

it('keeps no secret, also where it lies across two pieces', () => {
  const values: { value: { chunks: [string][] } }[] = []
  const tape = createRecordingTape(() => ({ end: (ended) => void values.push(ended as never) }), mask)
  if (tape.mode !== 'record') throw new Error('it records')
  const call = tape.record(request('a'), opening)
  for (const part of ['it is top-', 'secret, so hush'])
    call.chunk({ bytes: new TextEncoder().encode(part), use })
  call.end(outcome)
  const kept = values[0]?.value.chunks.map(([part]) => Buffer.from(part, 'base64').toString())
  expect(kept).toEqual(['it is •••, so hush'])
})

it('lets calls that ran side by side come in any order, each once', () => {
  const tape = replayed(['a', 'b', 'a'])
  expect(['b', 'a', 'a'].map((hash) => tape.next(request(hash)))).toMatchObject([
    { ok: true, call: { step: 2, opening, request: { text: '{}' } } },
    { ok: true, call: { step: 1 } },
    { ok: true, call: { step: 3 } },
  ])
})

it('names the step where a request leaves the recording, and its end', () => {
  const tape = replayed(['a', 'b'])
  tape.next(request('a'))
  expect(tape.next(request('x'))).toMatchObject({ ok: false, step: 2, expected: { hash: 'b' } })
  tape.next(request('b'))
  expect(tape.next(request('b'))).toMatchObject({ ok: false, expected: null })
})

it('says that an answer was too long instead of keeping a part of it', () => {
  const values: unknown[] = []
  const tape = createRecordingTape(() => ({ end: (ended) => void values.push(ended) }), mask)
  if (tape.mode !== 'record') throw new Error('it records')
  const call = tape.record(request('a'), opening)
  for (let at = 0; at < 65; at++) call.chunk({ bytes: new Uint8Array(1024 ** 2), use })
  call.end(outcome)
  expect(values).toEqual([{ error: 'the answer was too long to be recorded' }])
})

it.each([null, 3, {}, { title: 1 }, { title: 'a', hash: 'b', head: {}, chunks: [], outcome: {} }])(
  'takes nothing for a call that is none: %j',
  (value) => {
    expect(readTapedCall(value, 1)).toBeUndefined()
  },
)
