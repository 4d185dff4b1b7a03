import { expect, it } from 'vitest'
import { createFrameReader, encodeFrame, parseExit, parseFromShim, parseToShim } from './protocol.ts'

it('reads back what it wrote, cut at every place', () => {
  const payload = new Uint8Array([0, 1, 255, 10])
  const bytes = Buffer.concat([
    encodeFrame({ type: 'stdin', offset: 5 }, payload),
    encodeFrame({ type: 'bye' }),
  ])
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const reader = createFrameReader()
    const frames = [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))]
    expect(frames.map(({ header }) => header)).toEqual([{ type: 'stdin', offset: 5 }, { type: 'bye' }])
    expect([...(frames[0]?.payload ?? [])]).toEqual([...payload])
  }
})

it('refuses lengths that no frame has, and headers that are no JSON', () => {
  const huge = Buffer.alloc(8)
  huge.writeUInt32BE(0xffff_ffff, 0)
  expect(() => createFrameReader().push(huge)).toThrow(RangeError)
  const large = Buffer.alloc(8)
  large.writeUInt32BE(0xffff_ffff, 4)
  expect(() => createFrameReader().push(large)).toThrow(RangeError)
  const broken = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.from('{')])
  expect(() => createFrameReader().push(broken)).toThrow(SyntaxError)
})

it.each([
  null,
  [],
  'hello',
  { type: 'hello' },
  { type: 'hello', pid: 1.5, startTime: '1', fromByte: 0 },
  { type: 'stdin', offset: -1 },
  { type: 'stdin', offset: '1' },
  { type: 'credit', upTo: Number.MAX_VALUE },
  { type: 'constructor' },
])('takes %j for no message of the app', (header) => {
  expect(parseToShim(header)).toBe(undefined)
})

it.each([
  undefined,
  { type: 'exit', code: 0, signal: null },
  { type: 'exit', code: '0', signal: null, stdoutBytes: 0 },
  { type: 'welcome', stdinBytes: 0, stdoutFrom: 0 },
  { type: 'stdout' },
])('takes %j for no message of the shim', (header) => {
  expect(parseFromShim(header)).toBe(undefined)
})

it('reads an end', () => {
  expect(parseExit({ code: null, signal: 'SIGKILL', stdoutBytes: 3, more: 1 })).toEqual({
    code: null,
    signal: 'SIGKILL',
    stdoutBytes: 3,
  })
})
