import { expect, test } from 'vitest'
import type { BootGrant, Driver, DriverCost, ProcessImage, Quota, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, type TestKernel, testKernel } from './test-kernel.ts'

/** §5: classes of resources, the two primitives, overruns. */

interface Bill {
  readonly read: number
}

/** Charges whatever the request says; counts how often it was really asked. */
function billing(extra: Partial<Driver> = {}): { driver: Driver; bill: Bill } {
  const bill = { read: 0 }
  const driver = {
    name: 'dev',
    open: () => ({
      read(cost: unknown) {
        bill.read++
        return { value: bill.read, cost: cost as DriverCost }
      },
      write: () => ({ value: undefined }),
    }),
    ...extra,
  }
  return { driver, bill }
}

/** Makes one request after the other. */
const spender = image('spender', async (sys, args) => {
  const handle = await sys.open((await sys.recv()).caps[0] as CapRef)
  for (const cost of args as DriverCost[]) await sys.read(handle, cost)
})

async function withDevice(
  t: TestKernel,
  quota: Quota,
  body: (
    sys: Sys,
    spend: (costs: DriverCost[], own: Quota) => Promise<unknown>,
    dev: CapRef,
  ) => Promise<void>,
  main: ProcessImage = spender,
): Promise<void> {
  await runRoot(
    t,
    async (sys) => {
      const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
      const spend = async (args: DriverCost[], own: Quota): Promise<unknown> =>
        sys.waitpid((await sys.spawn(main, { args, caps: [dev], quota: own })).cap)
      await body(sys, spend, dev)
    },
    { grant: ['dev'], quota },
  )
}

test('absent is no limit of its own, 0 is none at all, and at the root absent is unlimited', async () => {
  const t = testKernel()
  const { driver, bill } = billing()
  t.kernel.registerDriver(driver)
  await withDevice(t, { tokens: 100, children: 5 }, async (sys, spend) => {
    expect(Object.keys(sys.budget()).sort()).toEqual(['children', 'tokens'])
    expect(await spend([{ tokens: 30, usd: 9 }, { tokens: 30 }], {})).toEqual({ kind: 'normal' })
    expect(sys.budget().tokens).toBe(40)
    expect(await spend([{ tokens: 1 }], { tokens: 0 })).toEqual({ kind: 'quota', resource: 'tokens' })
    // Before dispatch: it had no effect.
    expect(bill.read).toBe(2)
    const none = sys.spawn(spender, { quota: { children: 0 } })
    await expect(none).resolves.toBeDefined()
  })
})

test('a carve is a reservation: it is taken at once, refused whole, and what is left comes back', async () => {
  const t = testKernel()
  await runRoot(
    t,
    async (sys) => {
      const before = sys.budget()
      const idle = image('idle', async (inner) => void (await inner.recv()))
      for (const quota of [{ tokens: 101 }, { toolCalls: 11 }, { usd: 1.01 }, { mem: 31 }, { children: 4 }])
        await expect(sys.spawn(idle, { quota: { tokens: 1, ...quota } })).rejects.toMatchObject({
          code: 'EQUOTA',
          name: 'QuotaExceeded',
        })
      expect(sys.budget()).toEqual(before)
      const { cap } = await sys.spawn(idle, {
        quota: { tokens: 100, toolCalls: 4, usd: 0.25, mem: 30, children: 3 },
      })
      expect(sys.budget()).toEqual({ tokens: 0, toolCalls: 6, usd: 0.75, mem: 0, children: 0 })
      await expect(sys.spawn(idle)).rejects.toMatchObject({ code: 'EQUOTA', resource: 'children' })
      await sys.signal(cap)
      expect(sys.budget()).toEqual(before)
      // Restarts do not use up children.
      for (let i = 0; i < 20; i++) await sys.signal((await sys.spawn(idle, { quota: { children: 3 } })).cap)
      expect(sys.budget()).toEqual(before)
    },
    { quota: { tokens: 100, toolCalls: 10, usd: 1, mem: 30, children: 4 } },
  )
})

