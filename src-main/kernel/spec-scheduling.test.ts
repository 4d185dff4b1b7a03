import { expect, test } from 'vitest'
import { nodeClock } from '../drivers/host-powers.ts'
import type { KernelConfig, ProcessImage, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import { MemoryStore } from './journal.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

/** §6: reductions, pick order, deadlines, the host's turn. */

const FOREVER = image('forever', async (sys) => {
  for (;;) await sys.recv()
})

/** Notes its name each time it has the processor. */
function noting(order: string[], name: string, times: number, act: (sys: Sys) => unknown): ProcessImage {
  return image(name, async (sys) => {
    for (let i = 0; i < times; i++) {
      order.push(name)
      await act(sys)
    }
  })
}

test('a slice is 64 reductions: who uses it up goes behind its equals, though its answer is there', async () => {
  const order: string[] = []
  const t = testKernel()
  await runRoot(t, async (sys) => {
    // `lookup` answers at once and costs 1.
    for (const name of ['a', 'b'])
      await sys.spawn(noting(order, name, 100, (inner) => inner.lookup('nobody')))
    await sys.sleep(1)
  })
  const runs = order
    .join('')
    .match(/a+|b+/g)
    ?.map((run) => run.length)
  expect(runs).toEqual([64, 64, 36, 36])
  const expired = t.kernel.metrics().find(({ name }) => name.endsWith('quantum_expirations_total'))
  expect(expired?.value).toBe(2)
})

test('a yield ends the slice; who has no equal goes on', async () => {
  const order: string[] = []
  await runRoot(testKernel(), async (sys) => {
    for (const name of ['a', 'b', 'c']) await sys.spawn(noting(order, name, 3, (inner) => inner.yield()))
    await sys.sleep(1)
  })
  expect(order.join('')).toBe('abcabcabc')
})

test('reductions that a driver reports use up the slice of its caller', async () => {
  const order: string[] = []
  const t = testKernel()
  t.kernel.registerDriver({
    name: 'dev',
    open: () => ({ read: () => ({ value: 1, cost: { reductions: 100 } }) }),
  })
  await runRoot(
    t,
    async (sys) => {
      const dev = (await sys.recv<{ devices: Record<string, never> }>()).body.devices.dev as never
      const handle = await sys.open(dev)
      const child = (name: string) =>
        image(name, async (inner) => {
          const { caps } = await inner.recv()
          for (let i = 0; i < 3; i++) {
            order.push(name)
            await inner.read(caps[0] as never)
          }
        })
      for (const name of ['a', 'b']) await sys.spawn(child(name), { caps: [handle] })
      await sys.sleep(1)
    },
    { grant: ['dev'] },
  )
  expect(order.join('')).toBe('ababab')
})

test('priority first, then the earliest deadline, then arrival', async () => {
  const order: string[] = []
  await runRoot(testKernel(), async (sys) => {
    const spawn = (name: string, priority: number, deadline?: number) =>
      sys.spawn(
        noting(order, name, 1, (inner) => inner.yield()),
        {
          priority,
          ...(deadline === undefined ? {} : { deadline }),
        },
      )
    sys.sched({ priority: 20 })
    await spawn('low, urgent', 1, 5)
    await spawn('first', 2)
    await spawn('late', 2, 900)
    await spawn('second', 2)
    await spawn('soon', 2, 100)
    await spawn('high', 3)
    await sys.sleep(1)
  })
  expect(order).toEqual(['high', 'soon', 'late', 'first', 'second', 'low, urgent'])
})

test('without aging the lower starves; with it, it comes in its time', async () => {
  for (const agingRounds of [0, 10]) {
    let low = 0
    const t = testKernel({ limits: { agingRounds } })
    await runRoot(t, async (sys) => {
      sys.sched({ priority: 20 })
      await sys.spawn(
        image('low', async () => void low++),
        { priority: 0 },
      )
      await sys.spawn(
        image('spinner', async (inner) => {
          for (let i = 0; i < 200; i++) await inner.yield()
          expect(low).toBe(agingRounds === 0 ? 0 : 1)
        }),
        { priority: 10 },
      )
      await sys.sleep(1)
    })
    expect(low).toBe(1)
  }
})

test('a deadline is set, left, moved and cleared by sched', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const child = (change: (inner: Sys) => void) =>
      image('child', async (inner) => {
        change(inner)
        await inner.sleep(1000)
      })
    for (const [change, endsAt, kind] of [
      [() => undefined, 100, 'deadline'],
      [(inner) => inner.sched({ deadline: undefined }), 100, 'deadline'],
      [(inner) => inner.sched({ deadline: 30 }), 30, 'deadline'],
      [(inner) => inner.sched({ deadline: 0 }), 0, 'deadline'],
      [(inner) => inner.sched({ deadline: null }), 1000, 'normal'],
      [(inner) => inner.sched({ deadline: Number.POSITIVE_INFINITY }), 1000, 'normal'],
    ] as readonly (readonly [(inner: Sys) => void, number, string])[]) {
      const from = sys.now()
      const { cap } = await sys.spawn(child(change), { deadline: 100 })
      expect((await sys.waitpid(cap)).kind).toBe(kind)
      expect(sys.now() - from).toBe(endsAt)
    }
    for (const deadline of [-1, Number.NaN, 'soon'])
      expect(() => sys.sched({ deadline: deadline as number })).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      )
  })
})

