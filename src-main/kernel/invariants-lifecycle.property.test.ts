import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BootGrant, Down, Right, Sys } from './abi.ts'
import type { CapRef, Pid } from './ids.ts'
import { image, runRoot, settled, type TestKernel, testKernel } from './test-kernel.ts'

test('invariant 8: what stands for oneself, a published name or an address never kills, nor does what derives from it', async () => {
  const source = fc.constantFrom('self', 'name', 'address')
  const rights = fc.subarray<Right>(['send', 'monitor', 'kill', 'open', 'read', 'write', 'spawn'])
  await fc.assert(
    fc.asyncProperty(source, fc.array(rights, { maxLength: 4 }), async (from, steps) => {
      const t = testKernel({ node: 'here', transportKey: new Uint8Array(32) })
      t.kernel.connect('there', () => true)
      await runRoot(t, async (sys) => {
        sys.register('me')
        const made = {
          self: () => sys.selfCap(),
          name: async () => (await sys.lookup('me')) as CapRef,
          address: () => sys.dial('there', 7 as Pid),
        }
        const held = [await made[from]()]
        for (const wanted of steps) {
          try {
            held.push(sys.derive(held.at(-1) as CapRef, wanted))
          } catch (error) {
            expect(error).toMatchObject({ code: 'ECAP' })
          }
        }
        for (const row of t.kernel.caps()) expect(row.rights).not.toContain('kill')
        for (const ref of held)
          for (const call of [sys.signal(ref), sys.suspend(ref), sys.term(ref)])
            await expect(call).rejects.toMatchObject({ code: 'ECAP' })
      })
    }),
    { numRuns: 60 },
  )
}, 30_000)

const CAUSES = ['return', 'throw', 'exit', 'exit and throw', 'signal', 'deadline', 'memory', 'host'] as const

test('invariant 18: however many causes meet, there is one end with the first of them', async () => {
  const cause = fc.constantFrom(...CAUSES)
  await fc.assert(
    fc.asyncProperty(cause, fc.array(cause, { maxLength: 3 }), async (first, more) => {
      const t = testKernel()
      let victim = 0 as Pid
      let above: Sys | undefined
      let handle = '' as CapRef
      /** What ends a process at once, from outside or from its own hooks. */
      const strike = (how: (typeof CAUSES)[number]): void => {
        if (how === 'host') t.kernel.signal(victim, { kind: 'shutdown' })
        else void above?.signal(handle)
      }
      const child = image('child', async (sys) => {
        for (const how of more) sys.onCleanup(() => strike(how))
        await sys.sleep(1)
        if (first === 'throw') throw new Error('so')
        if (first === 'exit') await sys.exit({ kind: 'shutdown' })
        if (first === 'exit and throw') {
          void sys.exit({ kind: 'shutdown' })
          throw new Error('too late')
        }
        if (first === 'deadline') sys.sched({ deadline: 1 })
        if (first === 'memory') await sys.remember('x', { tokens: 9 })
        if (first !== 'return') await sys.recv()
      })
      const reasons = {
        return: 'normal',
        throw: 'fault',
        exit: 'shutdown',
        'exit and throw': 'shutdown',
        signal: 'killed',
        deadline: 'deadline',
        memory: 'quota',
        host: 'shutdown',
      } as const
      await runRoot(t, async (sys) => {
        above = sys
        const spawned = await sys.spawn(child, { quota: { mem: 5 } })
        victim = spawned.pid
        handle = spawned.cap
        await sys.sleep(2)
        if (first === 'signal' || first === 'host') strike(first)
        expect((await sys.waitpid(handle)).kind).toBe(reasons[first])
        await sys.sleep(5)
        expect((await sys.waitpid(handle)).kind).toBe(reasons[first])
      })
      const ends = t.facts.filter((fact) => fact.type === 'process.exited' && fact.pid === victim)
      const events = t.kernel.events().filter(({ pid, ev }) => pid === victim && ev.kind === 'exit')
      expect([ends.length, events.length]).toEqual([1, 1])
    }),
    { numRuns: 120 },
  )
}, 30_000)

interface Watcher {
  readonly livesMs: number
  readonly watches: readonly { readonly at: number; readonly afterMs: number; readonly isTwice: boolean }[]
}

/** Monitors targets at its times and counts what it hears of each. */
function watcherImage(heard: Map<string, number>, asked: Set<string>, pids: readonly Pid[]) {
  return image('watcher', async (sys, args) => {
    const { who, livesMs, watches } = args as { who: number } & Watcher
    const { caps } = await sys.recv()
    void (async () => {
      for (;;) {
        const { from, body } = await sys.recv<Down>()
        if (from === 0) heard.set(`${who}<${body.pid}`, (heard.get(`${who}<${body.pid}`) ?? 0) + 1)
      }
    })()
    for (const { at, afterMs, isTwice } of [...watches].sort((a, b) => a.afterMs - b.afterMs)) {
      if (sys.now() < afterMs) await sys.sleep(afterMs - sys.now())
      if (sys.now() >= livesMs) break
      const which = at % pids.length
      await sys.monitor(caps[which] as CapRef)
      if (isTwice) await sys.monitor(caps[which] as CapRef)
      asked.add(`${who}<${pids[which]}`)
    }
    await sys.sleep(Math.max(0, livesMs - sys.now()))
  })
}

