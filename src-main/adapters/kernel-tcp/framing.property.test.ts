import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteBudget, encodeFrame, FrameReader } from './framing.ts'

test('invariant 41: any cutting of the byte stream yields the same frames', () => {
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 4000 })), {
    minLength: 1,
  })
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 12 }), cuts, (values, sizes) => {
      const stream = Buffer.concat(values.map((value) => encodeFrame(value)))
      const budget = new ByteBudget(stream.length)
      const reader = new FrameReader({ budget })
      const seen: unknown[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        // A copy that is overwritten afterwards, as a socket's buffer may be.
        const chunk = Buffer.from(stream.subarray(at, at + size))
        seen.push(...reader.push(chunk))
        at += size
      }
      expect(JSON.stringify(seen)).toBe(JSON.stringify(values))
      expect(reader.isInside).toBe(false)
      expect(budget.used).toBe(0)
    }),
    { numRuns: 500 },
  )
})

test('invariant 41: each frame comes with its last byte, not later', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }), (values) => {
      const reader = new FrameReader()
      const seen: unknown[] = []
      for (const value of values) {
        const frame = encodeFrame(value)
        for (const byte of frame.subarray(0, -1)) expect([...reader.push(Buffer.of(byte))]).toEqual([])
        seen.push(...reader.push(frame.subarray(-1)))
      }
      expect(JSON.stringify(seen)).toBe(JSON.stringify(values))
    }),
    { numRuns: 500 },
  )
})

test('hostile bytes end in an error or a wait, and the reader holds no more than it was given', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 50 }), (chunks) => {
      const budget = new ByteBudget(1_000_000)
      const reader = new FrameReader({ maxBytes: 64, budget })
      try {
        for (const chunk of chunks) for (const _ of reader.push(Buffer.from(chunk)));
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^E_FRAME_/)
      }
      expect(budget.used).toBeLessThanOrEqual(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
      reader.close()
      expect(budget.used).toBe(0)
    }),
    { numRuns: 500 },
  )
})
