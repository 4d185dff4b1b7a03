import { expect, test } from 'vitest'
import type { ExitReason, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

test('sys is a frozen object without prototype, with the 36 calls of ABI 1', async () => {
  const t = testKernel()
  expect(t.kernel.abi).toBe(1)
  await runRoot(t, async (sys) => {
    expect(Object.getPrototypeOf(sys)).toBeNull()
    expect(Object.isFrozen(sys)).toBe(true)
    expect(Object.keys(sys)).toHaveLength(36)
    const { self } = sys
    expect(self.call({})).toBe(1)
  })
})

test('a child starts after its parent parks, with its capabilities in order from pid 0', async () => {
  const order: string[] = []
  const child = image('child', async (sys, args) => {
    order.push('child')
    const first = await sys.recv()
    expect(first.from).toBe(0)
    expect(first.caps).toHaveLength(2)
    await sys.send(first.caps[0]!, args)
    await expect(sys.send(first.caps[1]!, 1)).rejects.toMatchObject({ code: 'ECAP' })
  })
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    const self = sys.selfCap()
    const mute = sys.derive(self, ['monitor'])
    const args = { deep: [1] }
    const { cap } = await sys.spawn(child, { args, caps: [self, mute] })
    args.deep.push(2)
    order.push('parent')
    expect((await sys.recv()).body).toEqual({ deep: [1] })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
  expect(order).toEqual(['parent', 'child'])
})

test.each<[string, (sys: Sys) => Promise<void>, ExitReason]>([
  ['returns', async () => undefined, { kind: 'normal' }],
  ['exits', (sys) => sys.exit(), { kind: 'normal' }],
  ['exits shutdown', (sys) => sys.exit({ kind: 'shutdown' }), { kind: 'shutdown' }],
  ['throws', () => Promise.reject(new Error('boom')), { kind: 'fault', error: 'boom' }],
  [
    'throws at once',
    () => {
      throw new Error('bang')
    },
    { kind: 'fault', error: 'bang' },
  ],
  ['misses its deadline', (sys) => sys.sleep(1000), { kind: 'deadline' }],
])('a process that %s', async (_name, body, expected) => {
  await runRoot(testKernel(), async (sys) => {
    const { cap } = await sys.spawn(image('child', body), { deadline: 100 })
    expect(await sys.waitpid(cap)).toEqual(expected)
    expect(await sys.waitpid(cap)).toEqual(expected)
  })
})

test('exit settles names, capabilities, accounts and handles before anyone hears of it', async () => {
  const t = testKernel()
  const closed: string[] = []
  t.kernel.registerDriver({
    name: 'dev',
    // Capabilities go after handles: while this one closes, its owner still has them.
    open: (owner) => ({
      close: () =>
        void closed.push(t.kernel.caps(owner).some((row) => row.kind === 'handle') ? 'handle' : 'too late'),
    }),
  })
  const child = image('service', async (sys) => {
    const device = (await sys.recv()).caps[0]!
    sys.onCleanup(() => closed.push('first'))
    sys.onCleanup(() => {
      closed.push('second')
      expect(() => sys.self()).toThrow(expect.objectContaining({ code: 'EDEAD' }))
      throw new Error('hook fails')
    })
    sys.register('svc')
    await sys.open(device)
    await sys.recv()
  })
  await runRoot(
    t,
    async (sys) => {
      const grant = (await sys.recv<{ devices: Record<string, CapRef> }>()).body
      const before = sys.budget()
      const quota = { tokens: 40, children: 2, usd: 0.5 }
      const { cap, pid } = await sys.spawn(child, { caps: [grant.devices.dev!], quota, link: true })
      await sys.monitor(cap)
      await sys.sleep(1)
      expect(sys.budget()).toMatchObject({ tokens: 60, children: 2 })
      expect(() => sys.register('svc')).toThrow(expect.objectContaining({ code: 'EEXIST' }))
      await sys.signal(cap)
      expect(closed).toEqual(['second', 'first', 'handle'])
      const down = await sys.recv()
      expect(down.body).toEqual({ $: 'down', pid, reason: { kind: 'killed', by: sys.self() } })
      sys.register('svc')
      expect(sys.budget()).toEqual(before)
      await sys.monitor(cap)
      await expect(sys.recv({ timeoutMs: 5 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
      expect(await sys.lookup('nobody')).toBeUndefined()
    },
    { grant: ['dev'], quota: { tokens: 100, children: 5, usd: 1 } },
  )
  expect(t.kernel.ps()).toEqual([])
  expect(t.kernel.caps()).toEqual([])
})

test('an end that is asked for while another is under way changes nothing', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap, pid } = await sys.spawn(
      image('touchy', async (inner) => {
        inner.onCleanup(() => void t.kernel.signal(pid))
        await inner.recv()
      }),
    )
    await sys.sleep(1)
    await sys.signal(cap, { kind: 'shutdown' })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
    expect(t.facts.filter((fact) => fact.type === 'process.exited')).toHaveLength(1)
  })
})

