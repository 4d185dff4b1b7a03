import { afterEach, beforeEach, expect, it } from 'vitest'
import { contract } from '../contract/index.ts'
import { asOperator } from './app.suite.ts'
import { type KernelFlow, kernelFlow } from './kernel-flow.fixture.ts'

let flow: KernelFlow
beforeEach(async () => {
  flow = await kernelFlow()
})
afterEach(() => flow.close())

const list = async (input: object = {}) =>
  contract.capability.list.output.parse(
    await flow.app.handlers.capability.list(contract.capability.list.input.parse(input), asOperator()),
  )
const idOf = async (sessionId: string, target: string) => {
  const { capabilities } = await list({ sessionId })
  const found = capabilities.find((one) => one.target === target)
  if (!found) throw new Error(`nothing is held on ${target}`)
  return found.id
}
const facts = (sessionId: string, kind: string) =>
  flow.store.queries.audit
    .entries(`session:${sessionId}`, 0, 100)
    .filter((entry) => entry.eventKind === kind)
    .map((entry) => (JSON.parse(entry.body) as { payload: Record<string, unknown> }).payload)
const open = (sessionId: string, device: string) =>
  flow.kernel.host.door(flow.pidOf(sessionId)).open(device).ok

it('lists who holds what, derived from what, used when, and what was refused', async () => {
  const sessionId = await flow.begin(1, { title: 'Holder' })
  const pid = flow.pidOf(sessionId)
  const door = flow.kernel.kernel.door(pid as never)
  door.open('tool:shell', { what: 'ls' })
  for (let count = 0; count < 5; count++) door.open('net:evil.example:443', { what: `try ${count}` })
  const all = await list()
  const held = all.capabilities.find((one) => one.pid === pid && one.target === 'tool:shell')
  expect(held).toMatchObject({
    kind: 'device',
    rights: ['open'],
    uses: 1,
    sessionTitle: 'Holder',
    expiresAtMs: null,
  })
  expect(held?.lastUsedAtMs).toBeGreaterThan(0)
  const origin = all.capabilities.find((one) => one.id === held?.parentId)
  expect(origin).toMatchObject({
    processName: 'fleet',
    target: 'tool:shell',
    sessionId: null,
    parentId: null,
  })
  expect(all.refusals).toMatchObject([
    {
      pid,
      device: 'net:evil.example:443',
      what: 'try 4',
      reason: 'no_device',
      count: 5,
      sessionTitle: 'Holder',
    },
  ])
  expect(all.total).toBe(all.capabilities.length)
  const few = await list({ text: 'TOOL:', limit: 1 })
  expect([few.capabilities.length, few.total]).toEqual([1, 2])
  expect((await list({ pid, sessionId: 'ses-other1' })).total).toBe(0)
  // Word by word, as the page looks among what it has.
  expect((await list({ text: 'holder  tool:' })).capabilities.map((one) => one.target)).toEqual([
    'tool:shell',
  ])
  expect((await list({ text: 'holder evil' })).refusals).toHaveLength(1)
  expect((await list({ text: 'holder nothing' })).total).toBe(0)
  expect(JSON.stringify(all)).not.toMatch(/[0-9a-f]{32}/)
})

it('revokes one, with what derives from it, and the chain tells', async () => {
  const sessionId = await flow.begin()
  const id = await idOf(sessionId, 'tool:shell')
  expect(open(sessionId, 'tool:shell')).toBe(true)
  const done = flow.app.handlers.capability.revoke({ id }, asOperator('revoke-once'))
  expect(done).toMatchObject({ revoked: 1 })
  expect(open(sessionId, 'tool:shell')).toBe(false)
  expect(facts(sessionId, 'capability-revoked')).toEqual([
    { pid: flow.pidOf(sessionId), device: 'tool:shell' },
  ])
  expect(flow.app.handlers.capability.revoke({ id }, asOperator('revoke-once'))).toEqual(done)
  const { capabilities } = await flow.app.handlers.session.get({ sessionId }, asOperator())
  expect(capabilities.find((one) => one.device === 'tool:shell')).toMatchObject({ state: 'revoked' })
  expect(() => flow.app.handlers.capability.revoke({ id }, asOperator())).toThrow('capability_not_found')
})

