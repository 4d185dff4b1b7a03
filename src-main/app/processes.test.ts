import { afterEach, beforeEach, expect, it } from 'vitest'
import type { SignalboxContract } from '../contract/index.ts'
import { contract } from '../contract/index.ts'
import type { OutputOf } from '../contract/procedure.ts'
import type { ProcessRow } from '../contract/process.ts'
import { asOperator } from './app.suite.ts'
import { rowOf } from './flow.suite.ts'
import { type KernelFlow, kernelFlow } from './kernel-flow.fixture.ts'

const unlimited = { tokens: null, usdNanos: null, toolCalls: null, wallMs: null }

let flow: KernelFlow
beforeEach(async () => {
  flow = await kernelFlow()
})
afterEach(() => flow.close())

const list = async (input: { sessionId?: never } | { sessionId: string } = {}) => {
  const found = await flow.app.handlers.process.list(input as never, asOperator())
  return contract.process.list.output.parse(found).rows
}
const kinds = (sessionId: string) =>
  flow.store.queries.audit.entries(`session:${sessionId}`, 0, 100).map((entry) => entry.eventKind)

it('lists the tree of the fleet with sessions and titles', async () => {
  const one = await flow.begin(2, { title: 'With parts' })
  const two = await flow.begin(0)
  const rows = await list()
  expect(
    rows.map(({ kind, parent, sessionId, sessionTitle }) => [kind, parent, sessionId, sessionTitle]),
  ).toEqual([
    ['fleet', 0, null, null],
    ['session', 1, one, 'With parts'],
    ['part', flow.pidOf(one), one, 'With parts'],
    ['part', flow.pidOf(one) + 1, one, 'With parts'],
    ['session', 1, two, 'parts 0'],
  ])
  const own = rows.find((row) => row.kind === 'session')
  expect(own).toMatchObject({ state: 'waiting', waitingOn: 'recv', caps: 4, reductionsPerSecond: null })
  expect(own?.use.children).toMatchObject({ spent: 1, limit: null })
  expect((await list({ sessionId: one })).map((row) => row.kind)).toEqual(['session', 'part', 'part'])
  expect(await list({ sessionId: 'ses-nobody' })).toEqual([])
})

it('suspending a session covers everything below it, and so does resuming it', async () => {
  const sessionId = await flow.begin(2)
  const { handlers } = flow.app
  const states = async () => (await list({ sessionId })).map((row) => row.state)
  const pid = flow.pidOf(sessionId)
  await handlers.process.suspend({ pid }, asOperator())
  await flow.app.idle()
  expect(await rowOf(flow, sessionId)).toMatchObject({ isPaused: true })
  expect(await states()).toEqual(['stopped', 'stopped', 'stopped'])
  await handlers.process.resume({ pid }, asOperator())
  await flow.app.idle()
  expect(await states()).toEqual(['waiting', 'waiting', 'waiting'])
  expect(kinds(sessionId)).toEqual(expect.arrayContaining(['session-pause-requested', 'session-paused']))
  await expect(async () => handlers.process.resume({ pid }, asOperator())).rejects.toMatchObject({
    code: 'session_not_paused',
  })
})

it('a part that was suspended for itself stays so when its session goes on', async () => {
  const sessionId = await flow.begin(3)
  const { handlers } = flow.app
  const own = flow.pidOf(sessionId)
  const states = async () => (await list({ sessionId })).map((row) => row.state[0]).join('')
  await handlers.process.suspend({ pid: own + 2 }, asOperator('suspend-a-part'))
  expect(await states()).toBe('wwss')
  expect(kinds(sessionId).at(-1)).toBe('process-suspended')
  await handlers.process.suspend({ pid: own }, asOperator())
  await flow.app.idle()
  expect(await states()).toBe('ssss')
  await handlers.process.resume({ pid: own }, asOperator())
  await flow.app.idle()
  expect(await states()).toBe('wwss')
  await handlers.process.suspend({ pid: own + 2 }, asOperator('suspend-a-part'))
  await handlers.process.resume({ pid: own + 2 }, asOperator('resume-a-part'))
  expect(await states()).toBe('wwww')
  expect(kinds(sessionId).filter((kind) => kind.startsWith('process-'))).toEqual([
    'process-spawned',
    'process-suspended',
    'process-resumed',
  ])
})

