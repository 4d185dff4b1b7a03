import { afterEach, expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { Seals } from './envelope.ts'
import type { Pid } from './ids.ts'
import { Kernel } from './kernel.ts'
import { codeOf, collector, inside, kernelPair, type Pair, sharedKey } from './remote-pair.fixture.ts'
import type { IngressAnswer } from './routes.ts'
import { image, settled } from './test-kernel.ts'

let open: Pair | undefined
afterEach(async () => {
  await open?.close()
  open = undefined
})

function pair(...config: Parameters<typeof kernelPair>): Pair {
  open = kernelPair(...config)
  return open
}

/** How often something became of an envelope, as the metrics say. */
function ingressCount(kernel: Kernel, result: string): number {
  const found = kernel
    .metrics()
    .find((one) => one.name === 'signalbox_kernel_ingress_total' && one.labels.result === result)
  return found?.value ?? 0
}

test('a message crosses with its sender, is answered by dialling back, and keeps its corr', async () => {
  const { a, b } = pair()
  const server = inside(b, async (sys) => {
    const asked = await sys.recv<{ ask: string }>()
    const { remote, from, body, corr, caps } = asked
    if (!remote) throw new Error('no sender')
    await sys.send(sys.dial(remote.node, remote.pid), { answer: body.ask.length }, corr ? { corr } : {})
    return { remote, from, caps }
  })
  const client = inside(a, async (sys) => {
    const target = sys.dial('b', server.pid)
    await sys.send(target, { ask: 'four' }, { corr: 'c1' as never })
    return sys.recv({ corr: 'c1' as never })
  })
  expect(await client.result).toMatchObject({
    body: { answer: 4 },
    from: 0,
    remote: { node: 'b', pid: server.pid },
  })
  expect(await server.result).toEqual({ remote: { node: 'a', pid: client.pid }, from: 0, caps: [] })
  expect(ingressCount(a, 'ok')).toBe(1)
  expect(b.events().filter(({ ev }) => ev.kind === 'ingress')).toMatchObject([
    { pid: server.pid, ev: { node: 'a', from: client.pid } },
  ])
})

test('a proxy is send only: no monitor, no kill, nothing to derive them from', async () => {
  const { a } = pair()
  const { result } = inside(a, async (sys) => {
    const proxy = sys.dial('b', 1 as Pid)
    return {
      monitor: await codeOf(sys.monitor(proxy)),
      waitpid: await codeOf(sys.waitpid(proxy)),
      signal: await codeOf(sys.signal(proxy)),
      term: await codeOf(sys.term(proxy)),
      suspend: await codeOf(sys.suspend(proxy)),
      open: await codeOf(sys.open(proxy)),
      derive: await codeOf((async () => sys.derive(proxy, ['send', 'kill']))()),
    }
  })
  expect(new Set(Object.values(await result))).toEqual(new Set(['ECAP']))
})

test('dialling needs a route, a key and a pid; the other kernel itself cannot be addressed', async () => {
  const { a } = pair({ transportKey: new Map([['b', sharedKey]]) })
  a.connect('keyless', () => true)
  const { result } = inside(a, async (sys) => {
    const dial = (node: string, pid: number): Promise<string> =>
      codeOf((async () => sys.dial(node, pid as Pid))())
    return [
      await dial('nowhere', 1),
      await dial('keyless', 1),
      await dial('b', 0),
      await dial('b', -1),
      await dial('b', 1.5),
      await dial('', 1),
      await dial('b', 1),
      await codeOf(sys.spawnRemote('nowhere', 'x')),
      await codeOf(sys.spawnRemote('keyless', 'x')),
    ]
  })
  const invalid = 'EINVAL'
  expect(await result).toEqual([
    'ENOROUTE',
    'ENOKEY',
    invalid,
    invalid,
    invalid,
    invalid,
    'none',
    'ENOROUTE',
    'ENOKEY',
  ])
})

test('capabilities and bodies without a JSON form do not leave', async () => {
  const { a, b, sent } = pair()
  const { pid, seen } = collector(b)
  const { result } = inside(a, async (sys) => {
    const proxy = sys.dial('b', pid)
    const codes = [await codeOf(sys.send(proxy, 1, { caps: [sys.selfCap()] }))]
    for (const body of [undefined, Number.NaN, new Date(), new Map(), 1n, { a: undefined }])
      codes.push(await codeOf(sys.send(proxy, body)))
    const body = { list: [1] }
    const sending = sys.send(proxy, body)
    body.list.push(2)
    await sending
    return codes
  })
  expect(new Set(await result)).toEqual(new Set(['EINVAL']))
  await settled()
  expect(seen.map((one) => one.body)).toEqual([{ list: [1] }])
  expect(sent).toHaveLength(1)
})

test('a full mailbox parks the sender, not the carrier, and order is kept', async () => {
  const { a, b } = pair()
  let go: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const seen: unknown[] = []
  const { pid } = b.spawnHost({
    image: image('slow', async (sys) => {
      await sys.recv()
      await gate
      for (;;) seen.push((await sys.recv()).body)
    }),
    quota: { maxMailbox: 2 },
    devices: [],
  })
  const { result } = inside(a, async (sys) => {
    const proxy = sys.dial('b', pid)
    await Promise.all(Array.from({ length: 8 }, (_, i) => sys.send(proxy, i)))
  })
  await settled(50)
  expect(ingressCount(b, 'ok')).toBe(2)
  expect(ingressCount(b, 'full')).toBeGreaterThan(0)
  go()
  await result
  await settled()
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('a sender whose message expires is released, and who dies takes its message back', async () => {
  const { a, b } = pair()
  const { pid } = b.spawnHost({
    image: image('deaf', async (sys) => sys.sleep(60_000)),
    quota: { maxMailbox: 0 },
    devices: [],
  })
  const { result } = inside(a, async (sys) => {
    const started = sys.now()
    await sys.send(sys.dial('b', pid), 1, { deadline: started + 60 })
    return sys.now() - started
  })
  expect(await result).toBeGreaterThanOrEqual(60)
  const doomed = inside(a, async (sys) => sys.send(sys.dial('b', pid), 'from the dead'))
  await settled()
  a.signal(doomed.pid)
  const before = ingressCount(b, 'full')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(ingressCount(b, 'full') - before).toBeLessThanOrEqual(1)
})

test('a deadline travels as what is left of it', async () => {
  const { a, b } = pair()
  const { result } = inside(b, async (sys) => {
    await sys.sleep(80)
    return codeOf(sys.recv({ timeoutMs: 0 }))
  })
  const [target] = b.ps().filter((row) => row.name === 'test')
  await inside(a, async (sys) => {
    await sys.send(sys.dial('b', target?.pid as Pid), 1, { deadline: sys.now() + 30 })
  }).result
  expect(await result).toBe('ETIMEDOUT')
})

test('the sender learns what became of its message, with proof', async () => {
  const { a, b, ...line } = pair({ limits: { remoteSendTimeoutMs: 150 } })
  void line
  const gone = inside(b, async () => undefined)
  await gone.result
  const send = (pid: Pid): Promise<string> =>
    codeOf(inside(a, async (sys) => sys.send(sys.dial('b', pid), 'x')).result)
  expect(await send(gone.pid)).toBe('ESRCH')
})

const lies: [string, (honest: IngressAnswer) => unknown, string][] = [
  ['an answer without proof', ({ nonce }) => ({ nonce, result: 'ok' }), 'EINDOUBT'],
  ['a forged receipt', (honest) => ({ ...honest, outcome: 'ok', receipt: 'f'.repeat(64) }), 'EINDOUBT'],
  ['a changed outcome', (honest) => ({ ...honest, outcome: 'no_target' }), 'EINDOUBT'],
  ['another nonce', (honest) => ({ ...honest, nonce: '0'.repeat(32) }), 'EINDOUBT'],
  ['garbage', () => 42, 'EINDOUBT'],
  ['null', () => null, 'EINDOUBT'],
  ['a carrier that breaks', () => Promise.reject(new Error('reset')), 'EINDOUBT'],
  ['a carrier that never answers', () => new Promise(() => undefined), 'EINDOUBT'],
  [
    'a carrier that could not send',
    () => Promise.reject(Object.assign(new Error(), { isUnsent: true })),
    'ENOROUTE',
  ],
  ['a trusted no', () => false, 'ENOROUTE'],
]
test.each(lies)('%s is not taken for a delivery', async (_name, lie, code) => {
  const bent = pair({ limits: { remoteSendTimeoutMs: 150 } })
  const { pid, seen } = collector(bent.b)
  bent.line = (envelope) => lie(bent.b.receive(envelope)) as IngressAnswer
  expect(await codeOf(inside(bent.a, async (sys) => sys.send(sys.dial('b', pid), 'x')).result)).toBe(code)
  await settled()
  // A trusted no lets a new envelope be sealed: whoever says no after delivering is to blame for a second one.
  if (code === 'EINDOUBT') expect(seen).toHaveLength(1)
})

test('lost answers are asked for again, and nothing arrives twice', async () => {
  const bent = pair()
  const { pid, seen } = collector(bent.b)
  let count = 0
  bent.line = (envelope) => {
    const answer = bent.b.receive(envelope)
    if (count++ % 3 !== 2) throw new Error('answer lost')
    return answer
  }
  await inside(bent.a, async (sys) => {
    const proxy = sys.dial('b', pid)
    for (let i = 0; i < 10; i++) await sys.send(proxy, i)
  }).result
  await settled()
  expect(seen.map((one) => one.body)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(bent.sent).toHaveLength(30)
  expect(ingressCount(bent.b, 'replay')).toBe(20)
})

test('remote spawn starts a published image, which is paid here and may answer there', async () => {
  const { a, b } = pair()
  b.registerImage(
    'worker',
    image('worker', async (sys, given) => {
      const { args, reply } = given as { args: { n: number }; reply: never }
      await sys.send(reply, { twice: args.n * 2, budget: sys.budget().tokens })
      const { body } = await sys.recv()
      await sys.send(reply, { echo: body })
    }),
    { quota: { tokens: 500 } },
  )
  const { result } = inside(a, async (sys) => {
    const worker = await sys.spawnRemote('b', 'worker', { n: 21 })
    const first = await sys.recv()
    await sys.send(worker, 'hello')
    const second = await sys.recv()
    return [first.body, second.body, first.remote?.node, await codeOf(sys.monitor(worker))]
  })
  expect(await result).toEqual([{ twice: 42, budget: 500 }, { echo: 'hello' }, 'b', 'ECAP'])
  await settled()
  expect(b.ps().map((row) => row.name)).toEqual(['root'])
})

test('remote spawn is refused for what is not published, not affordable, or answered by another', async () => {
  const bent = pair({ limits: { remoteSpawnTimeoutMs: 120 } })
  const { a, b } = bent
  b.changeBudget(b.rootPid as Pid, { tokens: 100 })
  b.registerImage(
    'dear',
    image('dear', async () => undefined),
    { quota: { tokens: 101 } },
  )
  const withdraw = b.registerImage(
    'gone',
    image('gone', async () => undefined),
  )
  withdraw()
  expect(() =>
    b.registerImage(
      'dear',
      image('dear', async () => undefined),
    ),
  ).toThrow('published')
  expect(() =>
    b.registerImage(
      'bad',
      image('bad', async () => undefined),
      { quota: { tokens: -1 } },
    ),
  ).toThrow()
  const spawn = (name: string): Promise<string> =>
    codeOf(inside(a, async (sys) => sys.spawnRemote('b', name)).result)
  expect(await spawn('nothing')).toBe('ENOIMAGE')
  expect(await spawn('gone')).toBe('ENOIMAGE')
  expect(await spawn('dear')).toBe('EQUOTA')
  expect(await codeOf(inside(a, async (sys) => sys.spawnRemote('b', 'dear', { f: 1n })).result)).toBe(
    'EINVAL',
  )
  bent.line = (envelope) => {
    const { id } = envelope.body as { id: string }
    // Somebody else who has the key says that it was started.
    const seals = new Seals(nodePowers(), Date.now)
    const body = { $: 'agentos.spawned', node: 'a', id, pid: 9 }
    expect(a.ingress(seals.seal(sharedKey, { to: 0, from: 'c', body }))).toBe(false)
    return b.receive({})
  }
  expect(await spawn('dear')).toBe('ETIMEDOUT')
})

test('what comes in is checked in order: seal, window, nonce, target, room', async () => {
  const { b } = pair()
  const { pid, seen } = collector(b)
  const seals = new Seals(nodePowers(), Date.now)
  const seal = (more: object) => seals.seal(sharedKey, { to: pid, from: 'a', body: 'hi', ...more })
  const resultOf = (envelope: unknown): string => b.receive(envelope).result
  const good = seal({})
  expect(b.ingress(good)).toBe(true)
  expect(resultOf(good)).toBe('replay')
  expect(resultOf({ ...good, body: 'ho' })).toBe('bad_mac')
  expect(resultOf(seal({ ts: Date.now() - 301_000 }))).toBe('stale')
  expect(resultOf(seal({ ts: Date.now() + 301_000 }))).toBe('stale')
  // Within the window, and yet older than this kernel: its nonce was forgotten with the last run.
  expect(resultOf(seal({ ts: Date.now() - 60_000 }))).toBe('stale')
  expect(resultOf(seal({ to: 999 }))).toBe('no_target')
  expect(resultOf(seal({ to: 0, body: 'to the kernel' }))).toBe('no_target')
  expect(resultOf(seal({ from: 'b' }))).toBe('bad_mac')
  expect(resultOf(seal({ body: { $: 'agentos.message', pid: 3, node: 'c', body: 'for c' } }))).toBe(
    'no_target',
  )
  expect(resultOf(seal({ body: { $: 'agentos.message', pid: 3, node: 'b' } }))).toBe('no_target')
  expect(resultOf(seal({ body: { $: 'agentos.unheard', node: 'b' } }))).toBe('no_target')
  await settled()
  expect(seen.map(({ body, from, remote }) => ({ body, from, remote }))).toEqual([
    { body: 'hi', from: 0, remote: { node: 'a', pid: 0 } },
  ])
})

test('an envelope of one node cannot be turned against its sender or a third', async () => {
  const bent = pair()
  const c = new Kernel({ powers: nodePowers(), clock: nodeClock(), node: 'c', transportKey: sharedKey })
  void c.boot(
    image('root', async (sys) => sys.sleep(60_000)),
    { grant: [], quota: {} },
  )
  const { pid } = collector(bent.b)
  await inside(bent.a, async (sys) => sys.send(sys.dial('b', pid), 'x')).result
  const [envelope] = bent.sent
  expect(bent.a.receive(envelope).result).toBe('bad_mac')
  expect(c.receive(envelope).result).toBe('no_target')
  await c.shutdown(0)
})

test('keys rotate: the one before is still accepted, the one before that is not', async () => {
  const [k1, k2, k3] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const { a, b } = pair({ transportKey: k1, limits: { remoteSendTimeoutMs: 300 } })
  const { pid, seen } = collector(b)
  const send = (body: string): Promise<string> =>
    codeOf(inside(a, async (sys) => sys.send(sys.dial('b', pid), body)).result)
  expect(await send('k1')).toBe('none')
  b.setTransportKey({ current: k2, previous: k1 })
  expect(await send('k1 as previous')).toBe('none')
  b.setTransportKey({ current: k3, previous: k2 })
  expect(await send('k1 too old')).toBe('EINDOUBT')
  a.setTransportKey(new Map([['b', { current: k3, previous: k2 }]]))
  expect(await send('k3')).toBe('none')
  a.setTransportKey(undefined)
  expect(await send('none')).toBe('ENOKEY')
  expect(() => a.setTransportKey(new Uint8Array(16))).toThrow('at least 32 bytes')
  await settled()
  expect(seen.map((one) => one.body)).toEqual(['k1', 'k1 as previous', 'k3'])
})

test('a suspended or dead kernel side stays truthful: closed routes are ENOROUTE', async () => {
  const { a, b } = pair()
  const { pid } = collector(b)
  const disconnect = a.connect('b2', (envelope) => b.receive(envelope))
  const { result } = inside(a, async (sys) => {
    const proxy = sys.dial('b2', pid)
    disconnect()
    return codeOf(sys.send(proxy, 1))
  })
  expect(await result).toBe('ENOROUTE')
  expect(() => a.connect('a', () => true)).toThrow('itself')
})
