import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import type { Pid } from './ids.ts'
import { eventsFromStore, MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image, settled, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

async function session() {
  const test = testKernel()
  void test.kernel.boot(idle, { grant: [], quota: {} })
  await settled()
  const pid = test.kernel.spawnHost({ image: idle, devices: [], quota: { tokens: 100 } }).pid
  return { ...test, pid, row: (of: Pid) => test.kernel.ps().find((row) => row.pid === of) }
}

test('a part is a process below its session, shares its pools, and books its time', async () => {
  const h = await session()
  const part = h.kernel.parts.spawn(h.pid, 'qwen')
  await settled()
  expect(h.row(part)).toMatchObject({ parent: h.pid, name: 'qwen', state: 'waiting' })
  const before = h.row(part)?.reductions ?? 0
  h.kernel.parts.spend(part, 250)
  h.kernel.parts.spend(part, Number.NaN)
  h.kernel.parts.spend(part, -5)
  h.kernel.parts.spend(9999 as Pid, 5)
  expect((h.row(part)?.reductions ?? 0) - before).toBe(250)
  h.kernel.door(part).settle({ tokens: 30 })
  expect(h.kernel.usage(h.pid)?.tokens).toEqual({ spent: 30, limit: 100, available: 70 })
})

test('it ends with what it stands for, or when it is asked to, and nothing is left', async () => {
  const h = await session()
  const first = h.kernel.parts.spawn(h.pid, 'qwen')
  const second = h.kernel.parts.spawn(h.pid, 'npm')
  await settled()
  expect(h.kernel.parts.end(first, { kind: 'fault', error: 'exit code 1' })).toBe(true)
  expect(h.kernel.parts.end(first, { kind: 'normal' })).toBe(false)
  h.kernel.term(second)
  await settled()
  const ends = h.facts.flatMap((fact) =>
    fact.type === 'process.exited' ? [[fact.pid, fact.reason.kind]] : [],
  )
  expect(ends).toEqual([
    [first, 'fault'],
    [second, 'shutdown'],
  ])
  expect(h.kernel.usage(h.pid)?.children.spent).toBe(0)
})

test('it may be given a budget and devices of its session, and holds them no longer than that does', async () => {
  const h = await session()
  for (const name of ['tool:read', 'tool:write', 'tool:none']) h.kernel.registerAuthority(name)
  const devices = ['tool:read', 'tool:write']
  const pid = h.kernel.spawnHost({ image: idle, devices, quota: { tokens: 100, usdNanos: 500 } }).pid
  const part = h.kernel.parts.spawn(pid, 'sub-agent', {
    quota: { tokens: 60 },
    devices: ['tool:read', 'tool:read'],
  })
  expect(h.kernel.caps(part)).toMatchObject([{ target: 'tool:read', rights: ['open'] }])
  expect(h.kernel.usage(pid)?.tokens).toEqual({ spent: 0, limit: 100, available: 40 })
  const door = h.kernel.door(part)
  expect(door.open('tool:read')).toMatchObject({ ok: true })
  expect(door.open('tool:write')).toEqual({ ok: false, reason: 'not_held' })
  expect(door.settle({ tokens: 50, usdNanos: 100 })).toEqual({ ok: true })
  expect(h.kernel.usage(pid)).toMatchObject({
    tokens: { spent: 50, available: 40 },
    usdNanos: { available: 400 },
  })
  // Its own budget ends it, not its session.
  expect(door.settle({ tokens: 20 })).toMatchObject({ ok: false, reason: 'over_budget', resource: 'tokens' })
  expect([h.kernel.isAlive(part), h.kernel.isAlive(pid)]).toEqual([false, true])
  expect(h.kernel.usage(pid)?.tokens).toEqual({ spent: 70, limit: 100, available: 30 })
  const second = h.kernel.parts.spawn(pid, 'sub-agent', { devices })
  h.kernel.revokeDevice(pid, 'tool:write')
  expect(h.kernel.caps(second).map(({ target }) => target)).toEqual(['tool:read'])
  for (const [own, code] of [
    [{ devices: ['tool:none'] }, 'ECAP'],
    [{ devices: ['tool:write'] }, 'ECAP'],
    [{ quota: { tokens: 31 } }, 'EQUOTA'],
    [{ quota: { tokens: -1 } }, 'EINVAL'],
  ] as const)
    expect(() => h.kernel.parts.spawn(pid, 'x', own)).toThrow(expect.objectContaining({ code }))
  expect(h.kernel.usage(pid)?.children.spent).toBe(1)
})

test('it needs a live parent and a proper name', async () => {
  const h = await session()
  expect(() => h.kernel.parts.spawn(9999 as Pid, 'x')).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  expect(() => h.kernel.parts.spawn(h.pid, '\n')).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('a recording of its session knows it: seen, paid for and ended in the replay as well', async () => {
  const h = await session()
  const session2 = image('session', async (sys) => {
    for (;;) {
      const { body } = await sys.recv()
      sys.log('info', String(body), { left: sys.budget() })
      if (body === 'end') return
    }
  })
  const quota = { tokens: 100, children: 3 }
  h.kernel.registerAuthority('tool:read')
  const pid = h.kernel.spawnHost({ image: session2, devices: ['tool:read'], quota }).pid
  const store = new MemoryStore()
  const ended = new Promise((resolve) => h.kernel.record(pid, { store, onEnd: resolve }))
  const part = h.kernel.parts.spawn(pid, 'qwen', { quota: { tokens: 40 }, devices: ['tool:read'] })
  await settled()
  h.kernel.parts.spend(part, 40)
  expect(h.kernel.door(part).settle({ tokens: 30 })).toEqual({ ok: true })
  h.kernel.post(pid, 'while it runs')
  await settled()
  h.kernel.parts.end(part, { kind: 'fault', error: 'exit code 1' })
  h.kernel.post(pid, 'end')
  await ended
  const logged = eventsFromStore(store).filter(({ ev }) => ev.kind !== 'syscall')
  expect(logged).toContainEqual(
    expect.objectContaining({ pid: part, ev: expect.objectContaining({ kind: 'exit' }) }),
  )
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  expect(await again.boot(session2, { grant: [], quota: {} })).toEqual({ kind: 'normal' })
  await again.replayed()
  const told = (from: readonly { pid?: Pid; ev: { kind: string } }[]) =>
    from
      .filter(({ ev }) => ['log', 'exit', 'charge', 'park', 'recv'].includes(ev.kind))
      .map((one) => ({ pid: one.pid, ev: one.ev }))
  expect(told(again.events())).toEqual(told(logged))
})
