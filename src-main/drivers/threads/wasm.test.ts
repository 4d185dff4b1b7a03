import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DriverHandle } from '../../kernel/abi.ts'
import type { Pid } from '../../kernel/ids.ts'
import { capModule } from './wasm-binary.ts'
import { wasmDriver } from './wasm-driver.ts'

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const text = (value: string): number[] => [value.length, ...Buffer.from(value)]
const section = (id: number, body: readonly number[]): number[] => [id, body.length, ...body]

/** One type (params → results), functions with their bodies, and the exports. */
function module(parts: {
  params?: readonly number[]
  results?: readonly number[]
  bodies: Readonly<Record<string, readonly number[]>>
  memory?: readonly number[]
  table?: readonly number[]
  start?: number
}): Uint8Array {
  const { params = [], results = [0x7f], bodies, memory, table, start } = parts
  const names = Object.keys(bodies)
  const functions = Object.values(bodies).map((code) => [code.length + 2, 0, ...code, 0x0b])
  return Uint8Array.from([
    ...header,
    ...section(1, [1, 0x60, params.length, ...params, results.length, ...results]),
    ...section(3, [names.length, ...names.map(() => 0)]),
    ...(table ? section(4, [1, ...table]) : []),
    ...(memory ? section(5, [1, ...memory]) : []),
    ...section(7, [names.length, ...names.flatMap((name, i) => [...text(name), 0, i])]),
    ...(start === undefined ? [] : section(8, [start])),
    ...section(10, [names.length, ...functions.flat()]),
  ])
}

const i32 = 0x7f
const adder = module({ params: [i32, i32], bodies: { add: [0x20, 0, 0x20, 1, 0x6a] } })
/** Grows its memory by its argument in pages, and gives the old size or -1. */
const grower = (...memory: number[]) =>
  module({ params: [i32], memory, bodies: { grow: [0x20, 0, 0x40, 0] } })
const spinner = module({ bodies: { spin: [0x03, 0x7f, 0x0c, 0, 0x0b] } })

async function opened(modules: Readonly<Record<string, Uint8Array>>, options = {}): Promise<DriverHandle> {
  return wasmDriver(modules, options).open(1 as Pid)
}

const call = async (handle: DriverHandle, request: unknown): Promise<unknown> =>
  (await handle.read?.(request))?.value

test('calls functions, gives numbers, bigints and several values', async () => {
  const wide = module({ params: [0x7e], results: [0x7e, 0x7e], bodies: { twice: [0x20, 0, 0x20, 0] } })
  const handle = await opened({ adder, wide })
  expect(await call(handle, { module: 'adder', fn: 'add', args: [2, 40] })).toBe(42)
  expect(await call(handle, { module: 'wide', fn: 'twice', args: [2n ** 40n] })).toEqual([
    2n ** 40n,
    2n ** 40n,
  ])
  await handle.close?.()
})

test('memory is capped, and fresh in each call', async () => {
  const handle = await opened(
    { open: grower(0, 1), high: grower(1, 1, 0xff, 0xff, 3), low: grower(1, 1, 2) },
    { maxPages: 10 },
  )
  for (const name of ['open', 'high']) {
    expect(await call(handle, { module: name, fn: 'grow', args: [9] })).toBe(1)
    expect(await call(handle, { module: name, fn: 'grow', args: [10] })).toBe(-1)
  }
  expect(await call(handle, { module: 'low', fn: 'grow', args: [2] })).toBe(-1)
  await handle.close?.()
})

test('a loop is ended, one in the start function too, and the next call works', async () => {
  const starter = module({ results: [], bodies: { spin: [0x03, 0x40, 0x0c, 0, 0x0b] }, start: 0 })
  const handle = await opened({ spinner, starter, adder }, { timeoutMs: 200 })
  await expect(call(handle, { module: 'spinner', fn: 'spin', args: [] })).rejects.toThrow(
    'no answer within 200 ms',
  )
  await expect(call(handle, { module: 'starter', fn: 'spin', args: [] })).rejects.toThrow(
    'no answer within 200 ms',
  )
  expect(await call(handle, { module: 'adder', fn: 'add', args: [1, 1] })).toBe(2)
  await handle.close?.()
})

test.each([
  [
    'imports',
    Uint8Array.from([
      ...header,
      ...section(1, [1, 0x60, 0, 0]),
      ...section(2, [1, ...text('a'), ...text('b'), 0, 0]),
    ]),
    'imports',
  ],
  ['memory above the cap', grower(0, 0xff, 0xff, 3), 'starts above'],
  ['shared memory', grower(3, 1, 2), 'shared'],
  ['64-bit memory', grower(4, 1), '64-bit'],
  ['two memories', Uint8Array.from([...header, ...section(5, [2, 0, 1, 0, 1])]), 'more than one memory'],
  [
    'a huge table',
    module({ table: [0x70, 0, 0xff, 0xff, 0xff, 0x7f], bodies: { f: [0x41, 0] } }),
    'starts above',
  ],
  ['an unusual table', module({ table: [0x40, 0, 0x70, 0, 1], bodies: { f: [0x41, 0] } }), 'unusual table'],
  ['nothing', new Uint8Array(), 'not a WebAssembly module'],
  ['a component', Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]), 'not a WebAssembly module'],
  ['a cut off section', Uint8Array.from([...header, 5, 200]), 'cut off'],
  ['an endless number', Uint8Array.from([...header, 5, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), 'too long'],
])('a module with %s is refused', (_, bytes, words) => {
  expect(() => wasmDriver({ x: bytes })).toThrow(words)
})

test.each([
  [{ module: 'y', fn: 'add', args: [] }, 'unknown module'],
  [{ module: '__proto__', fn: 'add', args: [] }, 'unknown module'],
  [{ module: 'adder', fn: 'constructor', args: [] }, 'unknown function'],
  [{ module: 'adder', fn: 'add', args: ['1'] }, 'must be numbers'],
  [{ module: 'adder', fn: 'add', args: { length: 1 } }, 'must be numbers'],
  [{ module: 'broken', fn: 'add', args: [] }, 'WebAssembly.Module'],
  [undefined, 'unknown module'],
])('%j is refused', async (request, words) => {
  const broken = Uint8Array.from([...header, ...section(10, [1, 0])])
  const handle = await opened({ adder, broken })
  await expect((async () => call(handle, request))()).rejects.toThrow(words)
  await handle.close?.()
})

test('any bytes are a module, or are refused with words', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((tail) => Uint8Array.from([...header, ...tail]))
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 100 }), (input, maxPages) => {
      let out: Uint8Array
      try {
        out = capModule(input, maxPages)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        return
      }
      // Doing it twice changes nothing.
      expect(Buffer.compare(capModule(out, maxPages), out)).toBe(0)
    }),
  )
})
