import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

/** A host on which every reading of the real clock is a whole turn later, so that every answer waits for the next. */
function hurried() {
  let readings = 0
  return { powers: { ...nodePowers(), monotonicMs: () => 100 * ++readings }, limits: { turnMs: 8 } }
}

async function order(config: Parameters<typeof testKernel>[0]): Promise<string[]> {
  const t = testKernel({ quantum: 5, ...config })
  const seen: string[] = []
  const worker = image('worker', async (sys, args) => {
    const self = sys.selfCap()
    for (let i = 0; i < 20; i++) {
      await sys.send(self, i)
      const { body } = await sys.recv()
      seen.push(`${args} ${body} ${sys.now()}`)
      if (i % 6 === 0) await sys.sleep(1)
    }
  })
  await runRoot(t, async (sys) => {
    for (let n = 0; n < 4; n++) await sys.spawn(worker, { args: n, priority: n % 2 })
    await sys.sleep(100)
  })
  return seen
}

test('a turn that ends in the middle of a time slice changes nothing but real time', async () => {
  const calm = await order({})
  expect(calm).toHaveLength(80)
  expect(await order(hurried())).toEqual(calm)
})

test('who is stopped or ended while the host has its turn does not go on, or only when let', async () => {
  const t = testKernel(hurried())
  const steps: string[] = []
  const worker = image('worker', async (sys) => {
    for (let i = 0; i < 50; i++) {
      await sys.lookup('nobody')
      steps.push(`${sys.self()}`)
    }
  })
  const turn = (): Promise<void> => new Promise((resolve) => globalThis.setImmediate(resolve))
  void t.kernel.boot(
    image('root', async (sys) => {
      await sys.recv()
      await sys.spawn(worker)
      await sys.recv()
    }),
    { grant: [], quota: {} },
  )
  while (steps.length < 3) await turn()
  t.kernel.suspend(2 as never)
  for (let i = 0; i < 5; i++) await turn()
  const stoppedAt = steps.length
  for (let i = 0; i < 10; i++) await turn()
  expect(steps).toHaveLength(stoppedAt)
  t.kernel.resume(2 as never)
  while (steps.length < stoppedAt + 3) await turn()
  t.kernel.signal(2 as never)
  const endedAt = steps.length
  for (let i = 0; i < 10; i++) await turn()
  expect(steps).toHaveLength(endedAt)
  await t.kernel.shutdown(0)
})
