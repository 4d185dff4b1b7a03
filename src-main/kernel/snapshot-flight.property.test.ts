import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BootGrant, Message, Pager, Sys } from './abi.ts'
import type { CapRef, MsgId, Pid } from './ids.ts'
import type { ProcessSnapshot } from './snapshot.ts'
import { image, runRoot, settled, type TestKernel, testKernel } from './test-kernel.ts'

/** §14: processes that move while something is on its way to them. */

interface Sent {
  readonly from: Pid
  readonly n: number
}

async function drain(sys: Sys): Promise<Message<Sent>[]> {
  const mail: Message<Sent>[] = []
  for (;;) {
    const next = await sys.recv<Sent>({ timeoutMs: 0 }).catch(() => undefined)
    if (!next) return mail
    mail.push(next)
  }
}

/** What became of each message that was sent, as its sender and its receiver saw it. */
interface Fates {
  readonly received: Sent[]
  readonly delivered: Sent[]
  readonly refused: Sent[]
}

function receiver(takes: number, { received }: Fates) {
  return image('target', async (sys) => {
    for (let i = 0; i < takes; i++) received.push((await sys.recv<Sent>()).body)
    await sys.recv({ corr: 'never' as MsgId })
  })
}

function sender(each: number, { delivered, refused }: Fates) {
  return image('sender', async (sys) => {
    const to = (await sys.recv()).caps[0] as CapRef
    for (let n = 0; n < each; n++) {
      const body = { from: sys.self(), n }
      try {
        await sys.send(to, body)
        delivered.push(body)
      } catch (error) {
        expect(error).toMatchObject({ code: 'ESRCH' })
        refused.push(body)
      }
    }
  })
}

/** What a sender was told arrived did, and nothing else: here or there, once, in the order in which it sent it. */
function expectTold({ received, delivered, refused }: Fates, moved: readonly Sent[], each: number): void {
  const arrived = [...received, ...moved]
  for (const from of new Set([...delivered, ...refused].map((one) => one.from))) {
    const told = delivered.filter((one) => one.from === from)
    expect(arrived.filter((one) => one.from === from)).toEqual(told)
    const numbers = [...told, ...refused.filter((one) => one.from === from)].map(({ n }) => n)
    expect(numbers).toEqual(Array.from({ length: each }, (_, n) => n))
  }
}

/** Restores a snapshot and reads all its mail. */
async function mailOf(t: TestKernel, sys: Sys, taken: ProcessSnapshot): Promise<Sent[]> {
  const mail: Sent[] = []
  const reader = image(
    'target',
    async (inner) => void mail.push(...(await drain(inner)).map(({ body }) => body)),
  )
  const again = await t.kernel.restore(taken, reader)
  while (t.kernel.isAlive(again)) await sys.yield()
  return mail
}

const shape = fc.record({
  senders: fc.integer({ min: 1, max: 5 }),
  each: fc.integer({ min: 1, max: 6 }),
  maxMailbox: fc.integer({ min: 1, max: 4 }),
  takes: fc.nat(8),
  pause: fc.nat(40),
})

test('a process that moves amid messages loses none: each was received, moves along in order, or is refused', async () => {
  const seen = { parked: 0, waiting: 0, inHand: 0, received: 0, refused: 0, all: 0 }
  await fc.assert(
    fc.asyncProperty(shape, async ({ senders, each, maxMailbox, takes, pause }) => {
      const t = testKernel()
      const fates: Fates = { received: [], delivered: [], refused: [] }
      await runRoot(t, async (sys) => {
        const { pid, cap } = await sys.spawn(receiver(takes, fates), { quota: { maxMailbox } })
        const ends: Promise<unknown>[] = []
        for (let i = 0; i < senders; i++) {
          const one = await sys.spawn(sender(each, fates), { caps: [sys.derive(cap, ['send'])] })
          ends.push(sys.waitpid(one.cap))
        }
        for (let i = 0; i < pause; i++) await sys.yield()
        const row = t.kernel.ps().find((one) => one.pid === pid)
        const taken = JSON.parse(JSON.stringify(t.kernel.migrate(pid))) as ProcessSnapshot
        expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
        await Promise.all(ends)
        const moved = await mailOf(t, sys, taken)
        expect(taken.mailbox.map(({ body }) => body)).toEqual(moved)
        expect(moved.length).toBeLessThanOrEqual(maxMailbox + 1)
        expectTold(fates, moved, each)
        seen.all++
        if ((row?.sendersParked ?? 0) > 0) seen.parked++
        if (moved.length > 0) seen.waiting++
        if (moved.length > (row?.mailboxDepth ?? 0)) seen.inHand++
        if (fates.received.length > 0) seen.received++
        if (fates.refused.length > 0) seen.refused++
      })
    }),
    { numRuns: 300 },
  )
  for (const [what, count] of Object.entries(seen))
    expect(count / seen.all, `${what} of ${JSON.stringify(seen)}`).toBeGreaterThan(0.01)
})

