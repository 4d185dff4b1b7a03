import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Driver, KernelConfig, ProcessImage, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef, Pid } from './ids.ts'
import {
  type EndRecord,
  eventsFromStore,
  journalFromStore,
  MemoryStore,
  type StoreRecord,
} from './journal.ts'
import { Kernel } from './kernel.ts'
import { image } from './test-kernel.ts'

/** Opens the devices that a root was granted. */
async function openAll(sys: Sys): Promise<Record<string, CapRef>> {
  const { body } = await sys.recv<BootGrant>()
  const handles: Record<string, CapRef> = {}
  for (const [name, cap] of Object.entries(body.devices)) handles[name] = await sys.open(cap)
  return handles
}

/** A driver that counts what it is asked. */
function countingDriver(
  name: string,
  answer: (request: unknown, clock: VirtualClock) => Promise<unknown>,
  clock: VirtualClock,
) {
  const calls: unknown[] = []
  const driver: Driver = {
    name,
    open() {
      calls.push('open')
      return {
        read: async (request) => {
          calls.push(request)
          return { value: await answer(request, clock), cost: { tokens: 3, usd: 0.001 } }
        },
        write: async (data) => {
          calls.push(data)
          return { value: undefined, cost: { toolCalls: 1 } }
        },
      }
    },
  }
  return { driver, calls }
}

interface Run {
  readonly kernel: Kernel
  readonly store: MemoryStore
}

function recorded(
  drivers: (clock: VirtualClock) => readonly Driver[],
  config: Partial<KernelConfig> = {},
): Run {
  const clock = new VirtualClock()
  const store = new MemoryStore()
  const kernel = new Kernel({ clock, powers: nodePowers(), mode: 'record', store, ...config })
  for (const driver of drivers(clock)) kernel.registerDriver(driver)
  return { kernel, store }
}

const replayOf = (
  records: readonly StoreRecord[],
  options: Parameters<typeof Kernel.replayFrom>[1] | object = {},
) => {
  const store = new MemoryStore()
  for (const record of records) store.append(record)
  return Kernel.replayFrom(store, { powers: nodePowers(), ...options })
}

const dialogue: ProcessImage = image('dialogue', async (sys) => {
  const { llm = '' as CapRef } = await openAll(sys)
  const helper = image('helper', async (inner, args) => {
    const { body, caps } = await inner.recv<unknown>()
    inner.log('info', 'helper', { body, args })
    const answer = await inner.read(caps[0] as CapRef, { ask: args })
    await inner.sleep(5)
    inner.log('info', 'answer', { answer })
  })
  const { cap } = await sys.spawn(helper, { args: { n: 1 }, caps: [llm], link: true })
  const all = sys.readAll(llm, [{ q: 1 }, { q: 2 }, { q: 3 }])
  const one = sys.read(llm, { q: 'x' })
  await sys.sleep(2)
  sys.log('info', 'slept')
  sys.log('info', 'all', { all: await all, one: await one })
  await sys.write(llm, new Map([['k', new Uint8Array([1, 2])]]))
  sys.log('info', 'ended', { reason: await sys.waitpid(cap) })
})

const slow = (clock: VirtualClock) => {
  const { driver } = countingDriver(
    'llm',
    async (request, time) => {
      const { q } = request as { q?: number }
      if (q === 2) await time.delay(7)
      if (q === 3) await new Promise((resolve) => setTimeout(resolve, 3))
      if (q === 1) throw Object.assign(new Error('no such luck'), { cost: { tokens: 1 } })
      return { got: request, at: time.now() }
    },
    clock,
  )
  return [driver]
}

const caught: ProcessImage = image('caught', async (sys) => {
  const { llm = '' as CapRef } = await openAll(sys)
  const asked = [1, 2, 3, 4].map((q) => sys.read(llm, { q }).catch((error: { code: string }) => error.code))
  sys.log('info', 'answers', { answers: await Promise.all(asked), budget: sys.budget() })
})

test.each([dialogue, caught])('a replay of $name logs the same events and calls no driver', async (body) => {
  const { kernel, store } = recorded(slow)
  const boot = { grant: ['llm'], quota: { tokens: 1000, usd: 5, toolCalls: 9 } }
  const reason = await kernel.boot(body, boot)
  const again = replayOf(store.records)
  expect(await again.boot(body, boot)).toEqual(reason)
  await again.replayed()
  expect(again.events()).toEqual(kernel.events())
  expect(again.devices()).toEqual(['llm'])
  expect(eventsFromStore(store)).toEqual(kernel.events())
})

test('a quota kill happens again at the same operation', async () => {
  const { kernel, store } = recorded(slow)
  const boot = { grant: ['llm'], quota: { tokens: 7 } }
  const body = image('spender', async (sys) => {
    const { llm = '' as CapRef } = await openAll(sys)
    for (let q = 10; ; q++) await sys.read(llm, { q })
  })
  expect(await kernel.boot(body, boot)).toEqual({ kind: 'quota', resource: 'tokens' })
  const again = replayOf(store.records)
  expect(await again.boot(body, boot)).toEqual({ kind: 'quota', resource: 'tokens' })
  expect(again.events()).toEqual(kernel.events())
})

test('any other request is a divergence, at that operation', async () => {
  const { kernel, store } = recorded(slow)
  const boot = { grant: ['llm'], quota: {} }
  const asking = (third: unknown) =>
    image('asking', async (sys) => {
      const { llm = '' as CapRef } = await openAll(sys)
      for (const q of [4, 5, third, 7]) await sys.read(llm, { q })
    })
  await kernel.boot(asking(6), boot)
  const again = replayOf(store.records)
  await expect(again.boot(asking('six'), boot)).rejects.toMatchObject({ code: 'EDIVERGE', pid: 1, n: 4 })
  await expect(again.replayed()).rejects.toMatchObject({ code: 'EDIVERGE' })
  expect(again.events().at(-1)?.ev).toMatchObject({ kind: 'replay.diverge', n: 4 })
  expect(again.metricsText()).toContain('signalbox_kernel_replay_divergences_total 1')
})

