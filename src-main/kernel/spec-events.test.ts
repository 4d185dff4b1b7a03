import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Driver, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { KEvent, StampedEvent } from './events.ts'
import type { CapRef } from './ids.ts'
import { eventsFromStore, MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image, runRoot, type TestKernel, testKernel } from './test-kernel.ts'

/** Section 12: which event tells of what, whose it is, and what it says. */

const of = <K extends KEvent['kind']>(events: readonly StampedEvent[], kind: K) =>
  events.flatMap(({ pid, ev }) =>
    ev.kind === kind ? [{ pid, ...(ev as Extract<KEvent, { kind: K }>) }] : [],
  )

const shop: Driver = {
  name: 'shop',
  open: () => ({
    async read(request) {
      if (request === 'bad') throw new Error('bad')
      return request as { value: unknown }
    },
    write: async () => ({ value: undefined }),
    close() {
      throw new Error('will not close')
    },
  }),
}

async function story(
  main: (sys: Sys, shopCap: CapRef, t: TestKernel) => Promise<void>,
  quota = {},
): Promise<readonly StampedEvent[]> {
  const t = testKernel()
  t.kernel.registerDriver(shop)
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      await main(sys, devices.shop!, t)
    },
    { grant: ['shop'], quota },
  )
  return t.kernel.events()
}

const idle = image('idle', async (sys) => void (await sys.recv({ corr: 'never' as never })))

test('boot, spawn and exit: who, below whom, and why', async () => {
  const events = await story(async (sys) => {
    await sys.waitpid((await sys.spawn(image('kid', (inner) => inner.exit({ kind: 'shutdown' })))).cap)
  })
  expect(of(events, 'boot')).toEqual([{ pid: 1, kind: 'boot', name: 'root', parent: 0 }])
  expect(of(events, 'spawn')).toEqual([{ pid: 2, kind: 'spawn', name: 'kid', parent: 1 }])
  expect(of(events, 'exit')).toEqual([
    { pid: 2, kind: 'exit', reason: { kind: 'shutdown' } },
    { pid: 1, kind: 'exit', reason: { kind: 'normal' } },
  ])
})

test('open, io and close of a device, failures among them', async () => {
  const events = await story(async (sys, device) => {
    const handle = await sys.open(device)
    await sys.read(handle, { value: 1 })
    await sys.write(handle, 1)
    await sys.read(handle, 'bad').catch(() => undefined)
    sys.revoke(handle)
  })
  const told = events.flatMap(({ pid, ev }) =>
    ev.kind === 'open' || ev.kind === 'close' || ev.kind === 'io' ? [{ pid, ...ev }] : [],
  )
  expect(told).toEqual([
    { pid: 1, kind: 'open', driver: 'shop' },
    { pid: 1, kind: 'io', driver: 'shop', op: 'read', ok: true },
    { pid: 1, kind: 'io', driver: 'shop', op: 'write', ok: true },
    { pid: 1, kind: 'io', driver: 'shop', op: 'read', ok: false },
    { pid: 1, kind: 'close', driver: 'shop' },
  ])
  expect(of(events, 'fault')).toEqual([{ pid: 1, kind: 'fault', where: 'close', error: 'will not close' }])
})

test('charges in nano-dollars, and what went over', async () => {
  const events = await story(
    async (sys, device) => {
      const handle = await sys.open(device)
      await sys.read(handle, { value: 1, cost: { tokens: 3, toolCalls: 2, usd: 0.000_000_001 } })
      await sys.read(handle, { value: 1, cost: { tokens: 1, estimated: true } })
      const over = image('over', async (inner) => {
        await inner.read(await inner.open((await inner.recv()).caps[0]!), { value: 1, cost: { tokens: 9 } })
      })
      await sys.waitpid((await sys.spawn(over, { caps: [device], quota: { tokens: 4 } })).cap)
    },
    { tokens: 11 },
  )
  const nothing = { kind: 'charge', what: 'shop', toolCalls: 0, nanoUsd: 0 }
  expect(of(events, 'charge')).toEqual([
    { ...nothing, pid: 1, tokens: 3, toolCalls: 2, nanoUsd: 1 },
    { ...nothing, pid: 1, tokens: 1, estimated: true },
    { ...nothing, pid: 2, tokens: 9 },
  ])
  // The child had 4, its parent 3 more that nobody else had; 2 could be backed by nobody.
  expect(of(events, 'charge.overrun')).toEqual([
    { pid: 2, kind: 'charge.overrun', resource: 'tokens', excess: 5, overdraft: 2 },
  ])
})

