import { expect, test } from 'vitest'
import { VirtualClock } from './clock.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

test('timers fire in order of time, then of creation; a cancelled one never', () => {
  const clock = new VirtualClock()
  const fired: string[] = []
  clock.setTimer(5, () => fired.push('b'))
  clock.setTimer(3, () => fired.push('a')).cancel()
  clock.setTimer(5, () => fired.push('c'))
  clock.setTimer(1, () => clock.setTimer(0, () => fired.push('nested')))
  while (clock.advance());
  expect(fired).toEqual(['nested', 'b', 'c'])
  expect(clock.now()).toBe(5)
})

test('time that reductions used up is never given back, though a timer was due before', () => {
  const clock = new VirtualClock({ usPerReduction: 1000 })
  const fired: number[] = []
  for (const ms of [3, 8, 20]) clock.setTimer(ms, () => fired.push(clock.now()))
  clock.spend(10)
  expect(clock.advance()).toBe(true)
  expect([clock.now(), ...fired]).toEqual([10, 10, 10])
  expect(clock.advance()).toBe(true)
  expect(fired).toEqual([10, 10, 20])
  clock.moveTo(5)
  expect(clock.now()).toBe(20)
  expect(clock.advance()).toBe(false)
})

test('a hundred years of sleep cost no real time', async () => {
  const started = performance.now()
  await runRoot(testKernel(), async (sys) => {
    for (let i = 0; i < 100; i++) await sys.sleep(365 * 86_400_000)
    expect(sys.now()).toBe(100 * 365 * 86_400_000)
  })
  expect(performance.now() - started).toBeLessThan(2000)
})

test('where reductions take time, a spinner meets its deadline and starves nobody', async () => {
  const clock = new VirtualClock({ usPerReduction: 10 })
  const spin = image('spin', async (sys) => {
    for (;;) await sys.yield()
  })
  await runRoot({ ...testKernel({ clock }), clock }, async (sys) => {
    const { cap } = await sys.spawn(spin, { deadline: 20, priority: 20 })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'deadline' })
    expect(sys.now()).toBeLessThan(25)
  })
})

test('time stands still while a driver works, and moves while one waits', async () => {
  const t = testKernel()
  t.kernel.registerDriver({
    name: 'real',
    open: () => ({
      read: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        await t.clock.delay(7)
        return { value: 1 }
      },
    }),
  })
  await runRoot(
    t,
    async (sys) => {
      const { body } = await sys.recv<{ devices: Record<string, never> }>()
      const handle = await sys.open(body.devices.real!)
      await Promise.all([sys.read(handle), sys.sleep(7)])
      expect(sys.now()).toBe(7)
    },
    { grant: ['real'] },
  )
})
