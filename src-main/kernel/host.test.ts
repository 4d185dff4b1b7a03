import { expect, test } from 'vitest'
import type { BootGrant, ExitReason } from './abi.ts'
import type { DoorHandle } from './door.ts'
import type { HostEvent } from './host-events.ts'
import type { Pid } from './ids.ts'
import { image, settled, type TestKernel, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

function fleet(quota = {}): TestKernel {
  const t = testKernel()
  void t.kernel.boot(idle, { grant: [], quota })
  return t
}

function endOf(t: TestKernel, pid: Pid): ExitReason | undefined {
  for (const fact of t.facts) if (fact.type === 'process.exited' && fact.pid === pid) return fact.reason
  return undefined
}

function types(t: TestKernel, pid: Pid): string[] {
  return t.facts.filter((fact) => fact.pid === pid).map((fact) => fact.type)
}

function opened(t: TestKernel, pid: Pid, device: string, ...wider: string[]): DoorHandle {
  const opening = t.kernel.door(pid).open(device, { wider })
  if (!opening.ok) throw new Error(opening.reason)
  return opening.handle
}

test('a session process gets its devices by name, and the host their rows without references', async () => {
  const t = fleet()
  t.kernel.registerAuthority('tool:shell')
  t.kernel.registerAuthority('tool:shell')
  t.kernel.registerDriver({ name: 'runtime:x', open: () => ({ read: (value) => ({ value }) }) })
  let got: unknown
  const body = image('session', async (sys) => {
    const { body: boot } = await sys.recv<BootGrant>()
    got = await sys.read(await sys.open(boot.devices['runtime:x']!), 'hello')
    await expect(sys.open(boot.devices['tool:shell']!)).rejects.toMatchObject({ code: 'ENODEV' })
  })
  const { pid, capabilities } = t.kernel.spawnHost({ image: body, devices: ['tool:shell', 'runtime:x'] })
  await settled()
  expect(got).toBe('hello')
  expect(endOf(t, pid)).toEqual({ kind: 'normal' })
  expect(capabilities.map((row) => row.target)).toEqual(['tool:shell', 'runtime:x'])
  const refs = JSON.stringify([t.facts, capabilities, t.kernel.caps(), t.kernel.events()])
  expect(refs).not.toMatch(/[0-9a-f]{32}/)
  expect(types(t, pid)).toEqual([
    'process.spawned',
    'capability.granted',
    'capability.granted',
    'process.exited',
  ])
})

test('a spawn that is refused leaves nothing behind', async () => {
  const t = fleet({ tokens: 100 })
  const before = [t.kernel.ps().length, t.kernel.caps().length, t.facts.length]
  expect(() => t.kernel.spawnHost({ image: idle, devices: ['nope'] })).toThrow(
    expect.objectContaining({ code: 'ENODEV' }),
  )
  expect(() => t.kernel.spawnHost({ image: idle, devices: [], quota: { tokens: 101 } })).toThrow(
    expect.objectContaining({ code: 'EQUOTA', resource: 'tokens' }),
  )
  for (const quota of [{ tokens: -1 }, { usdNanos: 0.5 }, { wallMs: Number.NaN }, { maxMailbox: 1.5 }]) {
    expect(() => t.kernel.spawnHost({ image: idle, devices: [], quota })).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    )
  }
  expect([t.kernel.ps().length, t.kernel.caps().length, t.facts.length]).toEqual(before)
})

test('a door opens what is held, counts what is refused, and hears of revocation', async () => {
  const t = fleet()
  for (const name of ['tool:read', 'net:*']) t.kernel.registerAuthority(name)
  const { pid } = t.kernel.spawnHost({ image: idle, devices: ['tool:read', 'net:*'] })
  const door = t.kernel.door(pid)
  const handle = opened(t, pid, 'net:example.org:443', 'net:*')
  expect(handle.device).toBe('net:*')
  expect(t.kernel.caps(pid).find((row) => row.target === 'net:*')?.uses).toBe(1)
  const closed: string[] = []
  handle.onClose(() => closed.push('net'))
  opened(t, pid, 'tool:read').onClose(() => closed.push('read'))
  for (let i = 0; i < 9; i++) {
    expect(door.open('tool:write', { what: 'write a.ts' })).toEqual({ ok: false, reason: 'no_device' })
  }
  const refusals = t.facts.filter((fact) => fact.type === 'capability.refused')
  expect(refusals.map((fact) => fact.count)).toEqual([1, 2, 4, 8])
  expect(refusals[0]).toMatchObject({ device: 'tool:write', what: 'write a.ts', reason: 'no_device' })
  expect(t.kernel.revokeDevice(pid, 'net:*')).toBe(true)
  expect(t.kernel.revokeDevice(pid, 'net:*')).toBe(false)
  expect(closed).toEqual(['net'])
  expect(handle.isOpen).toBe(false)
  expect(door.open('net:example.org:443', { wider: ['net:*'] })).toEqual({ ok: false, reason: 'no_device' })
  t.kernel.grant(pid, 'net:*')
  expect(door.open('net:*').ok).toBe(true)
  t.kernel.signal(pid)
  expect(closed).toEqual(['net', 'read'])
  expect(door.isAlive).toBe(false)
  expect(door.open('tool:read')).toEqual({ ok: false, reason: 'process_ended' })
})

