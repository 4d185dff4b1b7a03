import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { VirtualClock } from './clock.ts'
import { copyBody } from './copy.ts'
import type { StampedEvent } from './events.ts'
import { eventsFromStore } from './journal.ts'
import { requestHash } from './recorder.ts'
import {
  boot,
  pokes,
  record,
  replayed,
  rootImage,
  type Step,
  stepsArbitrary,
  textOf,
} from './replay-programs.fixture.ts'
import { decodeValue, encodeValue } from './value-text.ts'

test('37: a replay has the identical event log, with no driver to call', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(stepsArbitrary, pokes, fc.boolean(), async (steps, poked, isReal) => {
      const { kernel, store, reason } = await record(steps, {
        clock: isReal ? nodeClock() : new VirtualClock(),
        pokes: poked,
      })
      const again = replayed(store.records)
      expect(await again.boot(rootImage, { ...boot, args: steps })).toEqual(reason)
      await again.replayed()
      expect(again.events().map(textOf)).toEqual(kernel.events().map(textOf))
      expect(again.ps()).toEqual([])
    }),
    { numRuns: 20_000 },
  )
})

/** Fields of a log line may hold what JSON has no word for. */
const asStored = (event: StampedEvent): StampedEvent =>
  event.ev.kind === 'log' && event.ev.fields !== undefined
    ? { ...event, ev: { ...event.ev, fields: JSON.parse(encodeValue(event.ev.fields)) as unknown } }
    : event

const isTimeless = (steps: readonly Step[]): boolean => !textOf(steps).includes('"later"')

test('37: two recorded runs with the same seed, inputs and answers are the same to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(stepsArbitrary.filter(isTimeless), async (steps) => {
      const [first, second] = [
        await record(steps, { clock: new VirtualClock() }),
        await record(steps, { clock: new VirtualClock() }),
      ]
      expect(second.store.records.map(textOf)).toEqual(first.store.records.map(textOf))
      expect(eventsFromStore(first.store).map(textOf)).toEqual(
        first.kernel.events().map(asStored).map(textOf),
      )
    }),
    { numRuns: 300 },
  )
})

test('38: a recorded request that was changed in one field is a divergence at that operation', async () => {
  await fc.assert(
    fc.asyncProperty(
      stepsArbitrary,
      fc.nat(),
      fc.constantFrom('kind', 'driver', 'hash'),
      async (steps, pick, field) => {
        const { store } = await record(steps, { clock: new VirtualClock() })
        const records = structuredClone(store.records)
        const begins = records.filter((one) => one.type === 'io.begin')
        const begin = begins[pick % begins.length]
        if (begin?.type !== 'io.begin') return
        Object.assign(begin, {
          [field]:
            field === 'kind' ? (begin.kind === 'read' ? 'write' : 'read') : `${begin[field as 'hash']}0`,
        })
        const again = replayed(records)
        again.boot(rootImage, { ...boot, args: steps }).catch(() => undefined)
        const failure = await again.replayed().catch((error: unknown) => error)
        expect(failure).toMatchObject({ code: 'EDIVERGE', pid: begin.pid, n: begin.n })
      },
    ),
  )
})

const body = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  maxDepth: 3,
})

test('38: requests that differ have different hashes, whatever they are made of', () => {
  const { sha256 } = nodePowers()
  const hash = (value: unknown): string => requestHash(sha256, value, undefined)
  fc.assert(
    fc.property(body, body, (left, right) => {
      const same = encodeValue(left, { isSorted: true }) === encodeValue(right, { isSorted: true })
      expect(hash({ a: left }) === hash({ a: right })).toBe(same)
      expect(hash({ a: left, b: 1 })).toBe(hash({ b: 1, a: left }))
      expect(hash({ a: left })).not.toBe(hash({ a: left, b: undefined }))
    }),
  )
})

test('stored values read back as they were, key order included', () => {
  fc.assert(
    fc.property(body, (value) => {
      const text = encodeValue(value)
      expect(encodeValue(decodeValue(text))).toBe(text)
      expect(decodeValue(text)).toEqual(value)
    }),
  )
})

test('the deepest body that can be sent can be stored', () => {
  let deep: unknown = 'end'
  for (let i = 0; i < 200; i++) deep = new Map([[i, deep]])
  expect(decodeValue(encodeValue(copyBody(deep)))).toEqual(deep)
  let wide: unknown = '['.repeat(100_000)
  expect(() => decodeValue(String(wide))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  for (let i = 0; i < 1100; i++) wide = [wide]
  expect(() => encodeValue(wide)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('what is no stored value is refused, never taken for something else', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('undef', 'num', 'big', 'date', 'map', 'set', 'view', 'buffer', 'obj', 'x'),
      (json, tag) => {
        for (const text of [json, json.slice(1), `{"$t":"${tag}","v":${json}}`]) {
          try {
            decodeValue(text)
          } catch (error) {
            expect(error).toMatchObject({ code: 'EINVAL' })
          }
        }
      },
    ),
  )
})

test('39: virtual time never runs backwards, and sleeping takes no real time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 1, maxLength: 30 }),
      async (sleeps) => {
        const steps = sleeps.map(
          (ms): Step => ({
            do: 'spawn',
            steps: [{ do: 'sleep', ms }],
            quota: undefined,
            deadline: undefined,
          }),
        )
        const { kernel } = await record([...steps, { do: 'sleep', ms: 2_000_000_000 }], {
          clock: new VirtualClock(),
        })
        const times = kernel.events().map((event) => event.at)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        expect(times.at(-1)).toBe(2_000_000_000)
      },
    ),
    { numRuns: 50 },
  )
})
