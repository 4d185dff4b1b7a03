import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventFrames, dataOf } from './event-frames.ts'
import { placesOf, topLevelMembers, withMembers } from './json-members.ts'
import { isRecord } from './json-values.ts'
import { createKeyFilter } from './key-filter.ts'
import { createMeter } from './meter.ts'
import { movesBetween, relocated } from './relocate.ts'

const chunksOf = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}
const setMembers = (body: Buffer, values: Readonly<Record<string, unknown>>): Buffer =>
  Buffer.concat(withMembers(body, placesOf(body, Object.keys(values)), values))
const anyCuts = fc.array(fc.nat(), { maxLength: 12 })

describe('members of a JSON text', () => {
  it('are changed so that parsing gives exactly the wanted object, and nothing else differs', () => {
    const wide = fc.tuple(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      fc.constantFrom(0, 1, 3),
    )
    fc.assert(
      fc.property(wide, ([object, model, indent]) => {
        // Names that assignment itself would treat in a special way are no members anybody sends.
        fc.pre(!Object.hasOwn(object, '__proto__'))
        const body = Buffer.from(JSON.stringify(object, null, indent))
        const changed = setMembers(body, { model })
        expect(JSON.parse(changed.toString())).toEqual({
          ...JSON.parse(body.toString()),
          model: JSON.parse(JSON.stringify(model)),
        })
        expect([...topLevelMembers(body.toString('latin1'))].length).toBe(Object.keys(object).length)
      }),
    )
  })

  it('leave every other byte alone', () => {
    const body = Buffer.from(
      '{ "a":1.0e+2, "model" : "x\\"}" ,"b":[{"model":"in"}],"\\u006dodel":"twice", "z":"日本\\/"}',
    )
    const changed = setMembers(body, { model: 'new' }).toString()
    expect(changed).toBe(
      '{ "a":1.0e+2, "model" : "new" ,"b":[{"model":"in"}],"\\u006dodel":"new", "z":"日本\\/"}',
    )
    expect(setMembers(Buffer.from('{}'), { model: 'm' }).toString()).toBe('{"model":"m"}')
  })
})

describe('frames of an event stream', () => {
  const line = fc.stringMatching(/^[a-z:日 ]{0,12}$/)
  const ending = fc.constantFrom('\n', '\r\n', '\r')
  it('keep every byte, end at blank lines and do not depend on how the bytes came', () => {
    const stream = fc.tuple(
      fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
      ending,
    )
    fc.assert(
      fc.property(stream, anyCuts, ([events, end], cuts) => {
        const text = events.map((lines) => lines.map((one) => one + end).join('') + end).join('')
        const bytes = Buffer.from(text)
        const frames = createEventFrames()
        const got = chunksOf(bytes, cuts).flatMap((chunk) => frames.take(chunk))
        const all = Buffer.concat([...got, frames.rest()])
        expect(all.equals(bytes)).toBe(true)
        for (const frame of got) expect(frame.toString()).toMatch(/(?:^|\r\n|\n|\r)(?:\r\n|\n|\r)$/)
        const whole = createEventFrames()
        const atOnce = whole.take(bytes)
        expect(got.map(String)).toEqual(atOnce.map(String))
      }),
    )
  })

  it('give their data joined by lines', () => {
    expect(dataOf(Buffer.from('event: x\r\ndata: {"a":\r\ndata:1}\r\n\r\n'))).toBe('{"a":\n1}')
    expect(dataOf(Buffer.from(': ping\n\n'))).toBeUndefined()
  })

  it('do not hold back without end what has no blank line', () => {
    const frames = createEventFrames()
    const out = Array.from({ length: 40 }, () => frames.take(Buffer.alloc(10_000, 'x'))).flat()
    expect(out.length).toBeGreaterThan(0)
    expect(frames.rest().length).toBeLessThan(300_000)
  })
})