test('late is said of the operation, of its charge and of what it overran', async () => {
  const t = testKernel()
  t.kernel.registerDriver({
    name: 'slow',
    open: () => ({
      read: async () => {
        await t.clock.delay(50)
        return { value: 1, cost: { tokens: 100 } }
      },
    }),
  })
  await runRoot(
    t,
    async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      const reader = image('reader', async (inner) => {
        await inner.read(await inner.open((await inner.recv()).caps[0]!))
      })
      const { cap } = await sys.spawn(reader, { caps: [devices.slow!] })
      await sys.sleep(10)
      await sys.signal(cap)
      await sys.sleep(100)
    },
    { grant: ['slow'], quota: { tokens: 60 } },
  )
  const late = t.kernel.events().filter(({ ev }) => 'late' in ev && ev.late === true)
  expect(late.map(({ pid, ev }) => ({ pid, ...ev }))).toEqual([
    { pid: 2, kind: 'io', driver: 'slow', op: 'read', ok: true, late: true },
    { pid: 2, kind: 'charge', what: 'slow', tokens: 100, toolCalls: 0, nanoUsd: 0, late: true },
    { pid: 2, kind: 'charge.overrun', resource: 'tokens', excess: 40, overdraft: 40, late: true },
  ])
})

test('every capability by number and rights, those of the host among them, and how many ended with one', async () => {
  const events = await story(async (sys, device, t) => {
    const self = sys.selfCap()
    const child = sys.derive(self, ['send'])
    const { cap } = await sys.spawn(idle)
    await sys.send(cap, 1, { caps: [child] })
    sys.revoke(self)
    await sys.open(device)
    t.kernel.registerAuthority('model:*')
    const { pid } = t.kernel.spawnHost({ image: idle, devices: ['shop', 'model:*'] })
    t.kernel.narrow(pid, 'model:*', { to: ['model:a'] })
    t.kernel.revokeDevice(pid, 'shop')
    t.kernel.narrowById(11, { to: ['model:a'], expiresInMs: 50 })
  })
  const caps = events.flatMap(({ pid, ev }) => (ev.kind.startsWith('cap.') ? [{ pid, ...ev }] : []))
  const made = caps.filter(({ kind }) => kind !== 'cap.revoke')
  const [send, sendMonitor, all, open] = [
    ['send'],
    ['send', 'monitor'],
    ['send', 'monitor', 'kill'],
    ['open'],
  ]
  // Numbers are given out one after the other, so that none was left out.
  expect(made).toEqual(
    [
      { pid: 1, kind: 'cap.mint', rights: open },
      { pid: 1, kind: 'cap.mint', rights: sendMonitor },
      { pid: 1, kind: 'cap.derive', rights: send },
      { pid: 1, kind: 'cap.mint', rights: all },
      { pid: 2, kind: 'cap.delegate', rights: send },
      { pid: 1, kind: 'cap.derive', rights: ['read', 'write'] },
      { pid: 3, kind: 'cap.delegate', rights: open },
      { pid: 1, kind: 'cap.mint', rights: open },
      { pid: 3, kind: 'cap.delegate', rights: open },
      { pid: 1, kind: 'cap.mint', rights: open },
      { pid: 3, kind: 'cap.delegate', rights: open },
      { pid: 3, kind: 'cap.delegate', rights: open },
    ].map((ev, at) => ({ ...ev, cap: at + 1 })),
  )
  expect(of(events, 'cap.revoke')).toEqual([
    { pid: 1, kind: 'cap.revoke', cap: 2, count: 3 },
    { pid: 3, kind: 'cap.revoke', cap: 9, count: 1 },
    { pid: 3, kind: 'cap.revoke', cap: 7, count: 1 },
    { pid: 3, kind: 'cap.revoke', cap: 11, count: 1 },
  ])
})

test('where spawning is gated, the right to it is told of too', async () => {
  const t = testKernel({ capGatedSpawn: true })
  await runRoot(t, async () => undefined)
  expect(of(t.kernel.events(), 'cap.mint')).toEqual([{ pid: 1, kind: 'cap.mint', cap: 1, rights: ['spawn'] }])
})