test('a flood of refused names stays bounded', () => {
  const t = fleet()
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [] })
  const door = t.kernel.door(pid)
  for (let i = 0; i < 10_000; i++) door.open(`net:host${i}:443`)
  const refused = t.facts.filter((fact) => fact.type === 'capability.refused')
  expect(refused.length).toBeLessThan(300)
  expect(refused.at(-1)).toMatchObject({ device: '*', count: 8192 })
})

test('narrowing leaves less: named hosts under a wildcard, or an end in time', () => {
  const t = fleet()
  t.kernel.registerAuthority('net:*')
  t.kernel.registerAuthority('tool:x')
  const { pid } = t.kernel.spawnHost({ image: idle, devices: ['net:*', 'tool:x'] })
  const wide = opened(t, pid, 'net:*')
  t.kernel.narrow(pid, 'net:*', { to: ['net:a:443'] })
  expect(wide.isOpen).toBe(false)
  const door = t.kernel.door(pid)
  expect(door.open('net:b:443', { wider: ['net:*'] }).ok).toBe(false)
  expect(door.open('net:a:443', { wider: ['net:*'] }).ok).toBe(true)
  t.kernel.narrow(pid, 'tool:x', { expiresInMs: 10 })
  expect(door.open('tool:x').ok).toBe(true)
  t.clock.spend(0)
  t.clock.setTimer(11, () => undefined)
  t.clock.advance()
  expect(door.open('tool:x')).toEqual({ ok: false, reason: 'expired' })
  expect(() => t.kernel.narrow(pid, 'tool:x', { to: ['tool:y'] })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  )
  expect(() => t.kernel.narrow(pid, 'net:c', { expiresInMs: 1 })).toThrow(
    expect.objectContaining({ code: 'ESRCH' }),
  )
})

test('a charge that does not fit ends the session before the effect, a settlement after it', () => {
  const t = fleet({ tokens: 1000 })
  const first = t.kernel.spawnHost({ image: idle, devices: [], quota: { toolCalls: 2, tokens: 100 } })
  const door = t.kernel.door(first.pid)
  expect(door.charge({ toolCalls: 1 })).toEqual({ ok: true })
  expect(door.charge({ toolCalls: 1, tokens: 100 })).toEqual({ ok: true })
  expect(t.kernel.usage(first.pid)?.toolCalls).toEqual({ spent: 2, limit: 2, available: 0 })
  expect(door.charge({ toolCalls: 1 })).toEqual({ ok: false, reason: 'over_budget', resource: 'toolCalls' })
  expect(endOf(t, first.pid)).toEqual({ kind: 'quota', resource: 'toolCalls' })
  expect(door.charge({ toolCalls: 1 })).toEqual({ ok: false, reason: 'process_ended' })

  const second = t.kernel.spawnHost({ image: idle, devices: [], quota: { tokens: 100 } })
  const late = t.kernel.door(second.pid)
  expect(late.settle({ tokens: 90, usdNanos: 5 })).toEqual({ ok: true })
  expect(late.settle({ tokens: 15 })).toEqual({ ok: false, reason: 'over_budget', resource: 'tokens' })
  expect(endOf(t, second.pid)).toEqual({ kind: 'quota', resource: 'tokens' })
  const exit = t.facts.find((fact) => fact.type === 'process.exited' && fact.pid === second.pid)
  expect(exit).toMatchObject({ usage: { tokens: { spent: 105 }, usdNanos: { spent: 5 } } })
  expect(late.settle({ tokens: 7 })).toEqual({ ok: false, reason: 'process_ended' })
  const exceeded = t.facts.filter((fact) => fact.type === 'budget.exceeded')
  expect(exceeded).toMatchObject([
    { pid: first.pid, resource: 'toolCalls', used: 2, limit: 2, isLate: false },
    { pid: second.pid, resource: 'tokens', used: 105, limit: 100, isLate: false },
  ])
  const root = t.kernel.rootPid!
  expect(t.kernel.usage(root)?.tokens).toEqual({ spent: 212, limit: 1000, available: 788 })
})