test('invariant 19: each watcher that outlives a target hears of its end exactly once, any other at most once', async () => {
  const target = fc.record({ livesMs: fc.integer({ min: 1, max: 20 }), isFault: fc.boolean() })
  const watch = fc.record({ at: fc.nat(9), afterMs: fc.nat(25), isTwice: fc.boolean() })
  const watcher = fc.record({
    livesMs: fc.integer({ min: 1, max: 40 }),
    watches: fc.array(watch, { maxLength: 5 }),
    max: fc.option(fc.nat(1), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(target, { minLength: 1, maxLength: 5 }),
      fc.array(watcher, { minLength: 1, maxLength: 4 }),
      async (targets, watchers) => {
        const t = testKernel()
        const heard = new Map<string, number>()
        const asked = new Set<string>()
        const pids: Pid[] = []
        const watching = watcherImage(heard, asked, pids)
        await runRoot(t, async (sys) => {
          const caps: CapRef[] = []
          for (const { livesMs, isFault } of targets) {
            const body = image('target', async (inner) => {
              await inner.sleep(livesMs)
              if (isFault) throw new Error('so')
            })
            const { pid, cap } = await sys.spawn(body)
            pids.push(pid)
            caps.push(cap)
          }
          for (const [who, one] of watchers.entries()) {
            const quota = one.max === undefined ? {} : { maxMailbox: one.max }
            await sys.spawn(watching, { args: { who, ...one }, caps, quota })
          }
          await sys.sleep(100)
        })
        for (const count of heard.values()) expect(count).toBe(1)
        for (const [who, { livesMs }] of watchers.entries())
          for (const [i, pid] of pids.entries()) {
            const key = `${who}<${pid}`
            const outlives = (targets[i]?.livesMs ?? 0) < livesMs
            if (asked.has(key) && outlives) expect([key, heard.get(key)]).toEqual([key, 1])
            if (!asked.has(key)) expect(heard.get(key)).toBeUndefined()
          }
      },
    ),
    { numRuns: 100 },
  )
}, 30_000)

/** Everything a ghost may try. */
const GHOSTLY: Readonly<
  Record<string, (sys: Sys, own: { dev: CapRef; handle: CapRef; peer: CapRef }) => unknown>
> = {
  send: (sys, { peer }) => sys.send(peer, 'boo'),
  'send with capabilities': (sys, { peer, dev }) => sys.send(peer, 'boo', { caps: [dev] }),
  spawn: (sys) => sys.spawn(image('ghost', (inner) => inner.sleep(1000))),
  register: (sys) => sys.register('ghost'),
  selfCap: (sys) => sys.selfCap(),
  lookup: (sys) => sys.lookup('peer'),
  derive: (sys, { dev }) => sys.derive(dev, ['open']),
  revoke: (sys, { dev }) => sys.revoke(dev),
  open: (sys, { dev }) => sys.open(dev),
  read: (sys, { handle }) => sys.read(handle, 1),
  readAll: (sys, { handle }) => sys.readAll(handle, [1, 2]),
  write: (sys, { handle }) => sys.write(handle, 1),
  monitor: (sys, { peer }) => sys.monitor(peer),
  signal: (sys, { peer }) => sys.signal(peer),
  suspend: (sys, { peer }) => sys.suspend(peer),
  term: (sys, { peer }) => sys.term(peer),
  remember: (sys) => sys.remember('boo'),
  recall: (sys) => sys.recall('boo'),
  sleep: (sys) => sys.sleep(1),
  yield: (sys) => sys.yield(),
  recv: (sys) => sys.recv(),
  exit: (sys) => sys.exit(),
  sched: (sys) => sys.sched({ priority: -5, deadline: 1 }),
  log: (sys) => sys.log('info', 'boo'),
  onCleanup: (sys) => sys.onCleanup(() => undefined),
}

type Owned = { dev: CapRef; handle: CapRef; peer: CapRef }

/** Calls what a dead process may not, and notes what answers. */
function callAsGhost(names: readonly string[], ghost: Sys, own: Owned, settledCalls: string[]): void {
  for (const name of names) {
    let answer: unknown
    try {
      answer = GHOSTLY[name]?.(ghost, own)
    } catch (error) {
      expect(error).toMatchObject({ code: 'EDEAD' })
      continue
    }
    expect(answer).toBeInstanceOf(Promise)
    const note = (): void => void settledCalls.push(name)
    void (answer as Promise<unknown>).then(note, note)
  }
}

/** All that a call of a dead process could have changed. */
function stateOf({ kernel, facts }: TestKernel, sys: Sys): string {
  const rows = kernel
    .ps()
    .map((row) => [row.pid, row.isStopped, row.caps, row.mailboxDepth, row.residentTokens])
  const caps = kernel.caps().map((row) => [row.id, row.pid, row.uses])
  return JSON.stringify([rows, caps, sys.budget(), facts.length])
}

test('invariant 20: nothing that a dead process calls has an effect, and its hooks ran once', async () => {
  const calls = fc.array(fc.constantFrom(...Object.keys(GHOSTLY)), { minLength: 1, maxLength: 12 })
  const end = fc.constantFrom('signal', 'deadline', 'host')
  await fc.assert(
    fc.asyncProperty(calls, end, fc.nat(3), async (names, how, hooks) => {
      const t = testKernel()
      const touched: string[] = []
      t.kernel.registerDriver({
        name: 'dev',
        open: () => ({
          read: () => ({ value: touched.push('read') }),
          write: () => ({ value: touched.push('write') }),
        }),
      })
      let ghost: Sys | undefined
      let own: Owned | undefined
      let ran = 0
      const victim = image('victim', async (sys) => {
        const [dev, peer] = (await sys.recv()).caps as [CapRef, CapRef]
        own = { dev, handle: await sys.open(dev), peer }
        ghost = sys
        for (let i = 0; i < hooks; i++) sys.onCleanup(() => void ran++)
        await sys.recv()
      })
      const peer = image('peer', async (sys) => {
        sys.register('peer')
        for (;;) await sys.recv().then(() => touched.push('message'))
      })
      await runRoot(
        t,
        async (sys) => {
          const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
          const other = await sys.spawn(peer)
          const { cap, pid } = await sys.spawn(victim, { caps: [dev, other.cap], deadline: 50 })
          await sys.sleep(10)
          if (how === 'signal') await sys.signal(cap)
          if (how === 'host') t.kernel.signal(pid)
          await sys.waitpid(cap)
          expect(ran).toBe(hooks)
          const look = () => stateOf(t, sys)
          const before = look()
          const settledCalls: string[] = []
          callAsGhost(names, ghost as Sys, own as Owned, settledCalls)
          expect(look()).toBe(before)
          await sys.sleep(100)
          expect(look()).toBe(before)
          expect(settledCalls).toEqual([])
          expect(ran).toBe(hooks)
        },
        { grant: ['dev'], quota: { mem: 50, children: 9 } },
      )
      await settled(1)
      expect(touched).toEqual([])
    }),
    { numRuns: 80 },
  )
}, 30_000)

test('invariant 22: whatever takes a handle away first, its driver hears of it once', async () => {
  const step = fc.constantFrom('open', 'open', 'close', 'lend', 'take back', 'end', 'forget device')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), fc.nat(2), async (steps, slowMs) => {
      const t = testKernel()
      const closes: number[] = []
      t.kernel.registerDriver({
        name: 'dev',
        async open() {
          if (slowMs > 0) await t.clock.delay(slowMs)
          const at = closes.push(0) - 1
          return { close: () => void closes.splice(at, 1, (closes[at] ?? 0) + 1) }
        },
      })
      const opener = image('opener', async (sys) => {
        const [dev, peer] = (await sys.recv()).caps as [CapRef, CapRef]
        const mine = [dev]
        const handles: CapRef[] = []
        for (const one of steps) {
          try {
            if (one === 'open') handles.push(await sys.open(mine.at(-1) as CapRef))
            if (one === 'close' && handles.length > 0) sys.revoke(handles.pop() as CapRef)
            if (one === 'lend' && handles.length > 0)
              await sys.send(peer, 1, { caps: [handles[0] as CapRef] })
            if (one === 'take back') {
              mine.push(sys.derive(dev, ['open']))
              void sys.open(mine.at(-1) as CapRef)
              sys.revoke(mine.pop() as CapRef)
            }
            if (one === 'forget device') t.kernel.unregisterDevice('dev')
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/ECAP|ENODEV/) })
          }
          if (one === 'end') return
        }
      })
      await runRoot(
        t,
        async (sys) => {
          const dev = (await sys.recv<BootGrant>()).body.devices.dev as CapRef
          const peer = await sys.spawn(image('peer', (inner) => inner.sleep(60)))
          const { cap } = await sys.spawn(opener, { caps: [dev, peer.cap] })
          expect((await sys.waitpid(cap)).kind).toBe('normal')
          await sys.sleep(10)
          // The borrower lives; what was lent closed with its opener.
          expect(closes.every((count) => count === 1)).toBe(true)
        },
        { grant: ['dev'] },
      )
      await settled(1)
      expect(closes.every((count) => count === 1)).toBe(true)
    }),
    { numRuns: 120 },
  )
}, 30_000)
