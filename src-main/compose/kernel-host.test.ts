import { afterEach, beforeEach, expect, it } from 'vitest'
import type { KernelNews } from '../app/effects/kernel-host.ts'
import { type RunningKernel, startKernel } from './kernel-host.ts'
import { pidOf } from './process-table.ts'

let running: RunningKernel
let news: KernelNews[]
beforeEach(() => {
  running = startKernel()
  news = []
  running.host.onNews((entry) => void news.push(entry))
})
afterEach(() => running.close())

/** The kernel may have ended the process, and so aborted the turn, while the turn was running. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve()),
  )

const unlimited = { tokens: null, usdNanos: null, toolCalls: null, wallMs: null }
const spec = (over: Partial<Parameters<RunningKernel['host']['spawn']>[0]> = {}) => ({
  sessionId: 'ses-test',
  runtime: 'scripted',
  budget: unlimited,
  devices: ['runtime:scripted', 'tool:shell'],
  priority: 0,
  prompts: [{ promptId: null, text: 'first' }],
  ...over,
})
const exitOf = (pid: number) => news.find((entry) => entry.type === 'exited' && entry.pid === pid)

it('takes the prompts one turn after another and exits normally', async () => {
  const turns: string[] = []
  running.serve(async (_pid, prompt) => void turns.push(prompt.text))
  const { pid } = running.host.spawn(
    spec({
      prompts: [
        { promptId: null, text: 'first' },
        { promptId: 'prm-a', text: 'second' },
      ],
    }),
  )
  await expect.poll(() => exitOf(pid)).toMatchObject({ reason: { kind: 'normal' } })
  expect(turns).toEqual(['first', 'second'])
})

it('ends with the message of a failed turn', async () => {
  running.serve(async () => {
    throw new Error('the agent crashed')
  })
  const { pid } = running.host.spawn(spec())
  await expect
    .poll(() => exitOf(pid))
    .toMatchObject({
      reason: { kind: 'fault', error: expect.stringContaining('the agent crashed') as string },
    })
})

it('ends a session in mid-turn when its tool calls are used up, and aborts the turn', async () => {
  let isAborted = false
  let paid = 0
  running.serve(async (pid, _prompt, signal) => {
    const door = running.host.door(pid)
    for (let call = 0; call < 5; call++) if (door.charge({ toolCalls: 1 })) paid++
    await untilAborted(signal)
    isAborted = true
  })
  const { pid } = running.host.spawn(spec({ budget: { ...unlimited, toolCalls: 3 } }))
  await expect.poll(() => exitOf(pid)).toMatchObject({ reason: { kind: 'quota', resource: 'toolCalls' } })
  await expect.poll(() => isAborted).toBe(true)
  expect(paid).toBe(3)
  expect(running.host.usage(pid).toolCalls).toBe(3)
  expect(news.find((entry) => entry.type === 'budget.exceeded')).toMatchObject({ resource: 'toolCalls' })
})

it('ends a session whose money or time is used up', async () => {
  running.serve(async (pid, prompt, signal) => {
    if (prompt.text === 'spend') running.host.door(pid).settle({ usdNanos: 2_000_000, tokens: 10 })
    await untilAborted(signal)
  })
  const money = running.host.spawn(
    spec({ budget: { ...unlimited, usdNanos: 1_000_000 }, prompts: [{ promptId: null, text: 'spend' }] }),
  )
  const time = running.host.spawn(spec({ budget: { ...unlimited, wallMs: 40 } }))
  await expect.poll(() => exitOf(money.pid)).toMatchObject({ reason: { kind: 'quota', resource: 'usd' } })
  await expect.poll(() => exitOf(time.pid)).toMatchObject({ reason: { kind: 'quota', resource: 'wallMs' } })
})

it('refuses what was not granted, and stands still while suspended', async () => {
  running.serve((_pid, _prompt, signal) => untilAborted(signal))
  const { pid } = running.host.spawn(spec({ budget: { ...unlimited, wallMs: 150 } }))
  const door = running.host.door(pid)
  expect(door.open('tool:shell').ok).toBe(true)
  expect(door.open('net:example.com:443')).toMatchObject({ ok: false, reason: 'no_device' })
  running.host.suspend(pid)
  await new Promise((resolve) => setTimeout(resolve, 250))
  expect(exitOf(pid)).toBeUndefined()
  running.host.resume(pid)
  running.host.term(pid)
  await expect.poll(() => exitOf(pid)).toMatchObject({ reason: { kind: 'shutdown' } })
})

it('the money of the fleet is carved for its sessions: nobody gets more than is left', async () => {
  running.serve((_pid, _prompt, signal) => untilAborted(signal))
  const { host, processes } = running
  const usdOf = async (pid: number) => {
    for await (const rows of processes.sample())
      for (const row of rows) if (row.pid === pid) return row.use.usdNanos
    return undefined
  }
  processes.setFleetAllowance(1000)
  const budget = { ...unlimited, usdNanos: 700 }
  const first = host.spawn(spec({ budget, sessionId: 'ses-first' }))
  const second = host.spawn(spec({ budget, sessionId: 'ses-second' }))
  expect(await usdOf(first.pid)).toEqual({ spent: 0, limit: 700, available: 700 })
  expect(await usdOf(second.pid)).toEqual({ spent: 0, limit: 300, available: 300 })
  expect((await usdOf(1))?.available).toBe(0)
  host.door(first.pid).settle({ usdNanos: 200 })
  host.kill(first.pid)
  expect(await usdOf(1)).toEqual({ spent: 200, limit: 1000, available: 500 })
  processes.setFleetAllowance(100)
  expect((await usdOf(1))?.available).toBe(0)
  expect((await usdOf(second.pid))?.available).toBe(300)
  host.door(second.pid).settle({ usdNanos: 301 })
  await expect.poll(() => exitOf(second.pid)).toMatchObject({ reason: { kind: 'quota', resource: 'usd' } })
  processes.setFleetAllowance(null)
  expect(await usdOf(1)).toEqual({ spent: 501, limit: null, available: null })
})

it('a prompt that was accepted has its turn, and one that was not has none, whenever it comes', async () => {
  const turns = new Map<number, string[]>()
  running.serve(async (pid, prompt) => {
    turns.set(pid, [...(turns.get(pid) ?? []), prompt.text])
    for (let step = 0; step < Number(prompt.text.slice(0, 1)); step++) await Promise.resolve()
  })
  let accepted = 0
  for (let round = 0; round < 400; round++) {
    const { pid } = running.host.spawn(
      spec({ sessionId: `ses-round${round}`, prompts: [{ promptId: null, text: '3' }] }),
    )
    const expected = ['3']
    // Each round asks at another moment of the process's end, in steps of a microtask, some also in the middle of a pause.
    for (let at = 0; exitOf(pid) === undefined && at < 400; at++) {
      if (at % 40 === round % 40) {
        const text = `${round % 7} at ${at}`
        if (running.host.prompt(pid, { promptId: `prm-${at}`, text })) expected.push(text)
      }
      if (round % 3 === 0 && at === round % 25) running.host.suspend(pid)
      if (round % 3 === 0 && at === (round % 25) + 13) running.host.resume(pid)
      if (at % 8 === 7) await new Promise<void>((resolve) => void setImmediate(resolve))
      else await Promise.resolve()
    }
    await expect.poll(() => exitOf(pid)).toMatchObject({ reason: { kind: 'normal' } })
    expect(turns.get(pid)).toEqual(expected)
    expect(running.host.prompt(pid, { promptId: 'prm-late', text: 'late' })).toBe(false)
    accepted += expected.length - 1
  }
  expect(accepted).toBeGreaterThan(50)
})

it('forgets what only ended sessions held: names and the root of the fleet stay as they were', async () => {
  running.serve(async () => {})
  const { kernel, host } = running
  const counts = () => [kernel.devices().length, kernel.caps(kernel.rootPid ?? pidOf(0)).length]
  const before = counts()
  for (let round = 0; round < 1000; round++) {
    const devices = ['runtime:scripted', 'tool:shell', `workarea:wka-${round}`, `net:host-${round}.example:*`]
    const { pid } = host.spawn(spec({ sessionId: `ses-round${round}`, devices }))
    kernel.narrow(pidOf(pid), `net:host-${round}.example:*`, { to: [`net:host-${round}.example:443`] })
    if (round % 10 === 0) host.kill(pid)
    if (round % 50 === 49) await expect.poll(() => exitOf(pid)).toBeDefined()
  }
  await expect.poll(counts).toEqual([before[0], expect.any(Number) as number])
  // The runtime's device has a driver and stays, and with it the root's own capability.
  expect(counts()[1]).toBeLessThanOrEqual((before[1] ?? 0) + 1)
  expect(kernel.devices().filter((name) => !name.startsWith('runtime:'))).toEqual([])
})

it('keeps a name as long as one session holds it, and gives it again to the next', async () => {
  running.serve((_pid, _prompt, signal) => untilAborted(signal))
  const { kernel, host } = running
  const devices = ['runtime:scripted', 'tool:shell']
  const [first, second] = [
    host.spawn(spec({ devices })),
    host.spawn(spec({ devices, sessionId: 'ses-second' })),
  ]
  host.kill(first.pid)
  await new Promise<void>((resolve) => void setImmediate(resolve))
  expect(host.door(second.pid).open('tool:shell').ok).toBe(true)
  host.kill(second.pid)
  await expect.poll(() => kernel.devices()).not.toContain('tool:shell')
  const third = host.spawn(spec({ devices, sessionId: 'ses-third' }))
  expect(host.door(third.pid).open('tool:shell').ok).toBe(true)
})

it('parts of a session end with it, and belong to it until then', async () => {
  running.serve((_pid, _prompt, signal) => untilAborted(signal))
  const { pid } = running.host.spawn(spec({ sessionId: 'ses-parted' }))
  const part = running.host.parts.spawn(pid, 'node') ?? 0
  expect(running.processes.find(part)).toEqual({ kind: 'part', sessionId: 'ses-parted' })
  running.host.suspend(pid)
  running.host.resume(pid)
  expect(news.filter((one) => one.type === 'suspended' || one.type === 'resumed')).toEqual([
    { type: 'suspended', pid },
    { type: 'suspended', pid: part },
    { type: 'resumed', pid },
    { type: 'resumed', pid: part },
  ])
  running.host.kill(pid)
  await expect.poll(() => exitOf(part)).toMatchObject({ reason: { kind: 'shutdown' } })
  expect(running.processes.find(part)).toBeUndefined()
})
