import { expect, test } from 'vitest'
import type { BootGrant, Right, Sys } from './abi.ts'
import type { CapRef, Pid, SegId } from './ids.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

/** §2: of every call the reductions, the right, whether it parks and where, and the errors of its row. */

const FOREVER = image('forever', async (sys) => {
  for (;;) await sys.recv()
})
const NOTHING = image('nothing', async () => undefined)

/** What a body works with. */
interface Kit {
  readonly dev: CapRef
  readonly handle: CapRef
  readonly child: CapRef
  readonly mine: CapRef
  readonly segment: SegId
}

async function withKit(body: (sys: Sys, kit: Kit, reductions: () => number) => Promise<void>): Promise<void> {
  const t = testKernel({ quantum: 1000 })
  t.kernel.registerDriver({
    name: 'dev',
    open: () => ({
      read: (request) => ({ value: request, cost: request === 'slow' ? { reductions: 7 } : {} }),
      write: () => ({ value: undefined }),
    }),
  })
  await runRoot(
    t,
    async (sys) => {
      const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
      const handle = await sys.open(dev)
      const { cap: child } = await sys.spawn(FOREVER)
      const segment = await sys.remember('words to find')
      const reductions = (): number => t.kernel.ps().find(({ pid }) => pid === sys.self())?.reductions ?? -1
      await body(sys, { dev, handle, child, mine: sys.selfCap(), segment }, reductions)
    },
    { grant: ['dev'], quota: { mem: 1000 } },
  )
}

const COSTS: readonly (readonly [string, number, (sys: Sys, kit: Kit) => unknown])[] = [
  ['self', 0, (sys) => sys.self()],
  ['selfCap', 1, (sys) => sys.selfCap()],
  ['recv', 1, (sys) => sys.recv({ timeoutMs: 0 })],
  ['send', 1, (sys, { child }) => sys.send(child, 1)],
  [
    'send with 3 capabilities',
    4,
    (sys, { child, mine }) => sys.send(child, 1, { caps: [mine, mine, child] }),
  ],
  ['register', 1, (sys) => sys.register('name')],
  ['unregister', 1, (sys) => sys.unregister('name')],
  ['lookup', 1, (sys) => sys.lookup('name')],
  ['dial', 1, async (sys) => sys.dial('node', 5 as Pid)],
  ['spawnRemote', 4, (sys) => sys.spawnRemote('node', 'image')],
  ['spawn', 4, (sys) => sys.spawn(NOTHING)],
  ['derive', 1, (sys, { mine }) => sys.derive(mine, ['send'])],
  ['attenuate', 1, (sys, { mine }) => sys.attenuate(mine, { expiresInMs: 5 })],
  ['revoke of one', 1, (sys, { mine }) => sys.revoke(mine)],
  [
    'revoke with 3 descendants',
    3 + 1 + 3,
    (sys, { mine }) => {
      const next = sys.derive(mine, ['send'])
      sys.derive(next, [])
      sys.derive(mine, [])
      sys.revoke(mine)
    },
  ],
  ['open', 1, (sys, { dev }) => sys.open(dev)],
  ['read', 1, (sys, { handle }) => sys.read(handle, 1)],
  ['read that reports 7', 8, (sys, { handle }) => sys.read(handle, 'slow')],
  ['readAll of 3', 3, (sys, { handle }) => sys.readAll(handle, [1, 2, 3])],
  ['readAll of 3 that report 7', 3 + 14, (sys, { handle }) => sys.readAll(handle, [1, 'slow', 'slow'])],
  ['write', 1, (sys, { handle }) => sys.write(handle, 1)],
  ['monitor', 1, (sys, { child }) => sys.monitor(child)],
  ['waitpid', 1, (sys, { mine }) => sys.waitpid(mine)],
  ['signal', 1, (sys, { child }) => sys.signal(child)],
  ['suspend', 1, (sys, { child }) => sys.suspend(child)],
  ['resume', 1, (sys, { child }) => sys.resume(child)],
  ['term', 1, (sys, { child }) => sys.term(child)],
  ['remember', 1, (sys) => sys.remember('x')],
  ['workingSet', 1, (sys) => sys.workingSet()],
  ['recall', 1, (sys) => sys.recall('x')],
  ['forget', 1, (sys, { segment }) => sys.forget(segment)],
  ['pin', 1, (sys, { segment }) => sys.pin(segment)],
  ['sleep', 1, (sys) => sys.sleep(1)],
  ['yield', 1, (sys) => sys.yield()],
  ['sched', 1, (sys) => sys.sched({ priority: 0 })],
  ['budget', 0, (sys) => sys.budget()],
  ['now', 0, (sys) => sys.now()],
  ['log', 1, (sys) => sys.log('info', 'x')],
  ['onCleanup', 0, (sys) => sys.onCleanup(() => undefined)],
]