test.each([
  { tokens: Number.NaN },
  { tokens: -1 },
  { toolCalls: 0.5 },
  { usdNanos: Infinity },
  null,
  { tokens: '1' },
])('a door does not believe %j', (cost) => {
  const t = fleet({ tokens: 10 })
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [] })
  const door = t.kernel.door(pid)
  expect(door.settle(cost as never)).toEqual({ ok: false, reason: 'invalid_cost' })
  expect(door.charge(cost as never)).toEqual({ ok: false, reason: 'invalid_cost' })
  expect(t.kernel.usage(pid)?.tokens).toEqual({ spent: 0, available: 10 })
  expect(door.isAlive).toBe(true)
})

test('a paused door waits, and learns whether to go on', async () => {
  const t = fleet()
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [] })
  const door = t.kernel.door(pid)
  expect(await door.whenRunning()).toBe(true)
  t.kernel.suspend(pid)
  expect(door.isPaused).toBe(true)
  const first = door.whenRunning()
  t.kernel.resume(pid)
  expect(await first).toBe(true)
  t.kernel.suspend(pid)
  const second = door.whenRunning()
  t.kernel.signal(pid, { kind: 'shutdown' })
  expect(await second).toBe(false)
  expect(types(t, pid).slice(1)).toEqual([
    'process.suspended',
    'process.resumed',
    'process.suspended',
    'process.exited',
  ])
})

test('a changed budget counts what was used, comes out of the fleet’s, and bites', () => {
  const t = fleet({ tokens: 100 })
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [] })
  const door = t.kernel.door(pid)
  door.charge({ tokens: 30 })
  expect(() => t.kernel.changeBudget(pid, { tokens: 29 })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  )
  expect(() => t.kernel.changeBudget(pid, { tokens: 101 })).toThrow(
    expect.objectContaining({ code: 'EQUOTA' }),
  )
  t.kernel.changeBudget(pid, { tokens: 50, toolCalls: 3, usdNanos: 1_000 })
  expect(t.kernel.usage(pid)?.tokens).toEqual({ spent: 30, limit: 50, available: 20 })
  expect(t.kernel.usage(t.kernel.rootPid!)?.tokens.available).toBe(50)
  t.kernel.changeBudget(pid, { tokens: 60 })
  expect(t.kernel.usage(t.kernel.rootPid!)?.tokens.available).toBe(40)
  t.kernel.changeBudget(pid, { tokens: null })
  expect(t.kernel.usage(pid)?.tokens).toEqual({ spent: 30, available: 70 })
  t.kernel.changeBudget(pid, { tokens: 35 })
  expect(door.charge({ tokens: 6 }).ok).toBe(false)
  expect(t.kernel.usage(t.kernel.rootPid!)?.tokens).toEqual({ spent: 30, limit: 100, available: 70 })
})

test('a changed wall time takes effect at once', async () => {
  const t = fleet()
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [], quota: { wallMs: 1_000_000 } })
  t.kernel.changeBudget(pid, { wallMs: 50 })
  await settled()
  expect(endOf(t, pid)).toEqual({ kind: 'quota', resource: 'wallMs' })
  expect(t.clock.now()).toBe(50)
})

test('forgetting a device takes it from everyone, and its root capability with it', () => {
  const t = fleet()
  t.kernel.registerAuthority('workarea:1')
  const { pid } = t.kernel.spawnHost({ image: idle, devices: ['workarea:1'] })
  expect(t.kernel.caps()).toHaveLength(2)
  expect(t.kernel.unregisterDevice('workarea:1')).toBe(true)
  expect(t.kernel.caps()).toEqual([])
  expect(t.kernel.door(pid).open('workarea:1')).toEqual({ ok: false, reason: 'no_device' })
})

test('a listener that throws does not break the kernel, and post copies', async () => {
  const t = fleet()
  t.kernel.subscribe(() => {
    throw new Error('listener')
  })
  const got: unknown[] = []
  const hear = image('hear', async (sys) => {
    for (;;) got.push((await sys.recv()).body)
  })
  const { pid } = t.kernel.spawnHost({ image: hear, devices: [] })
  const body = { n: [1] }
  expect(t.kernel.post(pid, body)).toBe(true)
  body.n.push(2)
  await settled(3)
  expect(got.at(-1)).toEqual({ n: [1] })
  expect(() => t.kernel.post(pid, () => 1)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  t.kernel.signal(pid)
  expect(t.kernel.post(pid, 1)).toBe(false)
  const spawned = t.facts.filter((fact: HostEvent) => fact.type === 'process.spawned')
  expect(spawned).toHaveLength(2)
})