test('a process that moves while its pager thinks takes what it has, and the late answer changes nothing', async () => {
  const gate = Promise.withResolvers<void>()
  const pager: Pager = {
    async pageOut(resident) {
      await gate.promise
      return { evict: resident.map(({ id }) => id), cost: { tokens: 3 } }
    },
  }
  const t = testKernel({ pager })
  await runRoot(
    t,
    async (sys) => {
      let isBack = false
      const thinker = image('thinker', async (inner) => {
        await inner.remember('kept', { tokens: 10 })
        await inner.remember('not yet', { tokens: 10 })
        isBack = true
      })
      const { pid } = await sys.spawn(thinker, { quota: { mem: 15, tokens: 5 } })
      for (let i = 0; i < 5; i++) await sys.yield()
      expect(t.kernel.ps().find((row) => row.pid === pid)?.waitingOn).toBe('page')
      const taken = t.kernel.migrate(pid)
      expect(taken.context).toMatchObject({ resident: [{ body: 'kept', tokens: 10 }], swap: [] })
      expect(taken.budget.remaining).toMatchObject({ mem: 5, tokens: 5 })
      const found: unknown[] = []
      const again = await t.kernel.restore(
        taken,
        image('x', async (inner) => {
          found.push(...inner.workingSet().map(({ body }) => body))
        }),
      )
      while (t.kernel.isAlive(again)) await sys.yield()
      gate.resolve()
      await settled(3)
      await sys.yield()
      expect([isBack, found]).toEqual([false, ['kept']])
      // The model was asked, so that it is paid by whoever is above; the memory is whole.
      expect(sys.budget()).toEqual({ mem: 100, tokens: 97 })
    },
    { quota: { mem: 100, tokens: 100 } },
  )
})

test('forked and moved: a copy costs its remaining budget once more, a process that moved does not', async () => {
  const t = testKernel()
  await runRoot(
    t,
    async (sys) => {
      const idle = image('idle', async (inner) => void (await inner.recv({ corr: 'never' as never })))
      const { pid, cap } = await sys.spawn(idle, { quota: { tokens: 40 } })
      await sys.yield()
      const copy = t.kernel.snapshot(pid)
      expect(copy.forked).toBe(true)
      const twin = await t.kernel.restore(copy, idle)
      expect(sys.budget().tokens).toBe(20)
      await expect(t.kernel.restore(copy, idle)).rejects.toMatchObject({ code: 'EQUOTA' })
      expect('forked' in t.kernel.migrate(pid)).toBe(false)
      expect(sys.budget().tokens).toBe(60)
      expect(await sys.waitpid(cap)).toEqual({ kind: 'shutdown' })
      expect(twin).toBeGreaterThan(pid)
      t.kernel.signal(twin)
      expect(sys.budget().tokens).toBe(100)
      expect(() => t.kernel.migrate(pid)).toThrow(expect.objectContaining({ code: 'ESRCH' }))
    },
    { quota: { tokens: 100 } },
  )
})

test('a stopped process can move, and runs where it comes to, with what its waiting calls had been handed', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const heard: unknown[] = []
    const loop = image('loop', async (inner) => {
      const two = [inner.recv(), inner.recv({ corr: 'reply' as MsgId })]
      await Promise.all(two.map(async (one) => heard.push((await one).body)))
    })
    const { pid, cap } = await sys.spawn(loop, { quota: { maxMailbox: 1 } })
    await sys.yield()
    await sys.suspend(cap)
    await sys.send(cap, 'first')
    await sys.send(cap, 'queued')
    await sys.send(cap, 'answer', { corr: 'reply' as MsgId })
    const taken = t.kernel.migrate(pid)
    expect(taken.mailbox.map(({ body }) => body)).toEqual(['first', 'answer', 'queued'])
    const mail: unknown[] = []
    const next = image('x', async (inner) => void mail.push(...(await drain(inner)).map(({ body }) => body)))
    const again = await t.kernel.restore(JSON.parse(JSON.stringify(taken)), next)
    while (t.kernel.isAlive(again)) await sys.yield()
    expect([heard, mail]).toEqual([[], ['first', 'answer', 'queued']])
  })
})

test('a message at the end of a time slice moves along as well; an answer that looks like one does not', async () => {
  const t = testKernel({ quantum: 3 })
  const look = { id: 'm1', from: 0, to: 2, body: 'forged', caps: [] }
  t.kernel.registerDriver({ name: 'forger', open: () => ({ read: () => ({ value: look }) }) })
  await runRoot(
    t,
    async (sys) => {
      const forger = (await sys.recv<BootGrant>()).body.devices.forger as CapRef
      for (const what of ['mail', 'read'] as const) {
        const agent = image('agent', async (inner) => {
          const handle = await inner.open((await inner.recv()).caps[0] as CapRef)
          await inner.yield()
          // The third call of a slice is answered at the tail of the queue.
          for (let i = 0; i < 2; i++) inner.selfCap()
          await (what === 'mail' ? inner.recv() : inner.read(handle))
          throw new Error('it moved before that')
        })
        const { pid, cap } = await sys.spawn(agent, { caps: [forger] })
        await sys.send(cap, 'real')
        const used = (): number => t.kernel.ps().find((row) => row.pid === pid)?.reductions ?? 6
        while (used() < 6) await sys.yield()
        const bodies = t.kernel.migrate(pid).mailbox.map(({ body }) => body)
        expect([what, used(), bodies]).toEqual([what, 6, ['real']])
      }
    },
    { grant: ['forger'] },
  )
})

test('a snapshot does not promote itself: below a parent that may not raise, its priority is that parent’s at most', async () => {
  const t = testKernel()
  await runRoot(t, async (sys) => {
    const idle = image('idle', async (inner) => void (await inner.recv({ corr: 'never' as MsgId })))
    const parent = await sys.spawn(idle, { priority: 2 })
    const { pid } = await sys.spawn(idle, { priority: 1 })
    await sys.yield()
    const taken = t.kernel.migrate(pid)
    for (const [priority, below, is] of [
      [9, parent.pid, 2],
      [-3, parent.pid, -3],
      [9, undefined, 9],
    ] as const) {
      const options = below === undefined ? {} : { parent: below }
      const again = await t.kernel.restore({ ...taken, priority }, idle, options)
      expect(t.kernel.ps().find((row) => row.pid === again)?.priority).toBe(is)
      t.kernel.signal(again)
    }
  })
})