test('messages, their ends, names, suspension, deadlines, paging and want of memory', async () => {
  const events = await story(async (sys) => {
    const self = sys.selfCap()
    await sys.send(self, 1, { caps: [self] })
    await sys.recv()
    await sys.send(self, 2, { deadline: sys.now() - 1 })
    await sys.recv({ timeoutMs: 1 }).catch(() => undefined)
    sys.register('me')
    sys.unregister('me')
    const { cap } = await sys.spawn(idle, { deadline: 20 })
    await sys.suspend(cap)
    await sys.resume(cap)
    const mind = image('mind', async (inner) => {
      for (let n = 0; n < 3; n++) await inner.remember(`n${n}`, { tokens: 40 })
      await inner.recall('n0', 1)
      await inner.remember('x', { tokens: 101 })
    })
    await sys.waitpid((await sys.spawn(mind, { quota: { mem: 100 } })).cap)
    await sys.sleep(30)
    sys.log('warn', 'said', { n: 1 })
  })
  expect(of(events, 'send')).toEqual([
    { pid: 1, kind: 'send', to: 1, caps: 1 },
    { pid: 1, kind: 'send', to: 1, caps: 0 },
  ])
  expect(of(events, 'recv')).toEqual([
    { pid: 1, kind: 'recv', from: 0 },
    { pid: 1, kind: 'recv', from: 1 },
  ])
  expect(of(events, 'msg.expired')).toEqual([{ pid: 1, kind: 'msg.expired', from: 1 }])
  expect(of(events, 'name')).toEqual([
    { pid: 1, kind: 'name', name: 'me', held: true },
    { pid: 1, kind: 'name', name: 'me', held: false },
  ])
  expect([of(events, 'suspend'), of(events, 'resume'), of(events, 'sched.deadline')]).toEqual([
    [{ pid: 2, kind: 'suspend' }],
    [{ pid: 2, kind: 'resume' }],
    [{ pid: 2, kind: 'sched.deadline' }],
  ])
  expect(of(events, 'page.out')[0]).toMatchObject({ pid: 3, tokens: 80, segments: 2 })
  expect(of(events, 'page.in')).toEqual([{ pid: 3, kind: 'page.in', tokens: 40, segments: 1 }])
  expect(of(events, 'oom')).toEqual([{ pid: 3, kind: 'oom', need: 101 }])
  expect(of(events, 'log')).toEqual([
    { pid: 1, kind: 'log', level: 'warn', message: 'said', fields: { n: 1 } },
  ])
})

test('system calls are sampled, one in 256, and every park is told of what is recorded', async () => {
  const store = new MemoryStore()
  const kernel = new Kernel({ clock: new VirtualClock(), powers: nodePowers(), mode: 'record', store })
  const root = image('root', async (sys) => {
    await sys.recv()
    for (let n = 0; n < 1024; n++) await sys.lookup('nobody')
    await sys.sleep(1)
  })
  await kernel.boot(root, { grant: [], quota: {} })
  const events = eventsFromStore(store)
  expect(of(events, 'syscall')).toEqual(
    Array.from({ length: 4 }, () => ({ pid: 1, kind: 'syscall', name: 'lookup' })),
  )
  expect(of(events, 'park').at(-1)).toEqual({ pid: 1, kind: 'park', on: 'sleep' })
})

test('the ring keeps the last 65,536, a recording keeps all, and both number them alike without a gap', async () => {
  const store = new MemoryStore()
  const kernel = new Kernel({ clock: new VirtualClock(), powers: nodePowers(), mode: 'record', store })
  const root = image('root', async (sys) => {
    for (let n = 0; n < 70_000; n++) sys.log('debug', `${n}`)
  })
  await kernel.boot(root, { grant: [], quota: {} })
  const ring = kernel.events()
  const stored = eventsFromStore(store)
  expect(ring).toHaveLength(65_536)
  expect(stored.length).toBeGreaterThan(70_000)
  expect(stored.map(({ seq }) => seq)).toEqual(Array.from(stored, (_, at) => at + 1))
  expect(stored.slice(-65_536)).toEqual(ring)
  expect(store.records.map(({ seq }) => seq)).toEqual(Array.from(store.records, (_, at) => at + 1))
})

test('events of numbers come out of the ring as they went in, after it has turned over many times', async () => {
  const t = testKernel()
  const seen: StampedEvent[] = []
  await runRoot(t, async (sys) => {
    const self = sys.selfCap()
    for (let round = 0; round < 400; round++) {
      for (let n = 0; n < 60; n++) {
        const cap = sys.derive(self, n % 2 ? ['send'] : ['send', 'monitor'])
        await sys.send(self, n, { caps: n % 3 ? [] : [cap] })
        await sys.recv()
        sys.revoke(cap)
      }
      const last = t.kernel.events(seen.at(-1)?.seq ?? 0)
      seen.push(...last)
    }
  })
  seen.push(...t.kernel.events(seen.at(-1)?.seq))
  expect(seen.length).toBeGreaterThan(65_536)
  expect(seen.every(({ seq }, at) => seq === at + 1)).toBe(true)
  expect(t.kernel.events()).toEqual(seen.slice(-65_536))
})
