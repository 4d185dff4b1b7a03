import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyBody, copyRequest } from './copy.ts'

test('copies equal their source and share nothing with it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = copyBody(value)
      expect(copy).toEqual(value)
      if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value)
    }),
  )
  const source = {
    at: new Date(5),
    map: new Map([[{ k: 1 }, [1]]]),
    set: new Set([1n]),
    bytes: new Uint8Array([1, 2]),
  }
  const copy = copyBody(source) as typeof source
  source.bytes[0] = 9
  source.at.setTime(0)
  expect(copy).toEqual({
    at: new Date(5),
    map: new Map([[{ k: 1 }, [1]]]),
    set: new Set([1n]),
    bytes: new Uint8Array([1, 2]),
  })
})

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
cyclic.again = cyclic
let laughs: unknown = 'ha'
for (let i = 0; i < 60; i++) laughs = [laughs, laughs]

test.each([
  ['a function', () => 1],
  ['a nested function', { a: [() => 1] }],
  ['a symbol', Symbol('s')],
  ['an instance', new (class Thing {})()],
  ['an error', new Error('e')],
  ['a promise', Promise.resolve()],
  ['a proxy of a class', new Proxy(new (class Thing {})(), {})],
  ['shared memory', new Uint8Array(new SharedArrayBuffer(4))],
  ['a cycle', cyclic],
  ['exponential sharing', laughs],
  ['an endless array', new Array(2_000_000_000)],
  ['a weak map', new WeakMap()],
])('%s is refused', (_name, value) => {
  expect(() => copyBody(value)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('a body cannot set a prototype', () => {
  const copy = copyBody(JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')) as Record<
    string,
    unknown
  >
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  expect(Object.hasOwn(copy, '__proto__')).toBe(true)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('a request keeps its two side channels, and only those', () => {
  const onDelta = () => undefined
  const { signal } = new AbortController()
  const copy = copyRequest({ messages: [1], onDelta, signal }) as Record<string, unknown>
  expect(copy).toEqual({ messages: [1], onDelta, signal })
  expect(copy.signal).toBe(signal)
  expect(() => copyRequest({ onDelta, other: onDelta })).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  expect(() => copyRequest({ deep: { onDelta } })).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})
