import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createMask } from '../adapters/masking/mask.ts'
import type { TapedChunk } from '../ports/gateway.ts'
import { createAnswerMemory, joined } from './answer-memory.ts'
import { knownSecret } from './hostile-bodies.fixture.ts'
import { packAnswer, partChars, unpackAnswer, withoutSecrets } from './packed-answer.ts'

const { mask } = createMask([knownSecret])
const megabyte = 1024 * 1024

const use = fc.record({
  inputTokens: fc.nat(),
  cachedTokens: fc.nat(),
  outputTokens: fc.nat(),
  costUsdNanos: fc.option(fc.maxSafeNat()),
})
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 50 }),
  fc
    .tuple(fc.constantFrom('data: {"delta":"word"}\n\n', knownSecret, '日本'), fc.nat({ max: 3000 }))
    .map(([text, times]) => new TextEncoder().encode(text.repeat(times))),
  fc.nat({ max: 30 }).map((at) => new TextEncoder().encode(knownSecret.slice(0, at))),
)
const answer = fc.array(fc.record({ bytes: piece, use }), { maxLength: 12 })

function shared(chunks: readonly TapedChunk[]) {
  const memory = createAnswerMemory(-1)
  for (const chunk of chunks) memory.add(chunk)
  return memory.shared()
}

const whole = (chunks: readonly TapedChunk[]) => Buffer.concat(chunks.map(({ bytes }) => bytes))

it('gives back to the byte what it packed, or the same in one piece without its secrets', () => {
  fc.assert(
    fc.property(answer, (chunks) => {
      const memory = shared(chunks)
      if (!memory) {
        expect(chunks).toEqual([])
        return
      }
      const packed = Buffer.from(packAnswer(joined(memory), mask)).toString('latin1')
      const back = unpackAnswer(packed, 64 * megabyte)
      const text = whole(chunks).toString('utf8')
      const masked = mask(text)
      if (masked === text) {
        expect(back).toEqual(chunks.map((one) => ({ ...one, bytes: Uint8Array.from(one.bytes) })))
        return
      }
      expect(whole(back ?? []).toString('utf8')).toBe(masked)
      expect(back).toMatchObject([{ use: chunks.at(-1)?.use }])
    }),
    { numRuns: 300 },
  )
})

it('keeps in memory what it was given, long or short', () => {
  fc.assert(
    fc.property(answer, fc.nat({ max: 100_000 }), (chunks, shortBytes) => {
      const memory = createAnswerMemory(shortBytes)
      for (const chunk of chunks) memory.add(chunk)
      expect(memory.chunks()).toEqual(chunks)
      expect(memory.shared() !== undefined).toBe(whole(chunks).length > shortBytes)
    }),
  )
})

it('packs otherwise where a part of it looks like a secret by chance', () => {
  const memory = shared([{ bytes: new TextEncoder().encode('some words '.repeat(900)), use: noUse }])
  if (!memory) throw new Error('it was added')
  const first = Buffer.from(packAnswer(joined(memory), (text) => text)).toString('latin1')
  const again = (text: string) => text.replaceAll(first.slice(20, 32), '***')
  const second = Buffer.from(packAnswer(joined(memory), again)).toString('latin1')
  expect(second).not.toBe(first)
  expect(again(second)).toBe(second)
  expect(unpackAnswer(second, megabyte)).toEqual(unpackAnswer(first, megabyte))
  expect(() => packAnswer(joined(memory), (text) => text.replaceAll(/^(?=\w{8})/g, 'x'))).toThrow(
    'looks like a secret',
  )
})

const noUse = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsdNanos: null }

it('reads nothing that it did not write, and nothing larger than an answer', () => {
  const memory = shared([{ bytes: new Uint8Array(3 * megabyte), use: noUse }])
  if (!memory) throw new Error('it was added')
  const packed = Buffer.from(packAnswer(joined(memory), mask)).toString('latin1')
  expect(unpackAnswer(packed, 3 * megabyte)).toHaveLength(1)
  expect(unpackAnswer(packed, megabyte)).toBe(undefined)
  fc.assert(
    fc.property(fc.nat(), fc.string({ maxLength: 3 }), (at, text) => {
      const place = at % packed.length
      const changed = packed.slice(0, place) + text + packed.slice(place + text.length + 1)
      const back = unpackAnswer(changed, 4 * megabyte)
      // Deflate has no check of its own: other zeros are the worst that comes of it.
      if (back) expect(whole(back).length).toBeLessThanOrEqual(8 * megabyte)
    }),
    { numRuns: 100 },
  )
  for (const text of ['', 'x', '****', 'AAAA', packed.slice(0, -8)])
    expect(unpackAnswer(text, megabyte)).toBe(undefined)
  expect(partChars % 4).toBe(0)
  expect(withoutSecrets({ counts: new Float64Array(), bytes: Buffer.alloc(0) }, mask).bytes).toHaveLength(0)
})
