import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { type SealPowers, Seals } from './envelope.ts'
import type { Pid } from './ids.ts'
import { Kernel } from './kernel.ts'
import { collectorOn, MINUTE, node, START } from './remote-node.fixture.ts'
import { collector, inside, kernelPair, sharedKey } from './remote-pair.fixture.ts'
import type { IngressResult, TransportKeys } from './routes.ts'
import { image, settled } from './test-kernel.ts'

/** Section 10 of the reference, sentence by sentence: what is sealed, and what is let in. */

test('an envelope is taken while now and its time differ by at most five minutes, either way', () => {
  const { clock, seal, resultOf } = node()
  const at = (ms: number): IngressResult => resultOf(seal({ ts: clock.wallMs + ms }))
  expect([at(-5 * MINUTE), at(5 * MINUTE)]).toEqual(['ok', 'ok'])
  expect([at(-5 * MINUTE - 1), at(5 * MINUTE + 1)]).toEqual(['stale', 'stale'])
})

test('after a start what is older than it is refused, to the millisecond', () => {
  const { kernel, seal, resultOf, clock, seen } = node()
  void kernel.shutdown(0)
  const again = new Kernel({ powers: nodePowers(), transportKey: sharedKey, clock, node: 'b' })
  const { pid } = collectorOn(again)
  const resultThere = (ts: number): IngressResult => again.receive(seal({ ts, to: pid })).result
  expect([resultThere(clock.wallMs - 1), resultThere(clock.wallMs)]).toEqual(['stale', 'ok'])
  expect(resultOf(null)).toBe('bad_mac')
  expect(seen).toEqual([])
})

test('a nonce is kept for as long as its envelope could be taken: ten minutes for one from the future', async () => {
  const { clock, seal, resultOf, seen } = node()
  const early = seal({ ts: clock.wallMs + 5 * MINUTE })
  expect(resultOf(early)).toBe('ok')
  for (let minute = 0; minute < 10; minute++) {
    expect(resultOf(early)).toBe('replay')
    clock.pass(MINUTE)
  }
  expect(resultOf(early)).toBe('replay')
  clock.pass(1)
  expect(resultOf(early)).toBe('stale')
  await settled()
  expect(seen).toHaveLength(1)
})

test('a wall clock that is set back re-admits nothing that was forgotten', async () => {
  const { clock, seal, resultOf, seen } = node()
  const old = seal()
  expect(resultOf(old)).toBe('ok')
  const between = clock.wallMs
  clock.pass(20 * MINUTE)
  expect(resultOf(seal())).toBe('ok')
  clock.wallMs = between
  expect(resultOf(old)).toBe('stale')
  // What could not have been forgotten, because nothing so late was ever seen, is taken.
  expect(resultOf(seal({ ts: between + 1 }))).toBe('ok')
  await settled()
  expect(seen).toHaveLength(3)
})

test('while the clocks run right, nothing is refused for what was forgotten', () => {
  const { clock, seal, resultOf } = node()
  for (let step = 0; step < 200; step++) {
    expect(resultOf(seal({ ts: clock.wallMs + 5 * MINUTE }))).toBe('ok')
    expect(resultOf(seal({ ts: clock.wallMs - 5 * MINUTE }))).toBe('ok')
    clock.pass(17_003)
  }
})

test('each node speaks with its own key: another’s, none, and no name at all open nothing', () => {
  const [a, c] = [4, 5].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array]
  const { seal, resultOf } = node({
    transportKey: new Map([
      ['a', a],
      ['c', c],
    ] as const),
  })
  expect(resultOf(seal({ from: 'a' }, a))).toBe('ok')
  expect(resultOf(seal({ from: 'c' }, c))).toBe('ok')
  expect(resultOf(seal({ from: 'a' }, c))).toBe('bad_mac')
  expect(resultOf(seal({ from: 'd' }, a))).toBe('bad_mac')
  expect(resultOf(seal({ from: '' }, a))).toBe('bad_mac')
})

test('keys shorter than 32 bytes are refused wherever they stand, and a key is copied', () => {
  const short = new Uint8Array(31)
  const keys: TransportKeys[] = [
    short,
    { current: short },
    { current: sharedKey, previous: short },
    new Map([['a', short]]),
  ]
  for (const transportKey of keys) expect(() => node({ transportKey })).toThrow('at least 32 bytes')
  const mine = Uint8Array.from(sharedKey)
  const { seal, resultOf } = node({ transportKey: mine })
  mine.fill(0)
  expect(resultOf(seal())).toBe('ok')
})

