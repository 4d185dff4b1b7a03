import { expect, test, vi } from 'vitest'
import { runRoot, settled, testKernel } from '../../kernel/test-kernel.ts'
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
  let held = 0
  let most = 0
  const { kernel, clock } = testKernel()
  const holdTime = () => {
    most = Math.max(most, ++held)
    return () => {
      held--
    }
  }
  const watched = { heldAtEnd: -1 }
  const boot = kernel.boot(
    {
      name: 'root',
      async main(sys) {
        const child = await sys.spawn(sandbox(`async (sys) => { await sys.sleep(5) }`, { holdTime }))
        await sys.waitpid(child.cap)
        watched.heldAtEnd = held
      },
    },
    { grant: [], quota: {} },
  )
  await vi.waitFor(() => expect(held).toBe(1))
  expect(await boot).toEqual({ kind: 'normal' })
  expect({ ...watched, most, at: clock.now() }).toEqual({ heldAtEnd: 0, most: 1, at: 5 })
})

test('a stopped guest process makes no call until it is resumed', async () => {
  const { kernel } = testKernel()
  const heard: unknown[] = []
  const boot = kernel.boot(
    {
      name: 'root',
      async main(sys) {
        await sys.recv()
        const code = `async (sys) => { const { caps: [up] } = await sys.recv(); await sys.send(up, 1) }`
        const child = await sys.spawn(sandbox(code), { caps: [sys.selfCap()] })
        await sys.suspend(child.cap)
        heard.push((await sys.recv({ timeoutMs: 10 }).catch((error: { code: string }) => error)) as unknown)
        await sys.resume(child.cap)
        heard.push((await sys.recv()).body)
      },
    },
    { grant: [], quota: {} },
  )
  expect(await boot).toEqual({ kind: 'normal' })
  expect(heard).toEqual([expect.objectContaining({ code: 'ETIMEDOUT' }), 1])
})

test.each([
  ['thread', threadGuests],
  ['process', processGuests()],
])('the %s ends with its kernel process', async (_, launch) => {
  const { kernel } = testKernel()
  void kernel.boot({ name: 'root', main: () => new Promise(() => undefined) }, { grant: [], quota: {} })
  await settled()
  const heard: unknown[] = []
  const ends: string[] = []
  const image = sandbox('async (sys) => { await sys.recv(); await sys.recv() }', {
    launch: (limits, ears) =>
      launch(limits, {
        heard(message) {
          heard.push(message)
          ears.heard(message)
        },
        ended(why) {
          ends.push(why)
          ears.ended(why)
        },
      }),
  })
  const { pid } = kernel.spawnHost({ image, devices: [] })
  await vi.waitFor(() => expect(heard).toContain('i'), 5000)
  expect(ends).toEqual([])
  kernel.signal(pid)
  await vi.waitFor(() => expect(ends).toHaveLength(1), 5000)
})