it('narrows a wildcard to names within it, and nothing else', async () => {
  const sessionId = await flow.begin()
  const { capability } = flow.app.handlers
  const id = await idOf(sessionId, 'net:*')
  for (const to of [['net:*'], ['tool:shell'], ['net:a:443', 'file:/']])
    expect(() => capability.narrow({ id, to }, asOperator()), to.join()).toThrow(
      expect.objectContaining({
        code: 'capability_not_wider',
        data: expect.objectContaining({ id }) as object,
      }),
    )
  expect(open(sessionId, 'net:*')).toBe(true)
  capability.narrow({ id, to: ['net:a:443', 'net:b:443'], expiresInMs: 60_000 }, asOperator())
  expect(['net:*', 'net:a:443', 'net:b:443', 'net:c:443'].map((name) => open(sessionId, name))).toEqual([
    false,
    true,
    true,
    false,
  ])
  const [narrowed] = facts(sessionId, 'capability-narrowed')
  expect(narrowed).toMatchObject({
    device: 'net:*',
    detail: expect.stringMatching(/^net:a:443, net:b:443, until 2/) as string,
  })
  const detail = await flow.app.handlers.session.get({ sessionId }, asOperator())
  expect(detail.capabilities.map(({ device, state, uses }) => [device, state, uses])).toEqual([
    ['runtime:scripted', 'held', 0],
    ['tool:shell', 'held', 0],
    ['net:*', 'revoked', 0],
    ['net:a:443', 'held', 1],
    ['net:b:443', 'held', 1],
  ])
})

it('ends a capability in time: what is open through it closes then', async () => {
  const sessionId = await flow.begin()
  const { capability } = flow.app.handlers
  const id = await idOf(sessionId, 'tool:shell')
  const opening = flow.kernel.kernel.door(flow.pidOf(sessionId) as never).open('tool:shell')
  let closed = 0
  if (opening.ok) opening.handle.onClose(() => closed++)
  capability.expire({ id, expiresInMs: 40 }, asOperator())
  expect(() => capability.expire({ id, expiresInMs: 5000 }, asOperator())).toThrow('ends sooner')
  const held = (await list({ sessionId })).capabilities.find((one) => one.id === id)
  expect(held?.expiresAtMs).toBeGreaterThan(Date.now() - 1000)
  expect(open(sessionId, 'tool:shell')).toBe(true)
  await expect.poll(() => closed).toBe(1)
  expect(open(sessionId, 'tool:shell')).toBe(false)
  await expect.poll(() => facts(sessionId, 'capability-revoked')).toHaveLength(1)
  expect(facts(sessionId, 'capability-narrowed')).toHaveLength(1)
})

it("the root's own originals are out of reach, and a number of nobody is not found", async () => {
  await flow.begin()
  const { capability } = flow.app.handlers
  const { capabilities } = await list({ pid: 1 })
  const [root] = capabilities
  if (!root) throw new Error('the root holds nothing')
  const refused = expect.objectContaining({ code: 'process_protected' })
  expect(() => capability.revoke({ id: root.id }, asOperator())).toThrow(refused)
  expect(() => capability.expire({ id: root.id, expiresInMs: 1 }, asOperator())).toThrow(refused)
  expect(() => capability.narrow({ id: root.id, to: ['x'] }, asOperator())).toThrow(refused)
  expect(() => capability.revoke({ id: 2 ** 52 }, asOperator())).toThrow('capability_not_found')
  expect((await list({ pid: 1 })).capabilities).toHaveLength(capabilities.length)
})
