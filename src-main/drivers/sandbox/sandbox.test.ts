import { expect, test, vi } from 'vitest'
import type { Sys } from '../../kernel/abi.ts'
import { VirtualClock } from '../../kernel/clock.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { MemoryStore } from '../../kernel/journal.ts'
import { Kernel } from '../../kernel/kernel.ts'
import { runRoot, settled, testKernel } from '../../kernel/test-kernel.ts'
import { nodePowers } from '../host-powers.ts'
import type { GuestLauncher } from './guest-link.ts'
import { processGuests } from './process-guest.ts'
import { sandbox } from './sandbox.ts'
import { report, runGuest } from './test-guest.ts'
import { threadGuests } from './thread-guest.ts'

test('values cross as they are, both ways', async () => {
  const args = {
    list: [1, 'two', null, undefined, true, Number.NaN, Number.POSITIVE_INFINITY],
    map: new Map<unknown, unknown>([[{ k: 1 }, new Set([5n, 'x'])]]),
    when: new Date(5),
    never: new Date(Number.NaN),
    tagged: { $t: 'map', v: 'not one' },
    minus: -0,
    big: -(2n ** 80n),
    ['__proto__']: { polluted: true },
    deep: { a: { b: [[[]]] } },
  }
  const { reason, said } = await runGuest(report('args'), { args })
  expect(reason).toEqual({ kind: 'normal' })
  expect(said).toEqual([args])
  const said0 = said[0] as typeof args
  expect(Object.is(said0.minus, -0)).toBe(true)
  expect(Object.getPrototypeOf(said0)).toBe(Object.prototype)
})

test('bytes arrive as a list of numbers', async () => {
  const args = { bytes: new Uint8Array([1, 255]), wide: new BigInt64Array([-1n]), raw: new ArrayBuffer(2) }
  const { said } = await runGuest(report('args'), { args })
  expect(said).toEqual([{ bytes: [1, 255], wide: [-1n], raw: [0, 0] }])
})

test('messages, capabilities by number, memory, sleeping and devices work', async () => {
  const kernel = testKernel()
  kernel.kernel.registerDriver({ name: 'adder', open: () => ({ read: (n) => ({ value: Number(n) + 1 }) }) })
  const code = `async (sys) => {
    const { caps: [parent, adder] } = await sys.recv()
    const handle = await sys.open(adder)
    const before = await sys.now()
    await sys.sleep(1000)
    const id = await sys.remember('zebra')
    const set = await sys.workingSet()
    const out = {
      caps: [parent, adder, handle],
      waited: await sys.now() - before,
      one: await sys.read(handle, 1),
      all: await sys.readAll(handle, [1, 2, 3]),
      remembered: set[0].body + (set[0].id === id),
      narrow: await sys.derive(handle, []).then((cap) => sys.read(cap, 1)).catch((e) => e.code),
      budget: await sys.budget(),
      order: await Promise.all([sys.self(), sys.self(), sys.now()]),
    }
    await sys.send(parent, out)
  }`
  let body: unknown
  await runRoot(
    kernel,
    async (sys) => {
      const boot = await sys.recv<{ devices: { adder: Parameters<typeof sys.open>[0] } }>()
      const child = await sys.spawn(sandbox(code), {
        caps: [sys.selfCap(), boot.body.devices.adder],
        quota: { tokens: 7 },
      })
      body = (await sys.recv()).body
      expect(await sys.waitpid(child.cap)).toEqual({ kind: 'normal' })
    },
    { grant: ['adder'] },
  )
  expect(body).toEqual({
    caps: [1, 2, 3],
    waited: 1000,
    one: 2,
    all: [2, 3, 4],
    remembered: 'zebratrue',
    narrow: 'ECAP',
    budget: { tokens: 7 },
    order: [2, 2, 1000],
  })
})

test('errors of the kernel reach the guest with their code', async () => {
  const { said } = await runGuest(
    report(
      `Promise.all([sys.sleep(-1), sys.send(99, 'x'), sys.send(parent, undefined, { caps: 'no' })].map((p) => p.catch((e) => e.code)))`,
    ),
  )
  expect(said).toEqual([['EINVAL', 'ECAP', 'EINVAL']])
})

test('what a guest throws is its fault; what it leaves running ends with it', async () => {
  const thrown = await runGuest(`async () => { throw new Error('mine') }`)
  expect(thrown.reason).toEqual({ kind: 'fault', error: 'mine' })
  const early = await runGuest(`(sys) => { sys.recv(); sys.log('info', 'last words') }`)
  expect(early.reason).toEqual({ kind: 'normal' })
})

test.each([
  ['no function', '42', 'the code of a sandbox is one function'],
  ['no code', 'async (', 'does not compile'],
  [
    'a throw before the function',
    `(() => { throw { toString() { throw 1 } } })()`,
    'failed before it was a function',
  ],
])('%s is a fault that says so', async (_, code, words) => {
  const { reason } = await runGuest(code)
  expect(reason).toMatchObject({ kind: 'fault', error: expect.stringContaining(words) })
})

test('an allow-list is checked when the image is made, and narrows what the guest has', async () => {
  expect(() => sandbox('x', { allow: ['onCleanup'] })).toThrow(TypeError)
  expect(() => sandbox('x', { allow: ['toString' as 'self'] })).toThrow(TypeError)
  const { said } = await runGuest(report('Object.getOwnPropertyNames(sys).join()'), {
    allow: ['recv', 'send'],
  })
  expect(said).toEqual(['recv,send'])
})

