import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { VirtualClock } from './clock.ts'
import { Seals } from './envelope.ts'
import type { Pid } from './ids.ts'
import { Kernel } from './kernel.ts'
import { collectorOn, HandClock, MINUTE, node } from './remote-node.fixture.ts'
import { codeOf, collector, inside, kernelPair, sharedKey } from './remote-pair.fixture.ts'
import type { IngressAnswer } from './routes.ts'
import { image, settled } from './test-kernel.ts'

/** Section 10 of the reference: what goes out, how long it waits, and what its sender is told. */

test('what nobody answers for is given up after 15 s, a remote spawn after 30, and no timer is left', async () => {
  const { kernel, clock } = node()
  kernel.connect('a', () => Promise.reject(Object.assign(new Error('no line'), { isUnsent: true })))
  const sending = inside(kernel, async (sys) => codeOf(sys.send(sys.dial('a', 1 as Pid), 1))).result
  let code: string | undefined
  void sending.then((ended) => (code = ended))
  for (let ms = 0; ms < 15_000 && code === undefined; ms += 500) {
    await settled(2)
    expect(clock.waiting).toBe(1)
    clock.pass(500)
  }
  expect(code).toBeUndefined()
  clock.pass(1000)
  expect(await sending).toBe('ENOROUTE')
  const taken = new Seals(nodePowers(), () => clock.wallMs)
  kernel.connect('a', ({ nonce }): IngressAnswer => {
    const receipt = taken.receipt(sharedKey, nonce, 'ok')
    return { nonce, result: 'ok', outcome: 'ok', receipt }
  })
  const spawning = inside(kernel, async (sys) => codeOf(sys.spawnRemote('a', 'x'))).result
  code = undefined
  void spawning.then((ended) => (code = ended))
  await settled(5)
  clock.pass(29_999)
  await settled(5)
  expect(code).toBeUndefined()
  clock.pass(1)
  expect(await spawning).toBe('ETIMEDOUT')
  expect(clock.waiting).toBe(0)
})

test('a remote spawn that is pending holds virtual time', async () => {
  const pair = kernelPair({ clock: new VirtualClock() }, { clock: new VirtualClock() })
  pair.b.registerImage(
    'x',
    image('x', async () => undefined),
  )
  // The request is taken at once; the answer takes its time in the world.
  pair.b.connect('a', async (envelope) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return pair.a.receive(envelope)
  })
  const { result } = inside(pair.a, async (sys) => {
    const sleeping = sys.sleep(5).then(() => 'slept')
    const first = await Promise.race([sys.spawnRemote('b', 'x').then(() => 'spawned'), sleeping])
    return [first, sys.now()]
  })
  expect(await result).toEqual(['spawned', 0])
  await pair.close()
})

test('a receiver that started anew in between leaves the sender in doubt, since it may have delivered before', async () => {
  const pair = kernelPair({ limits: { remoteSendTimeoutMs: 2000 } })
  const { pid, seen } = collector(pair.b)
  let isNew = false
  const clock = new HandClock()
  clock.wallMs = Date.now() + MINUTE
  const next = new Kernel({ powers: nodePowers(), transportKey: sharedKey, clock, node: 'b' })
  pair.line = (envelope) => {
    if (isNew) return next.receive(envelope)
    isNew = true
    pair.b.receive(envelope)
    throw new Error('the answer was lost')
  }
  const send = () => codeOf(inside(pair.a, async (sys) => sys.send(sys.dial('b', pid), 'x')).result)
  expect(await send()).toBe('EINDOUBT')
  expect(seen).toHaveLength(1)
  // Nothing of the second one can have arrived before it was refused.
  expect(await send()).toBe('ENOROUTE')
  await pair.close()
})

test('what is answered leaves no timer behind', async () => {
  const { kernel, clock, seal } = node()
  const seals = new Seals(nodePowers(), () => clock.wallMs)
  kernel.connect('a', ({ nonce, body }): IngressAnswer => {
    const { $, id } = body as { $: string; id: string }
    const word = { $: 'agentos.spawned', node: 'b', id, pid: 3 }
    if ($ === 'agentos.spawn') void settled(3).then(() => kernel.receive(seal({ to: 0, body: word })))
    return { nonce, result: 'ok', outcome: 'ok', receipt: seals.receipt(sharedKey, nonce, 'ok') }
  })
  await inside(kernel, async (sys) => sys.send(sys.dial('a', 1 as Pid), 1)).result
  expect(clock.waiting).toBe(0)
  await inside(kernel, async (sys) => sys.send(await sys.spawnRemote('a', 'x'), 'hello')).result
  expect(clock.waiting).toBe(0)
})

test('messages of one sender to one receiver overtake each other on no line', async () => {
  const pair = kernelPair()
  const { pid, seen } = collector(pair.b)
  let count = 0
  pair.line = async (envelope) => {
    await new Promise((resolve) => setTimeout(resolve, 20 - 6 * count++))
    return pair.b.receive(envelope)
  }
  await inside(pair.a, async (sys) => {
    const target = sys.dial('b', pid)
    await Promise.all([0, 1, 2].map((n) => sys.send(target, n)))
  }).result
  await settled()
  expect(seen.map(({ body }) => body)).toEqual([0, 1, 2])
  await pair.close()
})

test('a kernel without a name can send, and cannot ask for what needs an answer', async () => {
  const pair = kernelPair()
  const { pid, seen } = collector(pair.b)
  const clock = nodeClock()
  const nameless = new Kernel({ powers: nodePowers(), transportKey: sharedKey, clock })
  collectorOn(nameless)
  nameless.connect('b', (envelope) => pair.b.receive(envelope))
  const { result } = inside(nameless, async (sys) => {
    await sys.send(sys.dial('b', pid), 'x')
    return codeOf(sys.spawnRemote('b', 'any'))
  })
  expect(await result).toBe('ENOROUTE')
  expect(seen.map(({ remote, body }) => [remote?.node, body])).toEqual([['', 'x']])
  await Promise.all([pair.close(), nameless.shutdown(0)])
})

test('a route that was replaced is not taken away with the old one', async () => {
  const { kernel } = node()
  const said: string[] = []
  const leave = kernel.connect('a', () => said.push('old') > 0)
  kernel.connect('a', () => said.push('new') > 0)
  leave()
  await inside(kernel, async (sys) => sys.send(sys.dial('a', 1 as Pid), 1)).result
  expect(said).toEqual(['new'])
})