test('a deadline of 0 lets its setter run on to its next dispatch, and no further', async () => {
  let ranOn = 0
  await runRoot(testKernel(), async (sys) => {
    const { cap } = await sys.spawn(
      image('child', async (inner) => {
        inner.sched({ deadline: 0 })
        ranOn++
        await inner.yield()
        ranOn++
      }),
    )
    expect(await sys.waitpid(cap)).toEqual({ kind: 'deadline' })
  })
  expect(ranOn).toBe(1)
})

test('lowering is free, raising stops at the spawn priority, unless the right to raise was handed down', async () => {
  const t = testKernel()
  const priorities = (): number[] =>
    t.kernel.ps().flatMap((row) => (row.name === 'root' ? [] : [row.priority]))
  const climber = image('climber', async (sys) => {
    sys.sched({ priority: -20 })
    sys.sched({ priority: 20 })
    await sys.sleep(10)
  })
  await runRoot(t, async (sys) => {
    await sys.spawn(climber, { priority: 5 })
    await sys.spawn(climber, { priority: 5, mayRaise: true })
    await sys.spawn(
      image('middle', async (inner) => {
        await inner.spawn(climber, { priority: 9, mayRaise: true })
        await inner.sleep(10)
      }),
      { priority: 3, mayRaise: true },
    )
    await sys.sleep(1)
    expect(priorities()).toEqual([5, 20, 3, 20])
  })
})

test('at most 512 dispatches happen in one turn of the host, or as many as it was told', async () => {
  for (const [limits, most] of [
    [{}, 512],
    [{ dispatchesPerTurn: 40 }, 40],
  ] as const) {
    const t = testKernel({ limits: { ...limits, maxDispatchesWithoutTimeAdvance: 1e9 } })
    const dispatches = (): number =>
      t.kernel.metrics().find(({ name }) => name.endsWith('dispatches_total'))?.value ?? 0
    const spin = image('spin', async (sys) => {
      for (;;) await sys.yield()
    })
    const ended = t.kernel.boot(spin, { grant: [], quota: {} })
    let before = dispatches()
    const perTurn: number[] = []
    for (let i = 0; i < 10; i++) {
      await settled(1)
      perTurn.push(dispatches() - before)
      before = dispatches()
    }
    expect(Math.max(...perTurn)).toBe(most)
    t.kernel.signal(1 as never)
    await ended
  }
})

test('a body that holds the main thread is named in the log, unless the log has to repeat exactly', async () => {
  const configs: readonly Partial<KernelConfig>[] = [
    { clock: nodeClock() },
    {},
    { clock: nodeClock(), mode: 'record', store: new MemoryStore() },
  ]
  const named: boolean[] = []
  for (const config of configs) {
    const t = testKernel(config)
    await runRoot(t, async (sys) => {
      const { cap } = await sys.spawn(
        image('hog', async () => {
          for (const until = Date.now() + 300; Date.now() < until; );
        }),
      )
      await sys.waitpid(cap)
      await sys.sleep(1)
    })
    const logged = t.kernel
      .events()
      .find(({ ev }) => ev.kind === 'log' && ev.message.startsWith('main thread held'))
    named.push(logged?.pid !== undefined)
    const stalls = t.kernel.metrics().find(({ name }) => name.endsWith('mainloop_stall_seconds_count'))
    expect(stalls?.value).toBeGreaterThanOrEqual(1)
  }
  expect(named).toEqual([true, false, false])
})

test('a deadline-holder that only yields meets it where reductions take time', async () => {
  const t = testKernel({ clock: new VirtualClock({ usPerReduction: 10 }) })
  let others = 0
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(
      image('spinner', async (inner) => {
        for (;;) await inner.yield()
      }),
      { deadline: 50 },
    )
    await sys.spawn(
      image('other', async (inner) => {
        for (; others < 10; others++) await inner.yield()
      }),
    )
    expect(await sys.waitpid(cap)).toEqual({ kind: 'deadline' })
  })
  expect(others).toBe(10)
})

test('a wall-time ceiling counts waiting, not standing still, and kills wherever the process is', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(FOREVER, { quota: { wallMs: 30 } })
    await sys.sleep(10)
    await sys.suspend(cap)
    await sys.sleep(500)
    await sys.resume(cap)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'wallMs' })
    expect(sys.now()).toBe(530)
  })
})
