import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSse } from './sse-reader.ts'

async function* chunked(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(bytes.length, Math.max(from, cut % (bytes.length + 1)))
    yield bytes.subarray(from, to)
    from = to
  }
  yield bytes.subarray(from)
}

async function all(text: string, cuts: readonly number[] = []): Promise<string[]> {
  const out: string[] = []
  for await (const data of readSse(chunked(Buffer.from(text), cuts))) out.push(data)
  return out
}

test('any chunking and any line ending gives the same events', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ''))
  const events = fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  const noise = fc.constantFrom('', ': comment', 'event: x', 'id: 5', 'retry: 9', 'datum: no')
  await fc.assert(
    fc.asyncProperty(
      events,
      noise,
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(500)),
      async (list, extra, end, cuts) => {
        const text = list
          .map(
            (lines) =>
              [extra, ...lines.map((one) => `data: ${one}`), '']
                .filter((one, i) => one !== '' || i > 0)
                .join(end) + end,
          )
          .join('')
        // A lone CR at the very end is only known to end a line once more follows.
        const closed = end === '\r' ? `${text}:\n` : text
        expect(await all(closed, cuts)).toEqual(list.map((lines) => lines.join('\n')))
      },
    ),
  )
})

test('what the end cuts off is no event, a byte order mark is none of the text, and no space is needed', async () => {
  expect(await all('\uFEFFdata:a\n\ndata: b\n')).toEqual(['a'])
  expect(await all('data\n\n')).toEqual([''])
})

test('an event without end is refused before it fills the memory', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(2 ** 20, 'x')
  }
  const read = async (): Promise<void> => {
    for await (const _ of readSse(endless())) throw new Error('no event')
  }
  await expect(read()).rejects.toThrow('without end')
})