test('every call costs the reductions of its row', async () => {
  const wrong: unknown[] = []
  for (const [name, expected, call] of COSTS) {
    await withKit(async (sys, kit, reductions) => {
      const before = reductions()
      try {
        await call(sys, kit)
      } catch {
        // A refused call costs the same.
      }
      const cost = reductions() - before
      if (cost !== expected) wrong.push([name, cost])
    })
  }
  expect(wrong).toEqual([])
  // All 36 but `exit`, whose caller can no longer be asked.
  const named = new Set(COSTS.map(([name]) => name.split(' ')[0]))
  expect(named.size).toBe(35)
})

const RIGHTS: readonly Right[] = ['send', 'monitor', 'kill', 'open', 'read', 'write', 'spawn']

const NEEDS: readonly (readonly [
  string,
  Right,
  (sys: Sys, on: Record<'process' | 'device' | 'handle', CapRef>) => unknown,
])[] = [
  ['send', 'send', (sys, on) => sys.send(on.process, 1)],
  ['send to a handle', 'write', (sys, on) => sys.send(on.handle, 1)],
  ['open', 'open', (sys, on) => sys.open(on.device)],
  ['read', 'read', (sys, on) => sys.read(on.handle, 1)],
  ['readAll', 'read', (sys, on) => sys.readAll(on.handle, [1])],
  ['write', 'write', (sys, on) => sys.write(on.handle, 1)],
  ['monitor', 'monitor', (sys, on) => sys.monitor(on.process)],
  ['waitpid', 'monitor', (sys, on) => Promise.race([sys.waitpid(on.process), sys.sleep(1)])],
  ['signal', 'kill', (sys, on) => sys.signal(on.process)],
  ['suspend', 'kill', (sys, on) => sys.suspend(on.process)],
  ['resume', 'kill', (sys, on) => sys.resume(on.process)],
  ['term', 'kill', (sys, on) => sys.term(on.process)],
]

for (const [name, right, call] of NEEDS) {
  test(`${name} needs the right ${right}, which is enough, and everything else is not`, async () => {
    await withKit(async (sys, { dev, handle, child }) => {
      const held = {
        process: ['send', 'monitor', 'kill'],
        device: ['open'],
        handle: ['read', 'write'],
      } as const
      const narrowed = (keep: (one: Right) => boolean) => ({
        process: sys.derive(child, held.process.filter(keep)),
        device: sys.derive(dev, held.device.filter(keep)),
        handle: sys.derive(handle, held.handle.filter(keep)),
      })
      const refused = async (): Promise<void> =>
        void (await call(
          sys,
          narrowed((one) => one !== right),
        ))
      await expect(refused()).rejects.toMatchObject({ name: 'CapError', code: 'ECAP' })
      await call(
        sys,
        narrowed((one) => one === right),
      )
    })
  })
}

test('a capability of another kind is refused by every call, whatever its rights', async () => {
  await withKit(async (sys, { dev, handle, child }) => {
    const on = { process: dev, device: child, handle: child }
    for (const [, , call] of NEEDS.filter(([name]) => !name.startsWith('send')))
      await expect((async () => call(sys, on))()).rejects.toMatchObject({ code: 'ECAP' })
    await expect(sys.send(dev, 1)).rejects.toMatchObject({ code: 'ECAP' })
    await expect(sys.open(handle)).rejects.toMatchObject({ code: 'ECAP' })
    await expect(sys.read(dev)).rejects.toMatchObject({ code: 'ECAP' })
    for (const right of RIGHTS.slice(3))
      expect(() => sys.derive(child, [right])).toThrow(expect.objectContaining({ code: 'ECAP' }))
  })
})

test('a selfCap sends and monitors, a looked-up name only sends, a spawned child is held in full', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    sys.selfCap()
    sys.register('me')
    await sys.lookup('me')
    await sys.spawn(FOREVER)
    const rights = t.kernel.caps(sys.self()).map((row) => row.rights.join())
    expect(rights.sort()).toEqual(['send', 'send,monitor', 'send,monitor,kill'])
  })
})

const PARKS: readonly (readonly [string, (sys: Sys, caps: readonly CapRef[]) => unknown])[] = [
  ['recv', (sys) => sys.recv()],
  ['send', (sys, [full]) => sys.send(full as CapRef, 'one too many')],
  ['sleep', (sys) => sys.sleep(1000)],
  ['waitpid', (sys, [full]) => sys.waitpid(full as CapRef)],
  ['io', async (sys, [, dev]) => sys.read(await sys.open(dev as CapRef))],
  ['page', async (sys) => sys.remember('x'.repeat(200))],
]