it('a part that is started below a session is not taken for its own process', async () => {
  const sessionId = await flow.begin(1)
  const pid = flow.pidOf(sessionId)
  const part = { pid: pid + 1, name: 'node', parent: pid }
  flow.app.record([{ type: 'process.spawned', subject: sessionId, payload: part }])
  flow.app.record([
    { type: 'budget.changed', subject: sessionId, payload: { pid: pid + 1, budget: unlimited } },
    { type: 'capability.revoked', subject: sessionId, payload: { pid: pid + 1, device: 'tool:shell' } },
  ])
  const { row, capabilities } = await flow.app.handlers.session.get({ sessionId }, asOperator())
  expect(row).toMatchObject({ pid, budget: { tokens: 600_000 } })
  expect(capabilities.find((one) => one.device === 'tool:shell')?.state).toBe('held')
})

it('below a suspended session nothing goes on before it does', async () => {
  const sessionId = await flow.begin(2)
  const own = flow.pidOf(sessionId)
  const { processes } = flow.kernel
  const states = async () => (await list({ sessionId })).map((row) => row.state[0]).join('')
  processes.suspend(own + 1)
  processes.suspend(own)
  processes.resume(own + 1)
  expect(await states()).toBe('sss')
  processes.resume(own)
  expect(await states()).toBe('www')
})

it('ending a session process is stopping the session, with its parts', async () => {
  const killed = await flow.begin(2)
  const stopped = await flow.begin(1)
  const { handlers } = flow.app
  const { atSeq } = await handlers.process.kill({ pid: flow.pidOf(killed) }, asOperator('kill-it'))
  expect(await handlers.process.kill({ pid: flow.pidOf(killed) }, asOperator('kill-it'))).toEqual({ atSeq })
  await handlers.process.terminate({ pid: flow.pidOf(stopped) }, asOperator())
  await flow.app.idle()
  for (const id of [killed, stopped]) expect(await rowOf(flow, id)).toMatchObject({ status: 'stopped' })
  expect((await list()).map((row) => row.kind)).toEqual(['fleet'])
  await expect(async () =>
    handlers.process.kill({ pid: flow.pidOf(killed) }, asOperator()),
  ).rejects.toMatchObject({ code: 'process_not_found' })
})

it('the root of the fleet is out of reach', async () => {
  const { process } = flow.app.handlers
  for (const verb of ['suspend', 'resume', 'terminate', 'kill'] as const)
    await expect(async () => process[verb]({ pid: 1 }, asOperator()), verb).rejects.toMatchObject({
      code: 'process_protected',
      data: { pid: 1, reason: expect.stringContaining('root') as string },
    })
  expect(() => process.setPriority({ pid: 1, priority: 3 }, asOperator())).toThrow('process_protected')
  expect(() => process.changeBudget({ pid: 1, budget: {} }, asOperator())).toThrow('process_protected')
  expect(() => process.changeBudget({ pid: 99, budget: {} }, asOperator())).toThrow('process_not_found')
})

it('changes priorities, in the kernel and in the queue', async () => {
  const { handlers } = flow.app
  const sessionId = await flow.begin(1, { priority: 1 })
  const own = flow.pidOf(sessionId)
  const priorities = async () => (await list({ sessionId })).map((row) => row.priority)
  expect(await priorities()).toEqual([10, 0])
  handlers.process.setPriority({ pid: own + 1, priority: -4 }, asOperator())
  expect(await priorities()).toEqual([10, -4])
  handlers.session.reprioritise({ sessionId, priority: 5 }, asOperator())
  expect(await priorities()).toEqual([-10, -4])
  expect(await rowOf(flow, sessionId)).toMatchObject({ priority: 5 })
  handlers.fleet.pause({}, asOperator())
  const first = await flow.begin()
  const second = await flow.begin()
  handlers.session.reprioritise({ sessionId: second, priority: 2 }, asOperator())
  expect(flow.store.queries.fleet.queue(9)).toEqual([second, first])
  await handlers.process.kill({ pid: own }, asOperator())
  await flow.app.idle()
  expect(() => handlers.session.reprioritise({ sessionId, priority: 1 }, asOperator())).toThrow(
    'session_ended',
  )
})

