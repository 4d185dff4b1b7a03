import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFrameReader, encodeFrame, parseToShim } from './protocol.ts'

it('gives the same frames however the bytes are cut', () => {
  const message = fc.record({ offset: fc.nat(), payload: fc.uint8Array({ maxLength: 200 }) })
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), cuts, (messages, sizes) => {
      const bytes = Buffer.concat(
        messages.map(({ offset, payload }) => encodeFrame({ type: 'stdin', offset }, payload)),
      )
      const reader = createFrameReader()
      const read: { offset: number; payload: number[] }[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1
        for (const { header, payload } of reader.push(bytes.subarray(at, at + size))) {
          const found = parseToShim(header)
          if (found?.type === 'stdin') read.push({ offset: found.offset, payload: [...payload] })
        }
        at += size
      }
      expect(read).toEqual(messages.map(({ offset, payload }) => ({ offset, payload: [...payload] })))
    }),
  )
})

it('never takes noise for a message without saying so', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        for (const { header } of createFrameReader().push(bytes)) parseToShim(header)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})
