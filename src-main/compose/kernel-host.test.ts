import { afterEach, beforeEach, expect, it } from 'vitest'
import type { KernelNews } from '../app/effects/kernel-host.ts'
import { type RunningKernel, startKernel } from './kernel-host.ts'

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
