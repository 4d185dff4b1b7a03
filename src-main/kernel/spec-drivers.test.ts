import { expect, test } from 'vitest'
import type { BootGrant, Driver, KernelConfig } from './abi.ts'
import type { CapRef } from './ids.ts'
import { MemoryStore } from './journal.ts'
import { image, runRoot, settled, type TestKernel, testKernel } from './test-kernel.ts'

/** §2 open … write, §3.4 handles, §5.2 charging, §9 drivers. */

const MODES: readonly (readonly [string, () => Partial<KernelConfig>])[] = [
  ['live', () => ({})],
  ['recorded', () => ({ mode: 'record', store: new MemoryStore() })],
]

interface Slow {
  readonly driver: Driver
  readonly begun: number[]
}

/** Takes 10 ms for each request, `concurrency` at once; each costs a token. */
function slow(t: TestKernel, concurrency: number): Slow {
  const begun: number[] = []
  const read = async (n: unknown) => {
    begun.push(Number(n))
    await t.clock.delay(10)
    return { value: n, cost: { tokens: 1 } }
  }
  return { begun, driver: { name: 'dev', concurrency, open: () => ({ read }) } }
}

for (const [mode, config] of MODES) {
  test(`${mode}: what of a batch has not begun when its caller is killed never does, what has is paid for`, async () => {
    const t = testKernel(config())
    const { driver, begun } = slow(t, 3)
    t.kernel.registerDriver(driver)
    const batch = image('batch', async (sys) => {
      const handle = await sys.open((await sys.recv()).caps[0] as CapRef)
      await sys.readAll(
        handle,
        Array.from({ length: 20 }, (_, i) => i),
      )
    })
    await runRoot(
      t,
      async (sys) => {
        const caps = [(await sys.recv<BootGrant>()).body.devices.dev as CapRef]
        const { cap } = await sys.spawn(batch, { caps })
        await sys.sleep(15)
        await sys.signal(cap)
        await sys.sleep(300)
        expect(begun).toHaveLength(6)
        expect(sys.budget().tokens).toBe(94)
      },
      { grant: ['dev'], quota: { tokens: 100 } },
    )
  })

  test(`${mode}: a borrowed handle that closes in the middle of a batch gives ECLOSED for the rest`, async () => {
    const t = testKernel(config())
    const { driver, begun } = slow(t, 2)
    t.kernel.registerDriver(driver)
    const lender = image('lender', async (sys) => {
      const [device, boss] = (await sys.recv()).caps as [CapRef, CapRef]
      await sys.send(boss, 'lent', { caps: [await sys.open(device)] })
      await sys.sleep(15)
    })
    await runRoot(
      t,
      async (sys) => {
        const device = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
        await sys.spawn(lender, { caps: [device, sys.selfCap()] })
        const handle = (await sys.recv()).caps[0] as CapRef
        const failed = await sys.readAll(handle, [0, 1, 2, 3, 4, 5, 6, 7]).catch((error: unknown) => error)
        expect(failed).toMatchObject({ code: 'ECLOSED' })
        expect(begun).toEqual([0, 1, 2, 3])
        await expect(sys.read(handle, 9)).rejects.toMatchObject({ code: 'ECLOSED' })
      },
      { grant: ['dev'], quota: { tokens: 100 } },
    )
    await settled()
  })
}
