import { expect, test } from 'vitest'
import type { BootGrant, Driver, DriverCost, Quota, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

async function openFirst(sys: Sys, name: string): Promise<CapRef> {
  const { body } = await sys.recv<BootGrant>()
  return sys.open(body.devices[name]!)
}

function costing(cost: unknown, extra: Partial<Driver> = {}): Driver {
  return {
    name: 'dev',
    open: () => ({
      read: async (value) => ({ value, cost: cost as DriverCost }),
      write: () => ({ value: 1 }),
    }),
    ...extra,
  }
}

function spender(driver: Driver, quota: Quota, reads = 1) {
  const t = testKernel()
  t.kernel.registerDriver(driver)
  const child = image('spender', async (sys) => {
    const device = (await sys.recv()).caps[0]!
    const handle = await sys.open(device)
    for (let i = 0; i < reads; i++) await sys.read(handle, i)
  })
  return { t, child, quota }
}

test('a read is charged to the caller and returns a copy of what the driver gave', async () => {
  const t = testKernel()
  t.kernel.registerDriver(costing({ tokens: 7, usd: 0.000_000_000_1, toolCalls: 1 }))
  await runRoot(
    t,
    async (sys) => {
      const handle = await openFirst(sys, 'dev')
      const request = { a: [1] }
      const value = await sys.read<{ a: number[] }>(handle, request)
      expect(value).toEqual(request)
      expect(value).not.toBe(request)
      expect(sys.budget()).toEqual({ tokens: 93, toolCalls: 9, usd: 0.999_999_999 })
      expect(await sys.write(handle, 1)).toBeUndefined()
      await sys.send(handle, 2)
      await expect(sys.read(sys.selfCap())).rejects.toMatchObject({ code: 'ECAP' })
    },
    { grant: ['dev'], quota: { tokens: 100, toolCalls: 10, usd: 1 } },
  )
})

test.each([
  ['NaN', { tokens: Number.NaN }],
  ['Infinity', { usd: Number.POSITIVE_INFINITY }],
  ['negative tokens', { tokens: -5 }],
  ['negative money', { usd: -1 }],
  ['a fraction of a token', { tokens: 1.5 }],
  ['text', { toolCalls: '3' }],
  ['too much to count', { usd: 1e300 }],
  ['no object', 'cheap'],
  [
    'a trap',
    {
      get tokens(): number {
        throw new Error('trap')
      },
    },
  ],
])('a driver that reports %s credits nothing', async (_name, cost) => {
  const t = testKernel()
  t.kernel.registerDriver(costing(cost))
  await runRoot(
    t,
    async (sys) => {
      const handle = await openFirst(sys, 'dev')
      const before = sys.budget()
      await expect(sys.read(handle)).rejects.toMatchObject({ code: 'EDRIVER' })
      expect(sys.budget()).toEqual(before)
    },
    { grant: ['dev'], quota: { tokens: 100, toolCalls: 10, usd: 1 } },
  )
})

test('an overrun ends the caller, fills its limit, and debits the rest above', async () => {
  const { t, child } = spender(costing({ tokens: 60 }), {}, 3)
  await runRoot(
    t,
    async (sys) => {
      const { body } = await sys.recv<BootGrant>()
      const { cap } = await sys.spawn(child, { quota: { tokens: 100 }, caps: [body.devices.dev!] })
      expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'tokens' })
      expect(sys.budget().tokens).toBe(880)
      const tiny = await sys.spawn(child, { quota: { tokens: 0 }, caps: [body.devices.dev!] })
      expect(await sys.waitpid(tiny.cap)).toEqual({ kind: 'quota', resource: 'tokens' })
      expect(sys.budget().tokens).toBe(880)
    },
    { grant: ['dev'], quota: { tokens: 1000 } },
  )
  const overruns = t.facts.filter((fact) => fact.type === 'budget.exceeded')
  expect(overruns).toHaveLength(2)
})

test('prepaid batches that do not fit have no effect at all; those that fit come back in order', async () => {
  let calls = 0
  const driver = costing(undefined, {
    prepaid: { toolCalls: 1 },
    open: () => ({
      read: async (n) => {
        calls++
        await t.clock.delay(10 - Number(n))
        return { value: n, cost: { tokens: Number(n) } }
      },
    }),
  })
  const t = testKernel()
  t.kernel.registerDriver(driver)
  const batch = image('batch', async (sys, size) => {
    const handle = await sys.open((await sys.recv()).caps[0]!)
    const requests = Array.from({ length: Number(size) }, (_, i) => i)
    expect(await sys.readAll(handle, requests)).toEqual(requests)
  })
  await runRoot(
    t,
    async (sys) => {
      const caps = [(await sys.recv<BootGrant>()).body.devices.dev!]
      const fits = await sys.spawn(batch, { args: 4, caps, quota: { toolCalls: 4, tokens: 10 } })
      expect(await sys.waitpid(fits.cap)).toEqual({ kind: 'normal' })
      expect(sys.now()).toBe(10)
      expect(calls).toBe(4)
      const over = await sys.spawn(batch, { args: 5, caps, quota: { toolCalls: 4, tokens: 10 } })
      expect(await sys.waitpid(over.cap)).toEqual({ kind: 'quota', resource: 'toolCalls' })
      expect(calls).toBe(4)
      expect(sys.budget()).toEqual({ tokens: 94, toolCalls: 96 })
    },
    { grant: ['dev'], quota: { tokens: 100, toolCalls: 100 } },
  )
})

