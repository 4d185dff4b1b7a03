import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Driver, ProcessImage } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef, Pid } from './ids.ts'
import { eventsFromStore, journalFromStore, MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image, settled } from './test-kernel.ts'

const secret = 'hunter2-"\u00e4"'
const redact = (text: string): string => text.replaceAll(secret, '[redacted]')

/** A driver with a secret of its own. */
const vault: Driver = {
  name: 'vault',
  open: () => ({
    read: async (request) => {
      if ((request as { q?: string }).q === 'fail') throw new Error(`no ${secret}`)
      return { value: { token: `Bearer ${secret}`, echo: request } }
    },
  }),
}

test('secrets are in no record, and what is made of them replays all the same', async () => {
  const store = new MemoryStore()
  const kernel = new Kernel({
    clock: new VirtualClock(),
    powers: nodePowers(),
    mode: 'record',
    store,
    redact,
  })
  kernel.registerDriver(vault)
  const seen: unknown[] = []
  const body = image('reader', async (sys, args) => {
    const { body } = await sys.recv<BootGrant>()
    const handle = await sys.open(body.devices.vault as CapRef)
    const { token } = await sys.read<{ token: string }>(handle, {
      q: 'x',
      password: (args as { key: string }).key,
    })
    seen.push(token)
    sys.log('info', `token ${token}`, { [token]: new Map([[token, [token]]]) })
    await sys.read(handle, { headers: { authorization: token } })
    throw await sys.read(handle, { q: 'fail' }).catch((error: Error) => error)
  })
  const boot = { grant: ['vault'], quota: {}, args: { key: secret } }
  const reason = await kernel.boot(body, boot)
  expect(reason).toEqual({ kind: 'fault', error: `no ${secret}` })
  const text = JSON.stringify(store.records)
  expect(text).not.toContain('hunter2')
  expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThan(5)
  const again = Kernel.replayFrom(store, { powers: nodePowers(), redact })
  expect(await again.boot(body, boot)).toEqual({ kind: 'fault', error: 'no [redacted]' })
  expect(seen).toEqual([`Bearer ${secret}`, 'Bearer [redacted]'])
})

test('the side channels of a model call are in no hash, and a replay tells the whole text at once', async () => {
  const store = new MemoryStore()
  const llm: Driver = {
    name: 'llm',
    open: () => ({
      async read(request) {
        const { onDelta } = request as { onDelta: (text: string) => void }
        for (const part of ['one ', 'two ', 'three']) onDelta(part)
        return { value: { text: 'one two three' } }
      },
    }),
  }
  const told: string[] = []
  const body = image('talker', async (sys) => {
    const { body } = await sys.recv<BootGrant>()
    const handle = await sys.open(body.devices.llm as CapRef)
    const { signal } = new AbortController()
    await sys.read(handle, { messages: [], signal, onDelta: (text: string) => told.push(text) })
  })
  const kernel = new Kernel({ clock: new VirtualClock(), powers: nodePowers(), mode: 'record', store })
  kernel.registerDriver(llm)
  const boot = { grant: ['llm'], quota: {} }
  await kernel.boot(body, boot)
  expect(told).toEqual(['one ', 'two ', 'three'])
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  await again.boot(body, boot)
  expect(told).toEqual(['one ', 'two ', 'three', 'one two three'])
})

const idle: ProcessImage = image('fleet', async (sys) => {
  for (;;) await sys.recv()
})

/** A session with a child, that answers prompts by asking its vault. */
const session: ProcessImage = image('session', async (sys) => {
  const { body } = await sys.recv<BootGrant>()
  const handle = await sys.open(body.devices.vault as CapRef)
  const child = image('part', async (inner) => {
    const { caps } = await inner.recv()
    await inner.read(caps[0] as CapRef, { q: 'from the child', at: inner.now() > 0 })
  })
  const { cap } = await sys.spawn(child, { caps: [handle] })
  await sys.waitpid(cap)
  for (let turn = 0; turn < 3; turn++) {
    const prompt = await sys.recv({ timeoutMs: 5000 })
    await sys.sleep(2)
    sys.log('info', 'turn', { turn, answer: await sys.read(handle, { prompt: prompt.body }) })
  }
})

