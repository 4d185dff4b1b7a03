import { expect, test } from 'vitest'
import { ByteBudget, encodeFrame, FrameError, FrameReader, MAX_FRAME_BYTES } from './framing.ts'

function header(size: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(size)
  return out
}

function faultOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof FrameError) return error.code
  }
  return 'none'
}

test('a frame is its length, big-endian, and UTF-8 JSON', () => {
  expect(encodeFrame({ a: 'ä' })).toEqual(Buffer.from('\0\0\0\u000a{"a":"ä"}'))
})

test('the longest frame passes, one byte more does not, and nothing is allocated for an announcement', () => {
  const reader = new FrameReader()
  expect([...reader.push(header(MAX_FRAME_BYTES))]).toEqual([])
  expect(faultOf(() => [...new FrameReader().push(header(MAX_FRAME_BYTES + 1))])).toBe('E_FRAME_TOO_LONG')
  expect(faultOf(() => [...new FrameReader().push(header(0xffffffff))])).toBe('E_FRAME_TOO_LONG')
  const text = 'x'.repeat(MAX_FRAME_BYTES - 2)
  expect([...new FrameReader().push(encodeFrame(text))]).toEqual([text])
  expect(faultOf(() => encodeFrame(`${text}y`))).toBe('E_FRAME_TOO_LONG')
})

test('what is no JSON or no UTF-8 ends the stream, after the good frames before it', () => {
  for (const bad of [
    Buffer.from('{"a":'),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.alloc(0),
    Buffer.from('\u0000'),
  ]) {
    const reader = new FrameReader()
    const seen: unknown[] = []
    const stream = Buffer.concat([encodeFrame(1), header(bad.length), bad, encodeFrame(2)])
    const fault = faultOf(() => {
      for (const value of reader.push(stream)) seen.push(value)
    })
    expect([fault, seen]).toEqual(['E_FRAME_NOT_JSON', [1]])
  }
})

test('unfinished frames of all connections share one budget, and who holds most has to go', () => {
  const budget = new ByteBudget(100)
  const evicted: string[] = []
  const readerOf = (name: string) => new FrameReader({ budget, evicted: () => evicted.push(name) })
  const begin = (reader: FrameReader, bytes: number): unknown[] => [
    ...reader.push(Buffer.concat([header(1000), Buffer.alloc(bytes)])),
  ]
  const [one, two, three] = [readerOf('one'), readerOf('two'), readerOf('three')]
  begin(one, 60)
  begin(two, 30)
  begin(three, 25)
  expect(evicted).toEqual(['one'])
  expect(budget.used).toBe(55)
  expect(faultOf(() => begin(three, 50))).toBe('E_TOO_MUCH_WAITING')
  three.close()
  two.close()
  expect(budget.used).toBe(0)
})

test('a frame in crumbs costs time in proportion to its length', () => {
  const text = 'y'.repeat(400_000)
  const frame = encodeFrame(text)
  const reader = new FrameReader()
  const started = performance.now()
  const seen: unknown[] = []
  for (let at = 0; at < frame.length; at++) seen.push(...reader.push(frame.subarray(at, at + 1)))
  expect(seen).toEqual([text])
  expect(performance.now() - started).toBeLessThan(5000)
})
