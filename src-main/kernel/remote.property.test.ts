import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { VirtualClock } from './clock.ts'
import { type SealedEnvelope, Seals } from './envelope.ts'
import { Kernel } from './kernel.ts'
import { codeOf, collector, inside, kernelPair, sharedKey } from './remote-pair.fixture.ts'
import type { IngressAnswer } from './routes.ts'
import { image, settled } from './test-kernel.ts'

/** What the line does with one presentation of an envelope. */
const MOODS = [
  'good',
  'lost',
  'answerLost',
  'unsent',
  'forged',
  'spoiled',
  'doubled',
  'replayed',
  'stolen',
] as const
type Mood = (typeof MOODS)[number]

interface Line {
  readonly deliver: (envelope: SealedEnvelope) => IngressAnswer
  /** Everything that went over the line before. */
  readonly past: SealedEnvelope[]
}

function carry(mood: Mood, envelope: SealedEnvelope, { deliver, past }: Line): IngressAnswer {
  if (mood !== 'unsent') past.push(envelope)
  switch (mood) {
    case 'good':
      return deliver(envelope)
    case 'lost':
      throw new Error('lost')
    case 'answerLost':
      deliver(envelope)
      throw new Error('answer lost')
    case 'unsent':
      throw Object.assign(new Error('not sent'), { isUnsent: true })
    case 'forged':
      return { nonce: envelope.nonce, result: 'ok', outcome: 'ok', receipt: '0'.repeat(64) }
    case 'spoiled':
      return deliver({ ...envelope, body: { ...(envelope.body as object), body: 'other' } })
    case 'doubled':
      deliver(envelope)
      return deliver(envelope)
    case 'replayed':
      for (const old of past) deliver(old)
      return deliver(envelope)
    case 'stolen': {
      // The answer to an older envelope, genuine in itself.
      const [first] = past
      return { ...deliver(envelope), ...(first ? deliver(first) : {}) }
    }
  }
}

test('whatever the line does, each message arrives at most once and its sender is told no lie', async () => {
  const moods = fc.infiniteStream(fc.constantFrom(...MOODS))
  await fc.assert(
    fc.asyncProperty(moods, fc.integer({ min: 1, max: 12 }), fc.nat(3), async (stream, count, room) => {
      const pair = kernelPair(
        { clock: new VirtualClock(), limits: { remoteSendTimeoutMs: 400 } },
        { clock: new VirtualClock() },
      )
      const { pid, seen } = collector(pair.b, { maxMailbox: room })
      const past: SealedEnvelope[] = []
      const line = { deliver: (envelope: SealedEnvelope) => pair.b.receive(envelope), past }
      pair.line = (envelope) => carry(stream.next().value as Mood, envelope, line)
      const told = await inside(pair.a, async (sys) => {
        const target = sys.dial('b', pid)
        const codes: string[] = []
        for (let n = 0; n < count; n++) codes.push(await codeOf(sys.send(target, n)))
        return codes
      }).result
      await settled(3)
      const numbers = (): number[] => seen.map((one) => one.body as number)
      expect(new Set(numbers()).size).toBe(numbers().length)
      // One in doubt may come late, held back on the line; the others keep their order.
      const sure = numbers().filter((n) => told[n] === 'none')
      expect(sure).toEqual([...sure].sort((x, y) => x - y))
      told.forEach((code, n) => {
        if (code === 'none') expect(numbers()).toContain(n)
        else expect(['EINDOUBT', 'ENOROUTE']).toContain(code)
      })
      // Everything that ever was on the line, once more: what was in doubt may arrive now, nothing else.
      const before = numbers()
      for (const envelope of past) pair.b.ingress(envelope)
      await settled(3)
      const late = numbers().slice(before.length)
      expect(new Set(numbers()).size).toBe(numbers().length)
      for (const n of late) expect(told[n]).toBe('EINDOUBT')
      await pair.close()
    }),
    { numRuns: 400 },
  )
})

test('bodies that pretend to be words between kernels do nothing, and none of them throws', async () => {
  const kernel = new Kernel({
    powers: nodePowers(),
    clock: new VirtualClock(),
    node: 'b',
    transportKey: sharedKey,
  })
  void kernel.boot(
    image('root', async (sys) => void (await sys.recv({ corr: 'never' as never }))),
    {
      grant: [],
      quota: {},
    },
  )
  await settled(2)
  const seals = new Seals(nodePowers(), () => 0)
  const hostile = fc.record(
    {
      $: fc.constantFrom(
        'agentos.spawn',
        'agentos.spawned',
        'agentos.refused',
        'agentos.message',
        'agentos.',
        'down',
      ),
      node: fc.oneof(fc.constant('b'), fc.constant(''), fc.jsonValue()),
      id: fc.oneof(fc.constant('0'.repeat(32)), fc.jsonValue()),
      pid: fc.oneof(fc.nat(5), fc.jsonValue()),
      image: fc.jsonValue(),
      code: fc.jsonValue(),
      corr: fc.jsonValue(),
      ttlMs: fc.jsonValue(),
      args: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(hostile, fc.jsonValue()), fc.constantFrom(0, 2, 99), (body, to) => {
      const answer = kernel.receive(seals.seal(sharedKey, { to, from: 'a', body }))
      // A well-formed request is answered, with a refusal: no image is published here.
      expect(['no_target', 'ok']).toContain(answer.result)
    }),
    { numRuns: 400 },
  )
  expect(kernel.ps()).toHaveLength(1)
  await kernel.shutdown(0)
})

test('nothing is left behind when a kernel shuts down with messages under way', async () => {
  const pair = kernelPair()
  pair.line = () => Promise.reject(new Error('no line'))
  const { pid } = collector(pair.b)
  const { result } = inside(pair.a, async (sys) => {
    const target = sys.dial('b', pid)
    await Promise.all([1, 2, 3].map((n) => sys.send(target, n)))
  })
  result.catch(() => undefined)
  pair.b.registerImage(
    'x',
    image('x', async () => undefined),
  )
  pair.b.connect('a', () => Promise.reject(new Error('no line')))
  const seals = new Seals(nodePowers(), Date.now)
  const request = { $: 'agentos.spawn', node: 'b', id: '1'.repeat(32), pid: 1, image: 'x' }
  expect(pair.b.ingress(seals.seal(sharedKey, { to: 0, from: 'a', body: request }))).toBe(true)
  await settled(5)
  await pair.close()
  const sent = pair.sent.length
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(pair.sent).toHaveLength(sent)
})