test('a cost that arrives after its process was killed falls on the account above', async () => {
  const t = testKernel()
  t.kernel.registerDriver(
    costing(undefined, {
      open: () => ({
        read: async () => {
          await t.clock.delay(100)
          return { value: 1, cost: { tokens: 30 } }
        },
      }),
    }),
  )
  const slow = image('slow', async (sys) => {
    await sys.read(await sys.open((await sys.recv()).caps[0]!))
  })
  await runRoot(
    t,
    async (sys) => {
      const caps = [(await sys.recv<BootGrant>()).body.devices.dev!]
      const { cap } = await sys.spawn(slow, { caps, quota: { tokens: 50 } })
      await sys.sleep(10)
      await sys.signal(cap)
      expect(sys.budget().tokens).toBe(100)
      await sys.sleep(200)
      expect(sys.budget().tokens).toBe(70)
    },
    { grant: ['dev'], quota: { tokens: 100 } },
  )
  expect(t.kernel.events().some(({ ev }) => ev.kind === 'charge' && ev.late)).toBe(true)
})

test('handles close once: by revocation, by their opener’s end, by their device’s', async () => {
  const t = testKernel()
  let opened = 0
  let closed = 0
  t.kernel.registerDriver({
    name: 'dev',
    open: () => {
      opened++
      return { read: () => ({ value: 1 }), close: () => void closed++ }
    },
  })
  const lender = image('lender', async (sys) => {
    const [device, boss] = (await sys.recv()).caps
    const handle = await sys.open(device!)
    await sys.send(boss!, 'lent', { caps: [handle] })
    await sys.recv()
  })
  await runRoot(
    t,
    async (sys) => {
      const device = (await sys.recv<BootGrant>()).body.devices.dev!
      const handle = await sys.open(device)
      sys.revoke(handle)
      expect(closed).toBe(1)
      const { cap } = await sys.spawn(lender, { caps: [device, sys.selfCap()] })
      const lent = (await sys.recv()).caps[0]!
      expect(await sys.read(lent)).toBe(1)
      await sys.signal(cap)
      await expect(sys.read(lent)).rejects.toMatchObject({ code: 'ECLOSED' })
      const last = await sys.open(device)
      t.kernel.unregisterDevice('dev')
      await expect(sys.read(last)).rejects.toThrow()
      await expect(sys.open(device)).rejects.toThrow()
    },
    { grant: ['dev'] },
  )
  expect([opened, closed]).toEqual([3, 3])
})

test('a device that opens after its caller died, or lost it, is closed at once', async () => {
  const t = testKernel()
  let open = 0
  t.kernel.registerDriver({
    name: 'dev',
    open: async () => {
      await t.clock.delay(10)
      open++
      return { read: () => ({ value: 1 }), close: () => void open-- }
    },
  })
  const opener = image('opener', async (sys) => {
    await sys.open((await sys.recv()).caps[0]!)
  })
  await runRoot(
    t,
    async (sys) => {
      const device = (await sys.recv<BootGrant>()).body.devices.dev!
      const { cap } = await sys.spawn(opener, { caps: [device] })
      await sys.sleep(5)
      await sys.signal(cap)
      const mine = sys.derive(device, ['open'])
      const opening = sys.open(mine)
      await sys.sleep(2)
      sys.revoke(mine)
      await expect(sys.read(await opening)).rejects.toMatchObject({ code: 'ECAP' })
      expect(open).toBe(0)
    },
    { grant: ['dev'] },
  )
})

test('a driver that throws is EDRIVER to its caller, and pays for what it says it spent', async () => {
  const t = testKernel()
  t.kernel.registerDriver(
    costing(undefined, {
      open: () => ({ read: () => Promise.reject(Object.assign(new Error('no'), { cost: { tokens: 4 } })) }),
    }),
  )
  await runRoot(
    t,
    async (sys) => {
      const handle = await openFirst(sys, 'dev')
      await expect(sys.read(handle)).rejects.toMatchObject({ code: 'EDRIVER', message: 'no' })
      expect(sys.budget().tokens).toBe(6)
      await expect(sys.write(handle, 1)).rejects.toMatchObject({ code: 'ENOTSUP' })
    },
    { grant: ['dev'], quota: { tokens: 10 } },
  )
})