test('a stopped process takes no turn, its mailbox fills, its wall time stands still, its deadline does not', async () => {
  const t = testKernel()
  let turns = 0
  const worker = image('worker', async (sys) => {
    for (;;) {
      await sys.recv()
      turns++
    }
  })
  await runRoot(t, async (sys) => {
    const { cap, pid } = await sys.spawn(worker, { quota: { wallMs: 100 }, deadline: 5000 })
    await sys.sleep(10)
    await sys.suspend(cap)
    await sys.suspend(cap)
    expect(t.facts.filter((fact) => fact.type === 'process.suspended')).toHaveLength(1)
    for (let i = 0; i < 3; i++) await sys.send(cap, i)
    await sys.sleep(1000)
    expect(turns).toBe(0)
    expect(t.kernel.usage(pid)?.wallMs).toEqual({ spent: 10, limit: 100, available: 90 })
    await sys.resume(cap)
    await sys.sleep(1)
    expect(turns).toBe(3)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'wallMs' })
    expect(sys.now()).toBe(1100)
    const second = await sys.spawn(worker, { deadline: 50 })
    await sys.suspend(second.cap)
    expect(await sys.waitpid(second.cap)).toEqual({ kind: 'deadline' })
    await expect(sys.resume(cap)).rejects.toMatchObject({ code: 'ESRCH' })
  })
})

test('a ceiling on wall time is inherited, and never longer than what the parent has left', async () => {
  const t = testKernel()
  const parent = image('parent', async (sys) => {
    await sys.sleep(30)
    const { cap } = await sys.spawn(idle, { quota: { wallMs: 1000 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'wallMs' })
  })
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(parent, { quota: { wallMs: 100 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'wallMs' })
    await sys.sleep(1)
    expect(sys.now()).toBe(101)
    expect(t.kernel.ps()).toHaveLength(1)
  })
})

test('a loop of failing or ready calls does not keep others from running', async () => {
  const t = testKernel()
  let other = 0
  const greedy = image('greedy', async (sys) => {
    const self = sys.selfCap()
    for (;;) {
      await sys.send('x' as CapRef, 1).catch(() => undefined)
      await sys.send(self, 1)
      await sys.recv()
    }
  })
  const modest = image('modest', async (sys) => {
    for (;;) {
      other++
      await sys.yield()
    }
  })
  void t.kernel.boot(greedy, { grant: [], quota: {} })
  void t.kernel.boot(modest, { grant: [], quota: {} })
  await settled(5)
  expect(other).toBeGreaterThan(50)
  for (const { pid } of t.kernel.ps()) t.kernel.signal(pid)
})

test('a process that awaits something foreign is passed over and shown', async () => {
  const t = testKernel()
  let release: (() => void) | undefined
  const foreign = image('foreign', async (sys) => {
    await new Promise<void>((resolve) => (release = resolve))
    await sys.sleep(1)
  })
  const done = t.kernel.boot(foreign, { grant: [], quota: {} })
  await settled(3)
  expect(t.kernel.ps()[0]?.state).toBe('foreign')
  release?.()
  expect(await done).toEqual({ kind: 'normal' })
})

test('shutdown asks the roots, then ends everything leaf first', async () => {
  const t = testKernel()
  const stubborn = image('stubborn', async (sys) => {
    await sys.spawn(idle)
    for (;;) await sys.recv()
  })
  const polite = image('polite', async (sys) => {
    for (;;) if ((await sys.recv<{ $: string }>()).body.$ === 'term') return
  })
  const ends = [
    t.kernel.boot(stubborn, { grant: [], quota: {} }),
    t.kernel.boot(polite, { grant: [], quota: {} }),
  ]
  await settled(3)
  await t.kernel.shutdown(100)
  expect(await Promise.all(ends)).toEqual([{ kind: 'shutdown' }, { kind: 'normal' }])
  const exits = t.facts.filter((fact) => fact.type === 'process.exited').map((fact) => fact.pid)
  expect(exits).toEqual([2, 3, 1])
  expect(t.clock.now()).toBe(100)
  expect(() => t.kernel.spawnHost({ image: idle, devices: [] })).toThrow(
    expect.objectContaining({ code: 'ESRCH' }),
  )
})

test('a spinning kernel under a clock that cannot move stops with ELIVELOCK', async () => {
  const t = testKernel({ limits: { maxDispatchesWithoutTimeAdvance: 1000 } })
  const spin = image('spin', async (sys) => {
    for (;;) await sys.yield()
  })
  await expect(t.kernel.boot(spin, { grant: [], quota: {} })).rejects.toMatchObject({ code: 'ELIVELOCK' })
})
