import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createGuest } from './guest-host.ts'
import { parseGuestMessage } from './guest-message.ts'
import { splitLines } from './line-splitter.ts'
import { decodeTree, encodeText } from './text-codec.ts'

const MAX = 1 << 20

/** A guest in this thread that hands back whatever it is answered. */
async function echo() {
  let posted: string[] = []
  let silent: (() => void) | undefined
  const guest = createGuest({
    post: (text) => (text === 'i' ? silent?.() : posted.push(text)),
    afterMicrotasks: (then) => {
      globalThis.setImmediate(then)
    },
  })
  const step = async (text: string): Promise<string> => {
    posted = []
    const done = new Promise<void>((resolve) => {
      silent = resolve
    })
    guest.take(text)
    await done
    return posted.join()
  }
  const code = 'async (sys) => { let value; for (;;) value = await sys.recv(value) }'
  await step(`b${JSON.stringify({ code, calls: ['recv'], args: null })}`)
  let id = 0
  return async (value: unknown): Promise<unknown> => {
    const message = parseGuestMessage(await step(`s[[${++id},true,${encodeText(value, MAX)}]]`))
    if (message?.kind !== 'call') throw new Error('no call')
    return message.args[0]
  }
}

const values = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  maxDepth: 4,
  key: fc.oneof(fc.string(), fc.constantFrom('$t', 'v', '__proto__', 'constructor', 'toJSON', 'then')),
})

test('every value that a message may hold comes back from a guest as it went', async () => {
  const back = await echo()
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      expect(await back(value)).toEqual(value)
    }),
    { numRuns: 1000 },
  )
})

test('any JSON is decoded or refused, and what is decoded can be encoded', () => {
  const tagged = fc.record({
    $t: fc.constantFrom('map', 'set', 'date', 'bigint', 'number', 'object', 'undefined', 'other'),
    v: fc.jsonValue(),
  })
  fc.assert(
    fc.property(
      fc.oneof(fc.jsonValue(), tagged, fc.array(tagged), fc.record({ $t: fc.jsonValue(), v: tagged })),
      (tree) => {
        let value: unknown
        try {
          value = decodeTree(JSON.parse(JSON.stringify(tree)))
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          return
        }
        expect(decodeTree(JSON.parse(encodeText(value, MAX)))).toEqual(value)
      },
    ),
  )
})

test('a value that is too large is refused before its text is made', () => {
  const shared = Array(1000).fill('x'.repeat(1000))
  for (const value of [
    Array(100).fill(shared),
    'x'.repeat(MAX),
    new Uint8Array(MAX + 1),
    new Array(2 ** 30),
    1n << (1n << 24n),
  ]) {
    let quickestMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < 3; round++) {
      const startedMs = performance.now()
      expect(() => encodeText(value, MAX)).toThrow('too large')
      quickestMs = Math.min(quickestMs, performance.now() - startedMs)
    }
    expect(quickestMs).toBeLessThan(200)
  }
  const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown
  expect(() => encodeText(deep, MAX)).toThrow('too deeply')
  for (const odd of [() => 1, Symbol('x'), { a: () => 1 }])
    expect(() => encodeText(odd, MAX)).toThrow('cannot be passed')
})

test('lines are the same however a stream is cut', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', '')))
  fc.assert(
    fc.property(texts, fc.array(fc.nat(400)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const got: string[] = []
      const take = splitLines(1000, (line) => got.push(line))
      let from = 0
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        const to = Math.min(Math.max(cut, from), bytes.length)
        expect(take(bytes.subarray(from, to))).toBe(true)
        from = to
      }
      expect(got).toEqual(lines)
    }),
  )
  const endless = splitLines(1000, () => undefined)
  expect(endless(Buffer.alloc(1000, 'x'))).toBe(true)
  expect(endless(Buffer.alloc(1, 'x'))).toBe(false)
  expect(endless(Buffer.from('\n'))).toBe(false)
})