test('a guest that may spawn makes guests as narrow as itself', async () => {
  const inner = `async (sys, parentArgs) => { const { caps: [up] } = await sys.recv(); await sys.send(up, Object.keys(sys).length + Object.getOwnPropertyNames(sys).join()) }`
  const outer = `async (sys) => {
    const { caps: [parent] } = await sys.recv()
    const child = await sys.spawn(${JSON.stringify(inner)}, { caps: [parent] })
    await sys.send(parent, typeof child.pid + typeof child.cap)
    await sys.waitpid(child.cap)
    await sys.spawn(5).catch((e) => sys.send(parent, e.code))
  }`
  const { said, reason } = await runGuest(outer, { allow: ['recv', 'send', 'spawn', 'waitpid'] })
  expect(reason).toEqual({ kind: 'normal' })
  expect(said).toEqual(['numbernumber', '0recv,send,spawn,waitpid', 'EINVAL'])
})

test('virtual time does not pass while a guest computes, and passes while it waits', async () => {
  const test = testKernel()
  const holdTime = () => test.kernel.holdTime()
  // It starts, computes, waits 5 ms of kernel time, computes: all of it while a timer of 6 ms runs.
  const code = `async (sys) => {
    const { caps: [up] } = await sys.recv()
    const spin = () => { for (let i = 0; i < 3e7; i++); }
    spin(); await sys.send(up, await sys.now())
    await sys.sleep(5); spin(); await sys.send(up, await sys.now())
  }`
  const times: unknown[] = []
  await runRoot(test, async (sys) => {
    await sys.recv()
    const late = sys.sleep(6).then(() => times.push('late'))
    await sys.spawn(sandbox(code, { holdTime }), { caps: [sys.selfCap()] })
    for (let i = 0; i < 2; i++) times.push((await sys.recv()).body)
    await late
  })
  expect(times).toEqual([0, 5, 'late'])
  expect(test.clock.now()).toBe(6)
})

test('a recorded run of a guest replays, driver calls from the journal', async () => {
  const store = new MemoryStore()
  const config = { powers: nodePowers(), mode: 'record', store } as const
  const kernel = new Kernel({ clock: new VirtualClock(), ...config })
  let calls = 0
  kernel.registerDriver({ name: 'dice', open: () => ({ read: async () => ({ value: ++calls * 7 }) }) })
  const code = `async (sys) => {
    const { caps: [up, dice] } = await sys.recv()
    const handle = await sys.open(dice)
    let sum = 0
    for (let i = 0; i < 3; i++) { sum += await sys.read(handle); await sys.sleep(sum) }
    await sys.send(up, [sum, await sys.now()])
  }`
  const heard: unknown[] = []
  const main = (on: () => Kernel) => async (sys: Sys) => {
    const boot = await sys.recv<{ devices: { dice: CapRef } }>()
    const guest = sandbox(code, { launch: threadGuests, holdTime: () => on().holdTime() })
    const child = await sys.spawn(guest, { caps: [sys.selfCap(), boot.body.devices.dice] })
    heard.push((await sys.recv()).body)
    await sys.waitpid(child.cap)
  }
  await kernel.boot({ name: 'root', main: main(() => kernel) }, { grant: ['dice'], quota: {} })
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  const reason = await again.boot({ name: 'root', main: main(() => again) }, { grant: ['dice'], quota: {} })
  expect(reason).toEqual({ kind: 'normal' })
  expect(heard).toEqual([
    [42, 70],
    [42, 70],
  ])
  expect(calls).toBe(3)
  expect(again.events()).toEqual(kernel.events())
})

/** A launcher that lets a test listen in on what guests say, and on their ends. */
function tapped(launch: GuestLauncher) {
  const heard: unknown[] = []
  const ends: string[] = []
  const tap: GuestLauncher = (limits, ears) =>
    launch(limits, {
      heard(message) {
        heard.push(message)
        ears.heard(message)
      },
      ended(why) {
        ends.push(why)
        ears.ended(why)
      },
    })
  return { tap, heard, ends }
}

/** A kernel with an idle root, below which host processes start. */
async function idleKernel() {
  const { kernel } = testKernel()
  void kernel.boot({ name: 'root', main: () => new Promise(() => undefined) }, { grant: [], quota: {} })
  await settled()
  return kernel
}

test('a stopped process makes no call, whatever its guest asks, until it is resumed', async () => {
  const kernel = await idleKernel()
  const { tap, heard } = tapped(threadGuests)
  const image = sandbox(
    `async (sys) => { await sys.log('info', 'called'); await sys.recv(); await sys.recv() }`,
    { launch: tap },
  )
  const { pid } = kernel.spawnHost({ image, devices: [] })
  const called = () => kernel.events().some(({ ev }) => ev.kind === 'log')
  kernel.suspend(pid)
  await settled()
  kernel.resume(pid)
  await settled(2)
  kernel.suspend(pid)
  await vi.waitFor(() => expect(heard).toContain('i'), 5000)
  await settled(50)
  expect(called()).toBe(false)
  kernel.resume(pid)
  await vi.waitFor(() => expect(called()).toBe(true))
  kernel.signal(pid)
})

test.each([
  ['thread', threadGuests],
  ['process', processGuests()],
])('the %s ends with its kernel process', async (_, launch) => {
  const kernel = await idleKernel()
  const { tap, heard, ends } = tapped(launch)
  const image = sandbox('async (sys) => { await sys.recv(); await sys.recv() }', { launch: tap })
  const { pid } = kernel.spawnHost({ image, devices: [] })
  await vi.waitFor(() => expect(heard).toContain('i'), 5000)
  expect(ends).toEqual([])
  kernel.signal(pid)
  await vi.waitFor(() => expect(ends).toHaveLength(1), 5000)
})