it('changes budgets of a running session, and says what it can not do', async () => {
  const { handlers } = flow.app
  const sessionId = await flow.begin(0)
  const pid = flow.pidOf(sessionId)
  const use = async () => (await list({ sessionId }))[0]?.use as ProcessRow['use']
  flow.kernel.host.door(pid).settle({ tokens: 400 })
  handlers.process.changeBudget({ pid, budget: { tokens: 1000, toolCalls: null } }, asOperator())
  expect((await use()).tokens).toEqual({ spent: 400, limit: 1000, available: 600 })
  expect((await use()).toolCalls).toEqual({ spent: 0, limit: null, available: null })
  expect((await rowOf(flow, sessionId)).budget).toMatchObject({
    tokens: 1000,
    toolCalls: null,
    wallMs: 2_700_000,
  })
  const refuse = (budget: object, data: object) =>
    expect(() => handlers.process.changeBudget({ pid, budget }, asOperator())).toThrow(
      expect.objectContaining({ code: 'budget_refused', data }),
    )
  refuse(
    { tokens: 399, toolCalls: 5 },
    {
      resource: 'tokens',
      reason: '400 tokens are used or promised to what runs below it already.',
    },
  )
  expect((await use()).toolCalls.limit).toBeNull()
  flow.kernel.processes.setFleetAllowance(2_000_000_000)
  refuse(
    { usdNanos: 3_000_000_000 },
    {
      resource: 'usdNanos',
      reason: 'What it is part of has only $2.00 left to give.',
    },
  )
  refuse({ wallMs: 0 }, { resource: 'wallMs', reason: expect.stringContaining('are used') as string })
  handlers.process.changeBudget({ pid, budget: { usdNanos: 2_000_000_000, tokens: null } }, asOperator())
  expect((await use()).tokens).toEqual({ spent: 400, limit: null, available: null })
  expect((await rowOf(flow, sessionId)).budget).toMatchObject({ tokens: null, usdNanos: 2_000_000_000 })
  handlers.process.changeBudget({ pid, budget: { tokens: 500 } }, asOperator())
  expect((await use()).tokens).toEqual({ spent: 400, limit: 500, available: 100 })
  expect(flow.kernel.host.door(pid).charge({ toolCalls: 1 })).toBe(true)
  flow.kernel.host.door(pid).settle({ tokens: 101 })
  expect(await rowOf(flow, sessionId)).toMatchObject({ endReason: { kind: 'quota', resource: 'tokens' } })
})

type Item = OutputOf<SignalboxContract['process']['watch']>

it('watches: the whole first, then what changed and what went', async () => {
  const sessionId = await flow.begin(1)
  const controller = new AbortController()
  const items: Item[] = []
  const reading = (async () => {
    const context = { ...asOperator(), signal: controller.signal }
    const stream = flow.app.handlers.process.watch({ intervalMs: 1000 }, context)
    for await (const { item } of stream) items.push(contract.process.watch.output.parse(item))
  })()
  const next = async (count: number) => {
    await expect.poll(() => items.length).toBe(count)
    return items[count - 1] as Item
  }
  expect(await next(1)).toMatchObject({ isWhole: true, gone: [] })
  expect(items[0]?.changed).toHaveLength(3)
  flow.kernel.kernel.post(flow.pidOf(sessionId) as never, { hello: 1 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  flow.pass(1000)
  const second = await next(2)
  expect(second.isWhole).toBe(false)
  const own = second.changed.find((row) => row.pid === flow.pidOf(sessionId))
  expect(own?.reductionsPerSecond).toBeGreaterThan(0)
  await flow.app.handlers.process.kill({ pid: flow.pidOf(sessionId) }, asOperator())
  await flow.app.idle()
  flow.pass(1000)
  expect((await next(3)).gone).toEqual([flow.pidOf(sessionId), flow.pidOf(sessionId) + 1])
  controller.abort()
  await reading
})