test('while keys change the new one seals, and the one before it still opens', async () => {
  const old = new Uint8Array(32).fill(8)
  const pair = kernelPair({ transportKey: { current: sharedKey, previous: old } })
  const { pid, seen } = collector(pair.b)
  await inside(pair.a, async (sys) => sys.send(sys.dial('b', pid), 'x')).result
  const seals = new Seals(nodePowers(), Date.now)
  expect(seals.verify(sharedKey, pair.sent[0])).toBe(true)
  expect(seals.verify(old, pair.sent[0])).toBe(false)
  expect(pair.b.ingress(seals.seal(old, { to: pid, from: 'a', body: 'y' }))).toBe(true)
  await settled()
  expect(seen.map(({ body }) => body)).toEqual(['x', 'y'])
  await pair.close()
})

test('seals are compared by the host’s constant-time comparison alone, on 32 bytes, and only when well-formed', () => {
  const compared: number[] = []
  let verdict = true
  const drawn: number[] = []
  const real = nodePowers()
  const powers: SealPowers = {
    ...real,
    randomBytes(length) {
      drawn.push(length)
      return real.randomBytes(length)
    },
    timingSafeEqual(left, right) {
      compared.push(left.length, right.length)
      return verdict
    },
  }
  const seals = new Seals(powers, () => START)
  const good = seals.seal(sharedKey, { to: 1, body: 1 })
  expect(drawn).toEqual([16])
  expect(seals.verify(sharedKey, { ...good, mac: 'f'.repeat(64) })).toBe(true)
  verdict = false
  expect(seals.verify(sharedKey, good)).toBe(false)
  expect(compared).toEqual([32, 32, 32, 32])
  expect(seals.verify(sharedKey, { ...good, mac: good.mac.slice(1) })).toBe(false)
  expect(compared).toHaveLength(4)
})

test('a body has room for what a frame holds, counted in bytes: more is EINVAL before anything is sent', () => {
  const seals = new Seals(nodePowers(), () => START)
  const most = 16 * 1024 * 1024 - 4096 - 2
  const euros = '€'.repeat(Math.floor(most / 3))
  expect(Buffer.byteLength(JSON.stringify(seals.seal(sharedKey, { to: 1, body: euros })))).toBeLessThan(
    2 ** 24,
  )
  expect(() => seals.seal(sharedKey, { to: 1, body: `${euros}€` })).toThrow('too large')
  expect(() => seals.seal(sharedKey, { to: 1, body: 'x'.repeat(most + 1) })).toThrow('too large')
})

test('what arrived, and what was dropped, is in the event log with its size, and in the metrics by result', () => {
  const { kernel, pid, seal, resultOf, clock } = node()
  const { pid: full } = kernel.spawnHost({
    image: image('full', (sys) => sys.sleep(1e9)),
    quota: { maxMailbox: 0 },
    devices: [],
  })
  const good = seal({ body: 'größe €' })
  for (const [envelope, result] of [
    [good, 'ok'],
    [good, 'replay'],
    [{ ...good, to: 998 }, 'bad_mac'],
    [seal({ ts: clock.wallMs - 6 * MINUTE }), 'stale'],
    [seal({ to: 999 }), 'no_target'],
    [seal({ to: full }), 'full'],
  ] as const)
    expect(resultOf(envelope)).toBe(result)
  const events = kernel.events().map((event) => ({ pid: event.pid, ...event.ev }))
  const bytes = Buffer.byteLength('"größe €"')
  expect(events.filter(({ kind }) => kind === 'ingress')).toEqual([
    { pid, kind: 'ingress', node: 'a', from: 0, bytes },
  ])
  const dropped = ['replay', 'bad_mac', 'stale', 'no_target', 'full']
  expect(events.filter(({ kind }) => kind === 'ingress.drop')).toEqual(
    dropped.map((result) => ({ pid: undefined, kind: 'ingress.drop', result })),
  )
  const counts = kernel.metrics().filter(({ name }) => name === 'signalbox_kernel_ingress_total')
  expect(counts.map(({ labels, value }) => [labels.result, value]).sort()).toEqual(
    ['ok', ...dropped].sort().map((result) => [result, 1]),
  )
})

test('words between kernels are for pid 0, and a node whose root has ended starts nothing', async () => {
  const { kernel, pid, seal, resultOf } = node()
  kernel.registerImage(
    'x',
    image('x', async () => undefined),
  )
  const words: unknown[] = []
  kernel.connect('a', ({ body }) => words.push(body) > 0)
  const ask = (id: string) => ({ $: 'agentos.spawn', node: 'b', id: id.repeat(32), pid: 7, image: 'x' })
  expect(resultOf(seal({ body: ask('1') }))).toBe('no_target')
  expect(resultOf(seal({ to: 0, body: ask('2') }))).toBe('ok')
  await settled()
  expect(words).toEqual([{ $: 'agentos.spawned', node: 'a', id: '2'.repeat(32), pid: pid + 1 }])
  kernel.signal(kernel.rootPid as Pid)
  expect(resultOf(seal({ to: 0, body: ask('3') }))).toBe('ok')
  await settled()
  expect(words[1]).toEqual({ $: 'agentos.refused', node: 'a', id: '3'.repeat(32), code: 'EQUOTA' })
})