test('money: costs round up to whole nano-dollars, quotas down', async () => {
  const t = testKernel()
  t.kernel.registerDriver(billing().driver)
  await withDevice(t, { usd: 1 }, async (sys, spend) => {
    expect(await spend([{ usd: 1.1e-9 }, { usd: 0.1 + 0.2 }], {})).toEqual({ kind: 'normal' })
    expect(sys.budget().usd).toBe((1e9 - 2 - 3e8) / 1e9)
    const odd = await sys.spawn(spender, { quota: { usd: 2.9e-9 } })
    expect(t.kernel.usage(odd.pid)?.usdNanos.limit).toBe(2)
  })
})

test('the first that does not fit is named in the order toolCalls, tokens, usd', async () => {
  const cost = { toolCalls: 9, tokens: 9, usd: 9 }
  const cases: readonly (readonly [Quota, string])[] = [
    [{ toolCalls: 5, tokens: 5, usd: 5 }, 'toolCalls'],
    [{ tokens: 5, usd: 5 }, 'tokens'],
    [{ usd: 5 }, 'usd'],
  ]
  for (const prepaid of [undefined, cost]) {
    for (const [quota, resource] of cases) {
      const t = testKernel()
      t.kernel.registerDriver(billing(prepaid ? { prepaid } : {}).driver)
      await withDevice(t, { toolCalls: 100, tokens: 100, usd: 100 }, async (sys, spend) => {
        expect(await spend([prepaid ? {} : cost], quota)).toEqual({ kind: 'quota', resource })
        // Refused beforehand it costs nothing; afterwards all of it is booked, whoever backs it.
        const left = { toolCalls: 91, tokens: 91, usd: 91 }
        expect(sys.budget()).toEqual(prepaid ? { toolCalls: 100, tokens: 100, usd: 100 } : left)
      })
    }
  }
})

test('what is at 0 already stops an operation before it happens, where the driver uses it', async () => {
  for (const [uses, expected] of [
    [undefined, 1],
    [['tokens'] as const, 2],
    [['toolCalls'] as const, 1],
  ] as const) {
    const t = testKernel()
    const { driver, bill } = billing(uses ? { uses } : {})
    t.kernel.registerDriver(driver)
    await withDevice(t, {}, async (_sys, spend) => {
      const reason = await spend([{ toolCalls: 1 }, {}], { toolCalls: 1, tokens: 5 })
      expect(reason).toEqual(expected === 2 ? { kind: 'normal' } : { kind: 'quota', resource: 'toolCalls' })
    })
    expect(bill.read).toBe(expected)
  }
})

