import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Clock, Down, ExitReason, ProcessImage, Sys } from './abi.ts'
import type { CapRef } from './ids.ts'
import { Kernel } from './kernel.ts'
import { image, settled } from './test-kernel.ts'

const { env } = globalThis.process
const TOTAL = Number(env.SIGNALBOX_SPAWNS ?? 100_000)
const PER_ROUND = 100

/** Real time that knows how many of its timers are still to come. */
function countingClock(): { clock: Clock; pending: () => number } {
  const inner = nodeClock()
  const pending = new Set<object>()
  return {
    pending: () => pending.size,
    clock: {
      now: () => inner.now(),
      setTimer(ms, fire) {
        const key = {}
        pending.add(key)
        const timer = inner.setTimer(ms, () => {
          pending.delete(key)
          fire()
        })
        return {
          cancel() {
            pending.delete(key)
            timer.cancel()
          },
        }
      },
    },
  }
}

interface Count {
  opened: number
  closed: number
  downs: number
  spawned: number
  cleanups: number
}

/** Holds on to as much as a process can: handles, memory, a name, watches, a grandchild, parked calls, timers. */
function clinger(count: Count): ProcessImage {
  const below: ProcessImage = image('below', async (sys) => {
    const { caps } = await sys.recv()
    await sys.open(caps[0] as CapRef)
    await sys.monitor(caps[1] as CapRef)
    await sys.recv()
  })
  return image('clinger', async (sys, args) => {
    const n = args as number
    const { caps } = await sys.recv()
    const [device, sibling] = caps as [CapRef, CapRef]
    sys.onCleanup(() => void count.cleanups++)
    sys.register(`clinger ${n}`)
    const handle = await sys.open(device)
    await sys.remember({ n, text: 'something to keep' }, { tokens: 5 })
    await sys.monitor(sibling).catch(() => undefined)
    const derived = sys.attenuate(sibling, { expiresInMs: 60_000 })
    const { cap } = await sys.spawn(below, {
      caps: [device, derived],
      link: n % 2 === 0,
      quota: { tokens: 1 },
    })
    count.spawned++
    await sys.send(cap, { n }, { caps: [handle, derived] }).catch(() => undefined)
    // The sibling does not read: the second of these parks for good.
    void sys.send(sibling, { n }, { caps: [handle] }).catch(() => undefined)
    void sys.send(sibling, { n }, { deadline: sys.now() + 3_600_000 }).catch(() => undefined)
    await leave(sys, n)
  })
}

async function leave(sys: Sys, n: number): Promise<void> {
  if (n % 7 === 0) throw new Error('by itself')
  if (n % 5 === 0) await sys.exit()
  if (n % 3 === 0) sys.sched({ deadline: 0 })
  await (n % 2 ? sys.sleep(3_600_000) : sys.recv({ corr: 'never' as never, timeoutMs: 3_600_000 }))
}

/** Spawns a round of clingers around a ring, lets them settle, and kills whoever is left, in three ways. */
async function round(sys: Sys, device: CapRef, self: CapRef, count: Count, start: number): Promise<void> {
  const held: CapRef[] = []
  let previous = self
  for (let i = 0; i < PER_ROUND; i++) {
    const { cap } = await sys.spawn(clinger(count), {
      args: start + i,
      caps: [device, previous],
      link: true,
      quota: { tokens: 3, children: 2, mem: 20, maxMailbox: 1, wallMs: 3_600_000 },
    })
    count.spawned++
    await sys.monitor(cap)
    held.push(cap)
    previous = sys.derive(cap, ['send', 'monitor'])
  }
  await sys.sleep(1)
  for (const [i, cap] of held.entries()) {
    if (i % 4 === 0) await sys.suspend(cap).catch(() => undefined)
    await sys.signal(cap, i % 2 ? { kind: 'shutdown' } : undefined)
  }
  const ended = new Set<number>()
  while (ended.size < PER_ROUND) {
    const { from, body, caps } = await sys.recv<Down>()
    for (const cap of caps) sys.revoke(cap)
    if (from !== 0 || body.$ !== 'down') continue
    expect(ended.has(body.pid)).toBe(false)
    ended.add(body.pid)
    count.downs++
  }
  for (const cap of held) sys.revoke(cap)
}

it(`is as it was after ${TOTAL} spawns and kills`, { timeout: 1_800_000 }, async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const { clock, pending } = countingClock()
  const kernel = new Kernel({ clock, powers: nodePowers() })
  const count: Count = { opened: 0, closed: 0, downs: 0, spawned: 0, cleanups: 0 }
  kernel.registerDriver({
    name: 'dev',
    open() {
      count.opened++
      return { read: (value) => ({ value }), close: () => void count.closed++ }
    },
  })
  const heaps: number[] = []
  const ends: ExitReason[] = []
  kernel.subscribe((fact) => fact.type === 'process.exited' && ends.length < 10 && ends.push(fact.reason))
  let left: unknown
  const root = image('root', async (sys) => {
    const { body } = await sys.recv<BootGrant>()
    const device = body.devices.dev as CapRef
    for (let start = 0, next = 0; count.spawned < TOTAL; start += PER_ROUND) {
      const self = sys.selfCap()
      await round(sys, device, self, count, start)
      sys.revoke(self)
      for (const row of kernel.ps()) if (row.pid !== sys.self()) kernel.signal(row.pid)
      if (count.spawned < next) continue
      next += TOTAL / 10
      collect()
      heaps.push(globalThis.process.memoryUsage().heapUsed / 2 ** 20)
    }
    left = kernel.ps().map((row) => ({ pid: row.pid, caps: row.caps, usage: row.usage }))
  })
  const timersBefore = globalThis.process.getActiveResourcesInfo().length
  const reason = await kernel.boot(root, {
    grant: ['dev'],
    quota: { tokens: 1000, mem: 10_000, children: 1000 },
  })
  await settled(2)
  console.log(
    `chaos: ${count.spawned} spawns, ${count.opened} handles, ${count.downs} downs, heap MB ${heaps.map((mb) => mb.toFixed(1)).join(' ')}`,
  )
  expect(reason).toEqual({ kind: 'normal' })
  expect(count.closed).toBe(count.opened)
  expect(pending()).toBe(0)
  expect(globalThis.process.getActiveResourcesInfo().length).toBeLessThanOrEqual(timersBefore)
  expect(left).toMatchObject([
    { pid: 1, caps: 1, usage: { mem: { spent: 0 }, children: { spent: 0, available: 1000 } } },
  ])
  expect(kernel.ps()).toEqual([])
  expect(kernel.caps()).toEqual([])
  const levels = kernel
    .metrics()
    .filter(({ name }) => /processes|mailbox|parked|_caps$|resident|queue_length/.test(name))
  expect(levels.reduce((sum, { value }) => sum + value, 0)).toBe(0)
  // The first tenth fills the event ring and the compiler's caches.
  const [, early = 0] = heaps
  expect(heaps.at(-1)).toBeLessThan(early + 3)
})
