import { expect, test } from 'vitest'
import type { BootGrant, Down, Message, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

/** §1.1, §3.3, §4: spawning, and the order in which an end takes effect. */

const FOREVER = image('forever', async (sys) => {
  for (;;) await sys.recv()
})

test('a child without capabilities finds an empty mailbox', async () => {
  await runRoot(testKernel(), async (sys) => {
    const { cap } = await sys.spawn(
      image('bare', async (inner) => {
        await expect(inner.recv({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
      }),
    )
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('pids grow and are never given out again', async () => {
  await runRoot(testKernel(), async (sys) => {
    const pids: number[] = [sys.self()]
    for (let i = 0; i < 20; i++) {
      const { pid, cap } = await sys.spawn(image('brief', async () => undefined))
      if (i % 2) await sys.waitpid(cap)
      pids.push(pid)
    }
    expect(pids).toEqual([...pids].sort((a, b) => a - b))
    expect(new Set(pids).size).toBe(21)
    expect(pids[0]).toBe(1)
  })
})

test('no event says a reference or what a message says', async () => {
  const t = testKernel()
  t.kernel.registerDriver({ name: 'dev', open: () => ({ read: () => ({ value: 'an answer' }) }) })
  const refs: string[] = []
  await runRoot(
    t,
    async (sys) => {
      const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
      const handle = await sys.open(dev)
      const { cap } = await sys.spawn(FOREVER, { caps: [dev] })
      refs.push(dev, handle, cap, sys.selfCap(), sys.derive(cap, ['send']))
      await sys.send(cap, 'a secret', { caps: [dev] })
      await sys.read(handle, 'a question')
      await sys.remember('a memory')
      sys.revoke(dev)
    },
    { grant: ['dev'] },
  )
  const text = JSON.stringify(t.kernel.events())
  for (const said of [...refs, 'secret', 'question', 'answer', 'memory']) expect(text).not.toContain(said)
})

test('sequence numbers of events have no gap, across the ends of the ring too', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const self = sys.selfCap()
    for (let i = 0; i < 34_000; i++) {
      await sys.send(self, i)
      await sys.recv()
    }
  })
  const events = t.kernel.events()
  expect(events).toHaveLength(65_536)
  events.forEach(({ seq }, i) => {
    if (seq !== (events[0]?.seq ?? 0) + i) throw new Error(`gap before ${seq}`)
  })
})

/** Has one of everything that an end takes away. */
function victimImage(order: string[]) {
  return image('victim', async (sys) => {
    const [dev, full] = (await sys.recv()).caps as [CapRef, CapRef]
    sys.onCleanup(() => order.push('first hook'))
    sys.onCleanup(() => {
      order.push('second hook')
      // Late calls are inert already.
      expect(() => sys.selfCap()).toThrow(expect.objectContaining({ code: 'EDEAD' }))
    })
    sys.register('a name')
    await sys.open(dev)
    await sys.spawn(FOREVER, { quota: { tokens: 5 } })
    void sys.send(full, 'parked for ever')
    try {
      await sys.recv({ corr: 'never' as never })
    } finally {
      order.push('finally runs')
    }
  })
}

/** Fills a mailbox of one, parks, and tells how that ended. */
function parkedImage(order: string[]) {
  return image('parked', async (sys) => {
    const [to, boss] = (await sys.recv()).caps as [CapRef, CapRef]
    await sys.send(to, 'fills it')
    const error = await sys.send(to, 'parks', { caps: [boss] }).catch((thrown: { code: string }) => thrown)
    order.push(`parked sender: ${(error as { code: string }).code}`)
  })
}

test('an end takes effect in the order of the reference', async () => {
  const t = testKernel()
  const order: string[] = []
  t.kernel.registerDriver({
    name: 'dev',
    open: (pid) => ({
      read: () => ({ value: 1 }),
      close() {
        order.push(`close: ${t.kernel.caps(pid).length > 0 ? 'capabilities are there' : 'too late'}`)
      },
    }),
  })
  const victim = victimImage(order)
  const parked = parkedImage(order)
  await runRoot(
    t,
    async (sys) => {
      const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
      const full = await sys.spawn(
        image('full', (inner) => inner.sleep(1000)),
        { quota: { maxMailbox: 0 } },
      )
      const { cap, pid } = await sys.spawn(victim, {
        caps: [dev, full.cap],
        quota: { tokens: 50, maxMailbox: 1 },
        link: true,
      })
      await sys.sleep(1)
      await sys.spawn(parked, { caps: [cap, sys.selfCap()] })
      await sys.sleep(1)
      expect(t.kernel.ps().find((row) => row.name === 'full')?.sendersParked).toBe(1)
      const waiting = sys.waitpid(cap).then(() => order.push('waitpid'))
      void sys.recv<Down>().then(({ body }) => {
        order.push(`Down: ${body.reason.kind}`)
        // Steps 4, 7 and 9 are done: a supervisor can start over at once.
        sys.register('a name')
        expect(t.kernel.caps(pid)).toEqual([])
        expect(sys.budget().tokens).toBe(95)
      })
      await sys.signal(cap)
      await sys.sleep(1)
      await waiting
      expect(t.kernel.ps().find((row) => row.name === 'full')?.sendersParked).toBe(0)
      expect(t.kernel.ps().find((row) => row.name === 'forever')?.parent).toBe(sys.self())
    },
    { grant: ['dev'], quota: { tokens: 100 } },
  )
  expect(order).toEqual([
    'second hook',
    'first hook',
    'close: capabilities are there',
    'parked sender: ESRCH',
    'Down: killed',
    'waitpid',
  ])
  const kinds = t.kernel.events().filter(({ pid }) => pid === 3)
  const last = kinds.at(-1)?.ev.kind
  expect(last).toBe('exit')
})

test('a hook that fails, now or later, is logged and keeps no other from running', async () => {
  const t = testKernel()
  const ran: string[] = []
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(
      image('hooks', async (inner) => {
        inner.onCleanup(() => void ran.push('a'))
        inner.onCleanup(() => Promise.reject(new Error('later')) as never)
        inner.onCleanup(() => {
          throw new Error('now')
        })
        throw new Error('body')
      }),
    )
    expect(await sys.waitpid(cap)).toEqual({ kind: 'fault', error: 'body' })
    await sys.sleep(1)
  })
  await settled(2)
  expect(ran).toEqual(['a'])
  const faults = t.kernel
    .events()
    .flatMap(({ ev }) => (ev.kind === 'fault' ? [`${ev.where}: ${ev.error}`] : []))
  expect(faults).toEqual(['main: body', 'cleanup: now', 'cleanup: later'])
})

test('whoever signals is who killed, whatever reason is claimed', async () => {
  await runRoot(testKernel(), async (sys) => {
    for (const [given, expected] of [
      [undefined, { kind: 'killed', by: 1 }],
      [
        { kind: 'killed', by: 99 },
        { kind: 'killed', by: 1 },
      ],
      [{ kind: 'deadline' }, { kind: 'deadline' }],
    ] as const) {
      const { cap } = await sys.spawn(FOREVER)
      await sys.signal(cap, given as never)
      expect(await sys.waitpid(cap)).toEqual(expected)
    }
    const { cap } = await sys.spawn(FOREVER)
    await expect(sys.signal(cap, { kind: 'whim' } as never)).rejects.toMatchObject({ code: 'EINVAL' })
    for (const kind of ['killed', 'quota', 'deadline'])
      await expect(sys.exit({ kind } as never)).rejects.toMatchObject({ code: 'EINVAL' })
  })
})

test('what was said before the end arrives before its Down, what was parked does not arrive', async () => {
  const talker = image('talker', async (sys) => {
    const to = (await sys.recv()).caps[0] as CapRef
    for (let i = 0; i < 5; i++) void sys.send(to, i)
  })
  await runRoot(testKernel(), async (sys) => {
    const watcher = image('watcher', async (inner) => {
      const { cap } = await inner.spawn(talker, { caps: [inner.selfCap()], link: true })
      await inner.monitor(cap)
      await inner.sleep(5)
      const heard: unknown[] = []
      for (;;) {
        const message = await inner.recv({ timeoutMs: 0 }).catch(() => undefined)
        if (!message) break
        heard.push(message.from === 0 ? (message as Message<Down>).body.$ : message.body)
      }
      expect(heard).toEqual([0, 1, 2, 'down'])
    })
    const { cap } = await sys.spawn(watcher, { quota: { maxMailbox: 3 } })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
  })
})

test('an end is told once to each watcher: again only to one that had not heard', async () => {
  await runRoot(testKernel(), async (sys) => {
    await sys.recv()
    const { cap, pid } = await sys.spawn(
      image('brief', (inner) => inner.sleep(1)),
      { link: true },
    )
    await sys.monitor(cap)
    await sys.monitor(cap)
    expect((await sys.recv<Down>()).body).toEqual({ $: 'down', pid, reason: { kind: 'normal' } })
    await sys.monitor(cap)
    await expect(sys.recv({ timeoutMs: 5 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const late = image('late', async (inner) => {
      const dead = (await inner.recv()).caps[0] as CapRef
      await inner.monitor(dead)
      await inner.monitor(dead)
      expect((await inner.recv<Down>()).body.reason).toEqual({ kind: 'normal' })
      await expect(inner.recv({ timeoutMs: 5 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    })
    const other = await sys.spawn(late, { caps: [cap] })
    expect(await sys.waitpid(other.cap)).toEqual({ kind: 'normal' })
  })
})

test('a stopped process finishes its I/O and pays for it; its results come in the order in which they came about', async () => {
  const t = testKernel()
  const order: unknown[] = []
  t.kernel.registerDriver({
    name: 'dev',
    open: () => ({
      read: async (ms) => {
        await t.clock.delay(Number(ms))
        return { value: ms, cost: { tokens: 1 } }
      },
    }),
  })
  const worker = image('worker', async (sys: Sys) => {
    const handle = await sys.open((await sys.recv()).caps[0] as CapRef)
    await Promise.all([
      sys.read(handle, 30).then((value) => order.push(value)),
      sys.sleep(20).then(() => order.push('slept')),
      sys.read(handle, 10).then((value) => order.push(value)),
      sys.recv().then(({ body }) => order.push(body)),
    ])
  })
  await runRoot(
    t,
    async (sys) => {
      const caps = [(await sys.recv<BootGrant>()).body.devices.dev as CapRef]
      const { cap } = await sys.spawn(worker, { caps })
      await sys.sleep(5)
      await sys.suspend(cap)
      await sys.sleep(20)
      await sys.send(cap, 'message')
      await sys.sleep(50)
      expect(order).toEqual([])
      expect(sys.budget().tokens).toBe(8)
      await sys.resume(cap)
      expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    },
    { grant: ['dev'], quota: { tokens: 10 } },
  )
  expect(order).toEqual([10, 'slept', 'message', 30])
})

test('what a process above stopped and its own parent resumed stays stopped by that parent alone', async () => {
  const t = testKernel()
  const middle = image('middle', async (sys) => {
    const { cap } = await sys.spawn(FOREVER)
    for (;;) {
      const { body } = await sys.recv()
      if (body === 'suspend') await sys.suspend(cap)
    }
  })
  const { kernel } = t
  const stopped = (): boolean[] => kernel.ps().map((row) => row.isStopped)
  let above: CapRef | undefined
  void kernel.boot(
    image('root', async (sys) => {
      const { cap } = await sys.spawn(middle)
      above = cap
      await sys.recv()
      for (;;) await sys.send(cap, (await sys.recv()).body)
    }),
    { grant: [], quota: {} },
  )
  await settled(2)
  expect(above).toBeDefined()
  const [root, mid, leaf] = kernel.ps().map(({ pid }) => pid) as [never, never, never]
  kernel.suspend(mid)
  expect(stopped()).toEqual([false, true, true])
  kernel.resume(mid)
  expect(stopped()).toEqual([false, false, false])
  kernel.post(root, 'suspend')
  kernel.post(root, 'suspend')
  await settled(2)
  expect(stopped()).toEqual([false, false, true])
  kernel.suspend(mid)
  kernel.resume(mid)
  expect(stopped()).toEqual([false, false, true])
  kernel.resume(leaf)
  expect(stopped()).toEqual([false, false, false])
  kernel.signal(root)
})

test('a capability that expires on its way is dead on arrival', async () => {
  await runRoot(testKernel(), async (sys) => {
    const sink = image('sink', async (inner) => {
      await inner.sleep(20)
      for (const expected of ['dead', 'alive']) {
        const { caps } = await inner.recv()
        const use = inner.send(caps[0] as CapRef, expected)
        if (expected === 'alive') await use
        else await expect(use).rejects.toMatchObject({ code: 'ECAP' })
      }
    })
    const { cap } = await sys.spawn(sink, { quota: { maxMailbox: 0 } })
    const self = sys.selfCap()
    const brief = sys.attenuate(self, { expiresInMs: 10 })
    void sys.send(cap, 'parks', { caps: [brief] })
    void sys.send(cap, 'parks too', { caps: [self] })
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    sys.revoke(brief)
  })
})