test('an overrun is paid by the nearest ancestor’s free pool, leaves siblings alone, and kills nobody above', async () => {
  const t = testKernel()
  t.kernel.registerDriver(billing().driver)
  const middle = image('middle', async (sys) => {
    const dev = (await sys.recv()).caps[0] as CapRef
    const sibling = image('sibling', (inner) => inner.sleep(50))
    await sys.spawn(sibling, { quota: { tokens: 20 } })
    const { cap } = await sys.spawn(spender, { args: [{ tokens: 70 }], caps: [dev], quota: { tokens: 10 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'tokens' })
    // 50 = 20 for the sibling, untouched, and 30 of its own: 10 of the carve and 20 of what was free.
    expect(sys.budget().tokens).toBe(0)
    expect(t.kernel.ps().find((row) => row.name === 'sibling')?.usage.tokens.available).toBe(20)
    await sys.sleep(100)
    expect(sys.budget().tokens).toBe(20)
  })
  await withDevice(t, { tokens: 60 }, async (sys, _spend, dev) => {
    const { cap } = await sys.spawn(middle, { caps: [dev], quota: { tokens: 50 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    // 70 were used: 30 below, 10 here, and 30 that not even the root can back.
    expect(sys.budget().tokens).toBe(20)
  })
  const value = (name: string): number | undefined =>
    t.kernel.metrics().find((one) => one.name === `signalbox_kernel_${name}`)?.value
  expect(value('overrun_total')).toBe(60)
  expect(value('overdraft_total')).toBe(30)
  expect(value('quota_kills_total')).toBe(1)
  const { ev } = t.kernel.events().find((one) => one.ev.kind === 'charge.overrun') ?? {}
  expect(ev).toEqual({ kind: 'charge.overrun', resource: 'tokens', excess: 60, overdraft: 30 })
})

test('the caller pays, also through a handle that somebody else opened', async () => {
  const t = testKernel()
  t.kernel.registerDriver(billing().driver)
  await withDevice(t, { tokens: 100 }, async (sys, _spend, dev) => {
    const handle = await sys.open(dev)
    const borrower = image('borrower', async (inner) => {
      await inner.read((await inner.recv()).caps[0] as CapRef, { tokens: 8 })
      expect(inner.budget().tokens).toBe(2)
    })
    const { cap } = await sys.spawn(borrower, { caps: [handle], quota: { tokens: 10 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    expect(sys.budget().tokens).toBe(92)
  })
})

test('a late cost is logged late, its overrun too', async () => {
  const t = testKernel()
  const slow = {
    name: 'dev',
    open: () => ({
      read: async (cost: unknown) => {
        await t.clock.delay(50)
        return { value: 1, cost: cost as DriverCost }
      },
    }),
  }
  t.kernel.registerDriver(slow)
  await withDevice(t, { tokens: 10 }, async (sys, _spend, dev) => {
    const { cap } = await sys.spawn(spender, { args: [{ tokens: 25 }], caps: [dev], quota: { tokens: 5 } })
    await sys.sleep(10)
    await sys.signal(cap)
    await sys.sleep(100)
    expect(sys.budget().tokens).toBe(0)
  })
  const seen = t.kernel.events().flatMap(({ ev }) => (ev.kind.startsWith('charge') ? [ev] : []))
  expect(seen).toEqual([
    { kind: 'charge', what: 'dev', tokens: 25, toolCalls: 0, nanoUsd: 0, late: true },
    { kind: 'charge.overrun', resource: 'tokens', excess: 15, overdraft: 15, late: true },
  ])
})

test('a driver that had to guess its cost says so in the charge', async () => {
  const t = testKernel()
  t.kernel.registerDriver(billing().driver)
  await withDevice(t, {}, async (_sys, spend) => {
    await spend([{ tokens: 3, estimated: true }, { tokens: 4 }], {})
  })
  const seen = t.kernel
    .events()
    .flatMap(({ ev }) => (ev.kind === 'charge' ? [[ev.tokens, ev.estimated]] : []))
  expect(seen).toEqual([
    [3, true],
    [4, undefined],
  ])
})

test('a registration with an impossible price leaves no device behind', () => {
  const { kernel } = testKernel()
  const { driver } = billing({ prepaid: { tokens: -1 } })
  expect(() => kernel.registerDriver(driver)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  expect(kernel.devices()).toEqual([])
  kernel.registerDriver(billing().driver)
  expect(() => kernel.registerDriver(billing().driver)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
})

test('a pager that costs something is paid by the process that is paged, and cannot pay back', async () => {
  for (const [cost, left, how] of [
    [{ tokens: 7 }, 93, 'normal'],
    [{ tokens: 40 }, 60, 'quota'],
    [{ tokens: -7 }, 100, 'normal'],
  ] as const) {
    const t = testKernel({
      pager: { pageOut: (resident) => ({ evict: resident.map(({ id }) => id), cost }) },
    })
    await runRoot(
      t,
      async (sys) => {
        const child = image('child', async (inner) => {
          for (let i = 0; i < 2; i++) await inner.remember(`note ${i}`, { tokens: 8 })
        })
        const { cap } = await sys.spawn(child, { quota: { mem: 10, tokens: 20 } })
        expect((await sys.waitpid(cap)).kind).toBe(how)
        expect(sys.budget().tokens).toBe(left)
      },
      { quota: { mem: 20, tokens: 100 } },
    )
    const faults = t.kernel.events().flatMap(({ ev }) => (ev.kind === 'fault' ? [ev.error] : []))
    expect(faults).toEqual(cost.tokens < 0 ? ['pager reported an invalid cost'] : [])
  }
})