test('one tree of a live kernel is recorded until its root ends, and replays alone', async () => {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  kernel.registerDriver(vault)
  void kernel.boot(idle, { grant: [], quota: {} })
  const spec = { image: session, devices: ['vault'], quota: { toolCalls: 50, wallMs: 60_000 } }
  const [other, recorded] = [kernel.spawnHost(spec).pid, kernel.spawnHost(spec).pid]
  const store = new MemoryStore()
  const ended = new Promise((resolve) => kernel.record(recorded, { store, redact, onEnd: resolve }))
  expect(() => kernel.record(recorded, { store })).toThrow(expect.objectContaining({ code: 'EEXIST' }))
  expect(() => kernel.record(99 as Pid, { store })).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  for (let turn = 0; turn < 3; turn++) {
    kernel.post(other, { $: 'prompt', turn })
    kernel.post(recorded, { $: 'prompt', turn, secret })
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(await ended).toEqual({ reason: { kind: 'normal' } })
  expect(store.isClosed).toBe(true)
  expect(JSON.stringify(store.records)).not.toContain('hunter2')
  const { header, operations } = journalFromStore(store)
  expect(header.root).toBe(recorded)
  expect([...operations.keys()]).toHaveLength(2)
  expect(operations.has(other)).toBe(false)
  const logged = eventsFromStore(store).filter(({ ev }) => ev.kind !== 'syscall')
  expect(logged.at(-1)).toMatchObject({ pid: recorded, ev: { kind: 'exit' } })
  const again = Kernel.replayFrom(store, { powers: nodePowers(), redact })
  expect(await again.boot(session, { grant: [], quota: {} })).toEqual({ kind: 'normal' })
  const told = (from: readonly { pid?: Pid; ev: { kind: string } }[]) =>
    from
      .filter(({ ev }) => ['log', 'exit', 'io', 'recv', 'open', 'close', 'park'].includes(ev.kind))
      .map(({ pid, ev }) => ({ pid, ev }))
  expect(told(again.events())).toEqual(told(logged))
  await kernel.shutdown(0)
})

test('what a door does for a recorded process is in its recording, also what came to an end after it', async () => {
  const kernel = new Kernel({ clock: new VirtualClock(), powers: nodePowers() })
  for (const name of ['model:a', 'model:b']) kernel.registerAuthority(name)
  void kernel.boot(idle, { grant: [], quota: {} })
  const { pid } = kernel.spawnHost({ image: idle, devices: ['model:a', 'model:b'], quota: { tokens: 100 } })
  const store = new MemoryStore()
  kernel.record(pid, { store, redact })
  const ask = (device: string, request: unknown, answer: { value: unknown } | { error: string }): void => {
    const begun = kernel.door(pid).begin(device, { what: 'chat', request }, { tokens: 1 })
    if (!begun.ok) throw new Error(begun.reason)
    begun.operation.finish({ tokens: 7, usdNanos: 5 }, answer)
  }
  const big = { text: 'y'.repeat(9000) }
  ask('model:a', { prompt: 1 }, { value: { text: secret } })
  ask('model:b', { prompt: 1 }, { error: `upstream said ${secret}` })
  ask('model:a', { prompt: 2 }, { value: big })
  ask('model:a', { prompt: 2 }, { value: big })
  const late = kernel.door(pid).begin('model:a', { what: 'chat', request: { prompt: 3 } }, { tokens: 1 })
  kernel.signal(pid)
  await settled()
  expect(store.isClosed, 'what an ended process still waits for belongs to it').toBe(false)
  if (late.ok) late.operation.finish({ tokens: 3 }, { value: 'after the end' })
  expect(store.isClosed).toBe(true)
  expect(JSON.stringify(store.records)).not.toContain('hunter2')
  const told = journalFromStore(store).doors.map(({ begin, end }) => [
    begin.driver,
    end?.outcome,
    end?.cost.amounts,
  ])
  const text = { value: JSON.stringify({ text: '[redacted]' }) }
  expect(told).toEqual([
    ['model:a', text, [0, 7, 5, 0, 0]],
    ['model:b', { code: 'EDRIVER', message: 'upstream said [redacted]' }, [0, 7, 5, 0, 0]],
    ['model:a', { value: JSON.stringify(big), sha: expect.any(String) as string }, [0, 7, 5, 0, 0]],
    ['model:a', { same: expect.any(String) as string }, [0, 7, 5, 0, 0]],
    ['model:a', { value: '"after the end"' }, [0, 3, 0, 0, 0]],
  ])
})

test('a store that fails ends a recording, not the session', async () => {
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers() })
  kernel.registerDriver(vault)
  void kernel.boot(idle, { grant: [], quota: {} })
  const { pid } = kernel.spawnHost({ image: session, devices: ['vault'] })
  let left = 12
  class Full extends MemoryStore {
    override append(record: Parameters<MemoryStore['append']>[0]): void {
      if (--left < 0) throw new Error('no space')
      super.append(record)
    }
  }
  const store = new Full()
  const ended: unknown[] = []
  kernel.record(pid, { store, onEnd: (end) => ended.push(end) })
  for (let turn = 0; turn < 3; turn++) kernel.post(pid, { turn })
  await expect.poll(() => kernel.isAlive(pid)).toBe(false)
  expect(ended).toEqual([{ error: expect.objectContaining({ message: 'journal: no space' }) }])
  expect(store.isClosed).toBe(true)
  expect(kernel.events().filter(({ ev }) => ev.kind === 'log')).toHaveLength(3)
  await kernel.shutdown(0)
})
