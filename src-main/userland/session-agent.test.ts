import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { runtimeDriver, type StartTurn } from '../drivers/runtime-driver.ts'
import type { ExitReason } from '../kernel/abi.ts'
import type { HostSpawn } from '../kernel/host.ts'
import type { HostEvent } from '../kernel/host-events.ts'
import type { Pid } from '../kernel/ids.ts'
import { Kernel } from '../kernel/kernel.ts'
import { fleetRoot } from './fleet-root.ts'
import { isEndRequest, sessionAgent } from './session-agent.ts'

/** A house on the real clock with one runtime; `mayEnd` is asked before a session ends. */
function house(startTurn: StartTurn, mayEnd: (owner: Pid) => boolean = () => true) {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  const facts: HostEvent[] = []
  kernel.subscribe((event) => facts.push(event))
  const serve: StartTurn = async (owner, request, signal) =>
    isEndRequest(request) ? { value: { mayEnd: mayEnd(owner) } } : startTurn(owner, request, signal)
  kernel.registerDriver(runtimeDriver('runtime:test', serve))
  kernel.registerAuthority('tool:shell')
  void kernel.boot(fleetRoot(), { grant: [], quota: {} })
  const ended = (pid: Pid): Promise<ExitReason> =>
    new Promise((resolve) => {
      const known = facts.find((fact) => fact.type === 'process.exited' && fact.pid === pid)
      if (known?.type === 'process.exited') return resolve(known.reason)
      kernel.subscribe((fact) => {
        if (fact.type === 'process.exited' && fact.pid === pid) resolve(fact.reason)
      })
    })
  const session = (spec: Partial<HostSpawn> = {}): Pid =>
    kernel.spawnHost({
      image: sessionAgent(),
      args: { runtime: 'runtime:test', prompt: 'first' },
      devices: ['runtime:test', 'tool:shell'],
      ...spec,
    }).pid
  return { kernel, facts, ended, session }
}

/** A turn that lasts until it is aborted. */
const endless: StartTurn = (_owner, _request, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))

test('turns run one after another while prompts wait, then the session ends normally', async () => {
  const turns: unknown[] = []
  const h = house(async (owner, request) => {
    turns.push(request)
    if (turns.length === 1) {
      h.kernel.post(owner, { $: 'prompt', prompt: 'second' })
      h.kernel.post(owner, { $: 'prompt', prompt: 'third' })
    }
    return { value: null, cost: { tokens: 5 } }
  })
  const pid = h.session({ quota: { tokens: 100 } })
  expect(await h.ended(pid)).toEqual({ kind: 'normal' })
  expect(turns).toEqual([
    { prompt: 'first', turn: 1 },
    { prompt: 'second', turn: 2 },
    { prompt: 'third', turn: 3 },
  ])
  const exit = h.facts.find((fact) => fact.type === 'process.exited')
  expect(exit).toMatchObject({ usage: { tokens: { spent: 15, limit: 100, available: 85 } } })
})

test('a prompt that comes when the session wants to end still has its turn', async () => {
  const turns: unknown[] = []
  let asked = 0
  const h = house(
    async (_owner, request) => {
      turns.push(request)
      return { value: null }
    },
    (owner) => {
      asked += 1
      return asked > 2 || !h.kernel.post(owner, { $: 'prompt', prompt: `late ${asked}` })
    },
  )
  expect(await h.ended(h.session())).toEqual({ kind: 'normal' })
  expect(turns).toEqual([
    { prompt: 'first', turn: 1 },
    { prompt: 'late 1', turn: 2 },
    { prompt: 'late 2', turn: 3 },
  ])
  expect(asked).toBe(3)
})

test('a tool call over budget in mid-turn ends the session and aborts its turn', async () => {
  let aborted = false
  const h = house(async (owner, _request, signal) => {
    signal.addEventListener('abort', () => (aborted = true))
    const door = h.kernel.door(owner)
    for (;;) {
      if (!door.open('tool:shell').ok || !door.charge({ toolCalls: 1 }, 'tool:shell').ok) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { value: null, cost: { tokens: 3 } }
  })
  const pid = h.session({ quota: { toolCalls: 3 } })
  expect(await h.ended(pid)).toEqual({ kind: 'quota', resource: 'toolCalls' })
  expect(aborted).toBe(true)
  const exceeded = h.facts.find((fact) => fact.type === 'budget.exceeded')
  expect(exceeded).toMatchObject({ pid, resource: 'toolCalls', isLate: false })
})

test('term during a turn ends the session with shutdown and aborts the turn at once', async () => {
  let aborted = 0
  const h = house((owner, request, signal) => {
    signal.addEventListener('abort', () => aborted++)
    return endless(owner, request, signal)
  })
  const pid = h.session()
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(h.kernel.term(pid)).toBe(true)
  expect(await h.ended(pid)).toEqual({ kind: 'shutdown' })
  expect(aborted).toBe(1)
})

test('wall time ends a blocked turn, and paused time does not count', async () => {
  const h = house(endless)
  const pid = h.session({ quota: { wallMs: 60 } })
  await new Promise((resolve) => setTimeout(resolve, 10))
  h.kernel.suspend(pid)
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(h.kernel.isAlive(pid)).toBe(true)
  h.kernel.resume(pid)
  expect(await h.ended(pid)).toEqual({ kind: 'quota', resource: 'wallMs' })
})

test('a failed turn is a fault with its message; a missing grant too', async () => {
  const h = house(() => Promise.reject(new Error('model is down')))
  expect(await h.ended(h.session())).toEqual({ kind: 'fault', error: 'model is down' })
  const ungranted = h.session({ devices: [] })
  expect(await h.ended(ungranted)).toEqual({ kind: 'fault', error: 'session was not granted runtime:test' })
})

test('shutdown ends the house without waiting out its grace', async () => {
  const h = house(endless)
  const pids = [h.session(), h.session()]
  await h.kernel.shutdown(1000)
  for (const pid of pids) expect(await h.ended(pid)).toEqual({ kind: 'shutdown' })
  expect(h.kernel.ps()).toEqual([])
})