it('a key is blanked out however its bytes come, and nothing else is touched', () => {
  const key = 'abababac-secret'
  const noise = fc.array(fc.constantFrom(key, 'ab', 'abab', 'x', '\n', key.slice(0, 7), key.slice(3)), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(noise, anyCuts, (words, cuts) => {
      const bytes = Buffer.from(words.join(''))
      const filter = createKeyFilter(key)
      const parts = chunksOf(bytes, cuts).map((chunk) => filter.pass(chunk))
      const out = Buffer.concat([...parts, filter.rest()]).toString()
      expect(out).toBe(bytes.toString().replaceAll(key, '*'.repeat(key.length)))
    }),
  )
})

it('a meter never gives anything but whole amounts, whatever the upstream says', () => {
  const weird = fc.oneof(
    fc.anything(),
    fc.integer(),
    fc.double(),
    fc.constantFrom(Number.NaN, -0, 1e308, 2 ** 53),
  )
  const report = fc.record(
    { input: weird, cached: weird, cacheWrite: weird, output: weird },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      fc.array(report, { maxLength: 4 }),
      fc.nat(5000),
      fc.boolean(),
      (input, reports, length, isWhole) => {
        const meter = createMeter(input, { input: 3000, cachedInput: 300, output: 15_000, cacheWrite: 3750 })
        meter.text('x'.repeat(length))
        for (const one of reports) meter.report(one)
        if (isWhole) meter.complete()
        const { inputTokens, cachedTokens, outputTokens, costUsdNanos } = meter.use()
        for (const value of [inputTokens, cachedTokens, outputTokens, costUsdNanos]) {
          expect(Number.isSafeInteger(value)).toBe(true)
          expect(value).toBeGreaterThanOrEqual(0)
        }
        expect(cachedTokens).toBeLessThanOrEqual(inputTokens)
        if (meter.source() === 'reported')
          expect(reports.some((one) => isRecord(one) && one.input === inputTokens)).toBe(true)
      },
    ),
  )
})

it('a recorded answer names the folders of this run, however its pieces were cut', async () => {
  const word = fc.constantFrom('/old/area', '/old/area/sub', '/old', 'x', '/', 'new/area', '日本', '\n"')
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 12 }), anyCuts, anyCuts, async (words, cuts, chunkCuts) => {
      const text = words.join('')
      const letters = chunksOf(
        Buffer.from(text, 'utf16le'),
        cuts.map((cut) => cut - (cut % 2)),
      ).map((part) => part.toString('utf16le'))
      fc.pre(letters.join('') === text && letters.every((part) => part.isWellFormed()))
      const frames = letters.map(
        (content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`,
      )
      const use = { inputTokens: 1, cachedTokens: 0, outputTokens: 1, costUsdNanos: null }
      const groups = [
        0,
        ...chunkCuts.map((cut) => cut % (frames.length + 1)).toSorted((a, b) => a - b),
        frames.length,
      ]
      const chunks = groups
        .slice(1)
        .map((end, at) => ({ bytes: Buffer.from(frames.slice(groups[at], end).join('')), use }))
      const call = {
        step: 1,
        request: { title: '', hash: '', text: '' },
        opening: {
          callId: '',
          kind: 'generate',
          provider: 'ollama',
          model: 'm',
          dialect: 'openai-chat',
          estimate: use,
        },
        head: { status: 200, headers: {} },
        chunks,
        outcome: null,
      } as const
      const old = [{ text: '/old/area', token: '<a>' }]
      const moved = await relocated(call, movesBetween(old, [{ text: '/new', token: '<a>' }]))
      const out = Buffer.concat(moved.chunks.map(({ bytes }) => bytes)).toString()
      const said = [...out.matchAll(/data: (.*)\n\n/g)].map(
        ([, json]) => JSON.parse(json ?? '').choices[0].delta.content,
      )
      expect(said.join('')).toBe(text.replaceAll('/old/area', '/new'))
      expect(said).toHaveLength(frames.length)
      expect(await relocated(call, movesBetween(old, old))).toBe(call)
    }),
  )
})