for (const [kind, call] of PARKS) {
  test(`who waits in ${kind} is shown to, and goes when it is killed`, async () => {
    const t = testKernel({ pager: { pageOut: () => new Promise(() => undefined) } })
    t.kernel.registerDriver({ name: 'dev', open: () => ({ read: () => new Promise(() => undefined) }) })
    const parked = image('parked', async (sys) => {
      const { caps } = await sys.recv()
      await sys.remember('x'.repeat(200))
      await call(sys, caps)
    })
    const full = image('full', (sys) => sys.sleep(5000))
    void t.kernel.boot(
      image('root', async (sys) => {
        const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
        const { cap } = await sys.spawn(full, { quota: { maxMailbox: 1 } })
        await sys.send(cap, 'the one')
        await sys.spawn(parked, { caps: [cap, dev], quota: { mem: 60 } })
        await sys.recv()
      }),
      { grant: ['dev'], quota: { mem: 1000 } },
    )
    // Time must not move, or sleepers wake; an operation under way holds it.
    const letGo = t.kernel.holdTime()
    await settled()
    const row = t.kernel.ps().find(({ name }) => name === 'parked')
    expect(row).toMatchObject({ state: 'waiting', waitingOn: kind })
    letGo()
    for (const { pid } of t.kernel.ps()) t.kernel.signal(pid)
    expect(t.kernel.ps()).toEqual([])
  })
}

test('targets that are gone: ESRCH, or nothing, as each row says', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(NOTHING)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    for (const call of [sys.send(cap, 1), sys.suspend(cap), sys.resume(cap), sys.term(cap)])
      await expect(call).rejects.toMatchObject({ code: 'ESRCH' })
    await sys.signal(cap)
    expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
    await sys.monitor(cap)
    await expect(sys.waitpid(sys.selfCap())).rejects.toMatchObject({ code: 'EDEADLK' })
    sys.unregister('not held')
    sys.forget('s99' as SegId)
    sys.pin('s99' as SegId)
  })
})

test('calls of a dead process do nothing: what answers at once throws EDEAD, what parks never settles', async () => {
  const t = testKernel()
  let dead: Sys | undefined
  const settledCalls: string[] = []
  await runRoot(t, async (sys) => {
    const { cap } = await sys.spawn(
      image('victim', async (inner) => {
        dead = inner
        await inner.recv()
      }),
    )
    await sys.sleep(1)
    await sys.signal(cap)
    const ghost = dead as Sys
    const before = [t.kernel.caps().length, t.kernel.ps().length]
    for (const call of [ghost.self, ghost.selfCap, ghost.budget, ghost.now, ghost.workingSet])
      expect(call).toThrow(expect.objectContaining({ code: 'EDEAD' }))
    expect(() => ghost.register('x')).toThrow(expect.objectContaining({ code: 'EDEAD' }))
    expect(() => ghost.log('info', 'x')).toThrow(expect.objectContaining({ code: 'EDEAD' }))
    const pending: Record<string, Promise<unknown>> = {
      recv: ghost.recv(),
      send: ghost.send(cap, 1),
      spawn: ghost.spawn(FOREVER),
      sleep: ghost.sleep(0),
      yield: ghost.yield(),
      lookup: ghost.lookup('x'),
      remember: ghost.remember('x'),
      exit: ghost.exit(),
      monitor: ghost.monitor(cap),
    }
    for (const [name, call] of Object.entries(pending))
      call.then(
        () => settledCalls.push(name),
        () => settledCalls.push(name),
      )
    await sys.sleep(50)
    expect([t.kernel.caps().length, t.kernel.ps().length]).toEqual(before)
  })
  expect(settledCalls).toEqual([])
})

test('a refused call that nobody awaits is no unhandled rejection of the host', async () => {
  const heard: unknown[] = []
  const listen = (error: unknown): void => void heard.push(error)
  process.on('unhandledRejection', listen)
  try {
    await runRoot(testKernel(), async (sys) => {
      const bad = 'x' as CapRef
      void sys.send(bad, 1)
      void sys.read(bad)
      void sys.readAll(bad, [1])
      void sys.open(bad)
      void sys.waitpid(bad)
      void sys.signal(bad)
      void sys.spawn(NOTHING, { quota: { tokens: -1 } })
      void sys.recv({ timeoutMs: 1 })
      void sys.sleep(-1)
      void sys.recall('x', -1)
      void sys.spawnRemote('nowhere', 'image')
      await sys.sleep(5)
    })
    await settled(5)
  } finally {
    process.off('unhandledRejection', listen)
  }
  expect(heard).toEqual([])
})