test('an operation too many, one too few, and another boot are divergences', async () => {
  const { kernel, store } = recorded(slow)
  const boot = { grant: ['llm'], quota: {} }
  const counting = (count: number) =>
    image('counting', async (sys) => {
      const { llm = '' as CapRef } = await openAll(sys)
      for (let q = 10; q < 10 + count; q++) await sys.read(llm, { q })
    })
  await kernel.boot(counting(3), boot)
  const failure = (body: ProcessImage, options = boot) =>
    replayOf(store.records)
      .boot(body, options)
      .catch((error) => error)
  expect(await failure(counting(4))).toMatchObject({ code: 'EDIVERGE', pid: 1, n: 5, expected: 'nothing' })
  expect(await failure(counting(2))).toMatchObject({ code: 'EDIVERGE', pid: 1, n: 4, actual: 'exit' })
  const richer = { ...boot, quota: { tokens: 1 } }
  expect(await failure(counting(3), richer)).toMatchObject({ code: 'EDIVERGE', pid: 0 })
  expect(await failure({ ...counting(3), name: 'other' })).toMatchObject({ code: 'EDIVERGE', pid: 0 })
})

test('calls of the host are part of the journal', async () => {
  const clock = new VirtualClock()
  const { kernel, store } = recorded(slow, { clock })
  const root = image('root', async (sys) => {
    for (;;) {
      const { body } = await sys.recv<{ $: string }>()
      sys.log('info', 'got', { body })
      if (body.$ === 'end') return
    }
  })
  const worker = image('worker', async (sys) => {
    const { body } = await sys.recv<BootGrant>()
    const handle = await sys.open(body.devices.llm as CapRef)
    for (let i = 0; ; i++) {
      sys.log('info', 'read', { value: await sys.read(handle, { q: 4 }), i })
      sys.log('info', 'told', { body: (await sys.recv()).body })
    }
  })
  const ended = kernel.boot(root, { grant: [], quota: { tokens: 100 } })
  const { pid } = kernel.spawnHost({ image: worker, devices: ['llm'], quota: { tokens: 20 } })
  for (const step of [
    () => kernel.post(pid, { n: 1 }),
    () => kernel.suspend(pid),
    () => kernel.post(pid, { n: 2n }),
    () => kernel.resume(pid),
    () => kernel.changeBudget(pid, { tokens: 50 }),
    () => kernel.setPriority(pid, 3),
    () => kernel.registerAuthority('tool:x'),
    () => kernel.grant(pid, 'tool:x'),
    () => kernel.revokeDevice(pid, 'tool:x'),
    () => kernel.signal(pid),
    () => kernel.term(1 as Pid),
    () => kernel.post(1 as Pid, { $: 'end' }),
  ]) {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    step()
  }
  await ended
  const again = replayOf(store.records, { images: { worker } })
  await again.boot(root, { grant: [], quota: { tokens: 100 } })
  expect(again.events()).toEqual(kernel.events())
  expect(() => again.post(pid, 'x')).toThrow('takes its calls from the journal')
})

test('under real time every look at the clock and every timer is journaled', async () => {
  const store = new MemoryStore()
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers(), mode: 'record', store })
  const body = image('sleeper', async (sys) => {
    await sys.recv()
    const started = sys.now()
    const child = image('child', async (inner) => {
      for (let i = 0; i < 5; i++) {
        await inner.sleep(3)
        inner.log('info', 'child', { at: inner.now() - started })
      }
    })
    const { cap } = await sys.spawn(child, { deadline: 1000 })
    const late = await sys.recv({ timeoutMs: 7 }).catch((error: { code: string }) => error.code)
    sys.log('info', 'late', { late, at: sys.now() })
    await sys.waitpid(cap)
  })
  await kernel.boot(body, { grant: [], quota: { wallMs: 5000 } })
  expect(
    journalFromStore(store).script.filter((item) => item.type === 'io' && item.kind === 'timer'),
  ).toHaveLength(6)
  let quickestMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const again = replayOf(store.records)
    const startedMs = performance.now()
    await again.boot(body, { grant: [], quota: { wallMs: 5000 } })
    quickestMs = Math.min(quickestMs, performance.now() - startedMs)
    expect(again.events()).toEqual(kernel.events())
  }
  // It slept for 15 ms when it was recorded.
  expect(quickestMs).toBeLessThan(10)
})

test('large values are stored once', async () => {
  const big = 'x'.repeat(10_000)
  const { kernel, store } = recorded(() => [
    { name: 'big', open: () => ({ read: () => ({ value: { big } }) }) },
  ])
  const body = image('reader', async (sys) => {
    const { big: handle = '' as CapRef } = await openAll(sys)
    for (let i = 0; i < 3; i++)
      sys.log('info', 'size', { size: (await sys.read<{ big: string }>(handle)).big.length })
  })
  const boot = { grant: ['big'], quota: {} }
  await kernel.boot(body, boot)
  const reads = store.records.filter(
    (record): record is EndRecord => record.type === 'io' && record.kind === 'read',
  )
  expect(reads.map(({ outcome }) => Object.keys(outcome))).toEqual([['value', 'sha'], ['same'], ['same']])
  const again = replayOf(store.records)
  await again.boot(body, boot)
  expect(again.events()).toEqual(kernel.events())
})
