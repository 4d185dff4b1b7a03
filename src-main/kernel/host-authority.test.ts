import { expect, test } from 'vitest'
import type { BootGrant, Message } from './abi.ts'
import type { CapRef, Pid } from './ids.ts'
import { image, settled, testKernel } from './test-kernel.ts'

const idle = image('idle', async (sys) => {
  for (;;) await sys.recv()
})

/** A root, a session that passes its device on to a part below it, and both pids. */
async function delegated(expiresInMs?: number) {
  const t = testKernel()
  void t.kernel.boot(idle, { grant: [], quota: {} })
  t.kernel.registerAuthority('net:*')
  const parts: Pid[] = []
  const body = image('session', async (sys) => {
    const { body: boot } = (await sys.recv()) as Message<BootGrant>
    const net = boot.devices['net:*'] as CapRef
    const given = expiresInMs === undefined ? net : sys.attenuate(net, { expiresInMs })
    const { pid } = await sys.spawn(image('part', idle.main), { caps: [given] })
    parts.push(pid)
    for (;;) await sys.recv()
  })
  const { pid } = t.kernel.spawnHost({ image: body, devices: ['net:*'] })
  await settled()
  const [part] = parts
  if (part === undefined) throw new Error('no part was started')
  const idOf = (of: Pid) => {
    // The newest stand first; what it was given is the oldest.
    const found = t.kernel.caps(of).findLast((row) => row.kind === 'device')
    if (!found) throw new Error(`${of} holds no device`)
    return found.id
  }
  const devices = (of: Pid) =>
    t.kernel
      .caps(of)
      .filter((row) => row.kind === 'device')
      .map((row) => row.target)
  return { ...t, pid, part, idOf, devices }
}

test('revoking takes what was passed on with it, and tells whose it was', async () => {
  const { kernel, pid, part, idOf } = await delegated()
  const { capability, alsoRevoked } = kernel.revokeById(idOf(pid))
  expect(capability).toMatchObject({ pid, processName: 'session', target: 'net:*' })
  expect(alsoRevoked).toMatchObject([{ pid: part, processName: 'part', target: 'net:*' }])
  expect(kernel.door(part).open('net:*').ok).toBe(false)
})

test('narrowing what was passed on leaves the giver its own, and hangs the rest below it', async () => {
  const { kernel, pid, part, idOf, devices } = await delegated()
  const { capabilities } = kernel.narrowById(idOf(part), { to: ['net:a:1', 'net:b:1'] })
  expect(devices(pid)).toEqual(['net:*'])
  expect(devices(part)).toEqual(['net:b:1', 'net:a:1'])
  expect(capabilities.map((row) => row.parentId)).toEqual([idOf(pid), idOf(pid)])
  kernel.revokeById(idOf(pid))
  expect(devices(part)).toEqual([])
})

test('an end in time reaches everything below, also what has an end of its own', async () => {
  const { kernel, clock, facts, pid, part, idOf, devices } = await delegated(1000)
  kernel.expireById(idOf(pid), 5000)
  const ends = () => kernel.caps().filter((row) => row.expiresAtMs !== undefined && row.kind === 'device')
  expect(ends().map((row) => [row.pid, row.expiresAtMs])).toEqual(
    expect.arrayContaining([
      [pid, clock.now() + 5000],
      [part, 1000],
    ]),
  )
  expect(() => kernel.expireById(idOf(part), 4000)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  await settled(50)
  expect(clock.now()).toBeGreaterThanOrEqual(5000)
  expect([devices(pid), devices(part)]).toEqual([[], []])
  const revoked = facts.filter((fact) => fact.type === 'capability.revoked')
  expect(revoked.map((fact) => fact.pid)).toContain(pid)
})

test('timers of ends in time go with what they end', async () => {
  const { kernel, clock, pid, part, idOf } = await delegated()
  kernel.expireById(idOf(pid), 1_000_000)
  for (const one of [pid, part]) kernel.signal(one)
  await settled(50)
  expect(clock.now()).toBeLessThan(1_000_000)
})

test('nothing of the root, no handle and nothing wider can be had', async () => {
  const { kernel, pid, idOf } = await delegated()
  const root = kernel.rootPid as Pid
  const rootOnes = kernel.caps(root).map((row) => row.id)
  for (const id of rootOnes)
    expect(() => kernel.revokeById(id)).toThrow(expect.objectContaining({ code: 'ECAP' }))
  for (const to of [[], ['net:*'], ['tool:x'], ['net:a', 'x'], ['net']])
    expect(() => kernel.narrowById(idOf(pid), { to }), to.join()).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    )
  for (const id of [0, -1, Number.NaN, 1e9])
    expect(() => kernel.revokeById(id)).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => kernel.expireById(idOf(pid), ms)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  expect(kernel.caps(root)).toHaveLength(rootOnes.length)
})

test('a name is within a wildcard when it has what stands before and after the star', async () => {
  const t = testKernel()
  void t.kernel.boot(idle, { grant: [], quota: {} })
  t.kernel.registerAuthority('net:*.example.org:443')
  const { pid } = t.kernel.spawnHost({ image: idle, devices: ['net:*.example.org:443'] })
  const [held] = t.kernel.caps(pid)
  const id = held?.id ?? 0
  for (const name of ['net:.example.org:443', 'net:a.example.org:80', 'net:example.org:443', 'net:*'])
    expect(() => t.kernel.narrowById(id, { to: [name] }), name).toThrow('not within')
  t.kernel.narrowById(id, { to: ['net:a.example.org:443', 'net:*.b.example.org:443'] })
  expect(t.kernel.caps(pid).map((row) => row.target)).toEqual([
    'net:*.b.example.org:443',
    'net:a.example.org:443',
  ])
})
