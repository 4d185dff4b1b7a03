import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Driver, KernelConfig, ProcessImage } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef, SegId } from './ids.ts'
import {
  type BeginRecord,
  type EndRecord,
  type HeaderRecord,
  journalFromStore,
  MemoryStore,
  type StoreRecord,
} from './journal.ts'
import { Kernel } from './kernel.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

/** Section 11: what a journal says, what it leaves out, and what is no journal. */

const answers: Driver = {
  name: 'dev',
  open: () => ({
    async read(request) {
      if (request === 'bad') throw Object.assign(new Error('bad'), { cost: { tokens: 1 } })
      return { value: { echo: request }, cost: { tokens: 2, toolCalls: 1, usd: 0.5, reductions: 30 } }
    },
    write: () => ({ value: undefined, cost: { tokens: 4, reductions: 40, estimated: true } }),
  }),
}

async function recorded(
  body: ProcessImage,
  config: Partial<KernelConfig> = {},
): Promise<{ kernel: Kernel; records: readonly StoreRecord[] }> {
  const store = new MemoryStore()
  const clock = new VirtualClock()
  const kernel = new Kernel({ clock, powers: nodePowers(), mode: 'record', store, ...config })
  kernel.registerDriver(answers)
  await kernel.boot(body, boot)
  return { kernel, records: store.records }
}

const boot = { grant: ['dev'], quota: { tokens: 1000 } }

const busy = image('busy', async (sys) => {
  const { devices } = (await sys.recv<BootGrant>()).body
  const handle = await sys.open(devices.dev!)
  const child = image('child', async (inner) => {
    await inner.write((await inner.recv()).caps[0]!, { down: 1 })
  })
  await sys.waitpid((await sys.spawn(child, { caps: [handle] })).cap)
  await Promise.all([sys.read(handle, 1), sys.read(handle, 'bad').catch(() => undefined)])
})

const begins = (records: readonly StoreRecord[]): BeginRecord[] =>
  records.flatMap((one) => (one.type === 'io.begin' ? [one] : []))
const ends = (records: readonly StoreRecord[]): EndRecord[] =>
  records.flatMap((one) => (one.type === 'io' ? [one] : []))

test('an operation is numbered within its process, an end within the journal, and told with all that it came to', async () => {
  const { records } = await recorded(busy)
  const hash = expect.stringMatching(/^[0-9a-f]{64}$/) as string
  const told = [
    { pid: 1, n: 1, kind: 'open', driver: 'dev', hash },
    { pid: 2, n: 1, kind: 'write', driver: 'dev', hash },
    { pid: 1, n: 2, kind: 'read', driver: 'dev', hash },
    { pid: 1, n: 3, kind: 'read', driver: 'dev', hash },
  ]
  expect(begins(records)).toMatchObject(told.map((one) => ({ type: 'io.begin', ...one })))
  const costs = [
    { amounts: [0, 0, 0, 0, 0], reductions: 0 },
    { amounts: [0, 4, 0, 0, 0], reductions: 40, isEstimated: true },
    { amounts: [1, 2, 500_000_000, 0, 0], reductions: 30 },
    { amounts: [0, 1, 0, 0, 0], reductions: 0 },
  ]
  const outcomes = [
    { value: expect.any(String) as string },
    { value: expect.any(String) as string },
    { value: '{"echo":1}' },
    { code: 'EDRIVER', message: 'bad' },
  ]
  expect(ends(records)).toMatchObject(
    told.map((one, at) => ({ ...one, comp: at + 1, cost: costs[at], outcome: outcomes[at] })),
  )
  const places = ends(records).map(({ dispatch }) => dispatch)
  expect(places).toEqual([...places].sort((a, b) => a - b))
  // Before the driver is asked, so that a crash leaves a begin without an end.
  for (const { pid, n, seq } of begins(records))
    expect(ends(records).find((one) => one.pid === pid && one.n === n)?.seq).toBeGreaterThan(seq)
})

test('messages, scheduling and capabilities are not in it: they follow from what is', async () => {
  const { records } = await recorded(
    image('talk', async (sys) => {
      await sys.recv()
      const self = sys.selfCap()
      const { cap } = await sys.spawn(image('kid', async (inner) => void (await inner.recv())))
      await sys.send(cap, 'secret', { caps: [sys.derive(self, ['send'])] })
      await sys.waitpid(cap)
      await sys.sleep(5)
      for (let n = 0; n < 100; n++) await sys.yield()
    }),
  )
  expect(new Set(records.map(({ type }) => type))).toEqual(new Set(['header', 'event']))
  expect(JSON.stringify(records)).not.toContain('"secret"')
})

test('the header has what a run starts from; without a seed, one of its own that nobody can guess', async () => {
  const quiet = image('quiet', async () => undefined)
  const headerOf = async (config: Partial<KernelConfig> = {}): Promise<HeaderRecord> => {
    const { records } = await recorded(quiet, config)
    const [first] = records
    if (first?.type !== 'header') throw new Error('no header')
    return first
  }
  const header = await headerOf({ quantum: 7, capGatedSpawn: true, limits: { agingRounds: 3 } })
  expect(header).toMatchObject({ seq: 1, abi: 1, clock: 'virtual', at: 0, usPerReduction: 0, quantum: 7 })
  expect(header).toMatchObject({ agingRounds: 3, isSpawnGated: true })
  expect(JSON.parse(header.boot ?? '')).toMatchObject({ image: 'quiet', grant: ['dev'] })
  const seeds = [header.seed, (await headerOf()).seed, (await headerOf({ seed: '5e'.repeat(32) })).seed]
  expect(seeds[0]).toMatch(/^[0-9a-f]{64}$/)
  expect(seeds[1]).not.toBe(seeds[0])
  expect(seeds[2]).toBe('5e'.repeat(32))
})

test('references are the recorded ones in a replay, and those of no other run', async () => {
  const seen: CapRef[] = []
  const body = image('refs', async (sys) => {
    await sys.recv()
    seen.push(sys.selfCap(), sys.selfCap())
  })
  const { records } = await recorded(body)
  const store = new MemoryStore()
  for (const one of records) store.append(one)
  await Kernel.replayFrom(store, { powers: nodePowers() }).boot(body, boot)
  await recorded(body)
  expect(seen.slice(2, 4)).toEqual(seen.slice(0, 2))
  expect(new Set(seen).size).toBe(4)
})

test('a replay spends what was recorded, reductions as well: the quantum ends where it did', async () => {
  const body = image('spender', async (sys) => {
    const { devices } = (await sys.recv<BootGrant>()).body
    const handle = await sys.open(devices.dev!)
    for (let n = 0; n < 3; n++) await sys.read(handle, n)
    // Answered at once, so that nothing but reductions ends the quantum.
    for (let n = 0; n < 9; n++) await sys.write(handle, n)
    sys.log('info', 'left', { left: sys.budget() })
  })
  const { kernel, records } = await recorded(body)
  const store = new MemoryStore()
  for (const one of records) store.append(one)
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  await again.boot(body, boot)
  expect(again.events()).toEqual(kernel.events())
  const counts = (from: Kernel, name: string) =>
    from.metrics().filter((one) => one.name === `signalbox_kernel_${name}`)
  for (const name of ['tokens_total', 'tool_calls_total', 'cost_usd_total', 'quantum_expirations_total'])
    expect(counts(again, name)).toEqual(counts(kernel, name))
  expect(counts(kernel, 'quantum_expirations_total')[0]?.value).toBeGreaterThan(2)
})

test('a replay schedules by the journal’s own settings, whatever it is configured with', async () => {
  const body = image('racers', async (sys) => {
    const racer = image('racer', async (inner, args) => {
      for (let n = 0; n < 30; n++) {
        await inner.yield()
        inner.log('debug', `${args} ${n}`)
      }
    })
    const racers: CapRef[] = []
    for (const priority of [5, 0, -5]) racers.push((await sys.spawn(racer, { args: priority, priority })).cap)
    for (const one of racers) await sys.waitpid(one)
  })
  const { kernel, records } = await recorded(body, { quantum: 3, limits: { agingRounds: 2 } })
  const { kernel: plain } = await recorded(body)
  const said = (from: Kernel) => from.events().flatMap(({ ev }) => (ev.kind === 'log' ? [ev.message] : []))
  expect(said(plain)).not.toEqual(said(kernel))
  const store = new MemoryStore()
  for (const one of records) store.append(one)
  const again = Kernel.replayFrom(store, { powers: nodePowers(), limits: { agingRounds: 50 } })
  await again.boot(body, boot)
  expect(again.events()).toEqual(kernel.events())
})

test('names, words and faults are redacted as well, with and without fields', async () => {
  const { records } = await recorded(
    image('namer', async (sys) => {
      await sys.recv()
      sys.register('key hunter2')
      sys.log('info', 'said hunter2')
      sys.onCleanup(() => {
        throw new Error('cleaned hunter2')
      })
    }),
    { redact: (text) => text.replaceAll('hunter2', '***') },
  )
  expect(JSON.stringify(records)).not.toContain('hunter2')
  for (const what of ['key', 'said', 'cleaned']) expect(JSON.stringify(records)).toContain(`${what} ***`)
})

test.each<[string, string, (records: StoreRecord[]) => unknown]>([
  ['EINVAL', 'nothing', (all) => all.splice(0)],
  ['EINVAL', 'one without a header', (all) => all.shift()],
  ['EINVAL', 'two headers', (all) => all.splice(1, 0, structuredClone(all[0]!))],
  ['EINVAL', 'a gap in the numbers', (all) => all.splice(3, 1)],
  ['EINVAL', 'a record twice', (all) => all.splice(3, 0, structuredClone(all[3]!))],
  ['EINVAL', 'completions out of order', (all) => Object.assign(ends(all)[1]!, { comp: 7 })],
  [
    'EINVAL',
    'a completion left out',
    (all) => ends(all).map((one) => Object.assign(one, { comp: one.comp + 1 })),
  ],
  ['EINVAL', 'an operation left out', (all) => Object.assign(begins(all)[2]!, { n: 4 })],
  ['EINVAL', 'an operation twice', (all) => Object.assign(begins(all)[3]!, { n: 2 })],
  ['EINVAL', 'an end without a begin', (all) => Object.assign(ends(all)[1]!, { pid: 9 })],
  ['EINVAL', 'an end twice', (all) => Object.assign(ends(all)[3]!, { n: 2 })],
  ['EINVAL', 'the end of a door that began nothing', (all) => Object.assign(ends(all)[1]!, { isDoor: true })],
  ['EABI', 'another ABI', (all) => Object.assign(all[0]!, { abi: 2 })],
])('%s: no journal is %s', async (code, what, spoil) => {
  const { records } = await recorded(busy)
  const spoilt = structuredClone(records) as StoreRecord[]
  spoil(spoilt)
  const isPlaceOnly = what.includes('gap') || what.includes('record twice')
  if (!isPlaceOnly) for (const [at, one] of spoilt.entries()) Object.assign(one, { seq: at + 1 })
  const read = () => journalFromStore({ read: () => spoilt })
  expect(read).toThrow(expect.objectContaining({ code }))
  const store = new MemoryStore()
  for (const one of spoilt) store.append(one)
  expect(() => Kernel.replayFrom(store, { powers: nodePowers() })).toThrow(expect.objectContaining({ code }))
})

test.each(['pager', 'recaller'] as const)('virtual time waits for a %s', async (who) => {
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), 20))
  const t = testKernel(
    who === 'pager'
      ? { pager: { pageOut: (resident) => later({ evict: resident.map(({ id }) => id) }) } }
      : { recaller: { rank: (_query, segments) => later(segments.map(({ id }) => ({ id, score: 1 }))) } },
  )
  await runRoot(t, async (sys) => {
    const mind = image('mind', async (inner) => {
      const id: SegId = await inner.remember('one', { tokens: 8 })
      await inner.remember('two', { tokens: 8 })
      if (who === 'recaller') expect((await inner.recall('one', 1))[0]?.id).toBe(id)
      inner.log('info', 'done', { at: inner.now() })
    })
    await sys.spawn(mind, { quota: { mem: 10 } })
    await sys.sleep(3)
  })
  const done = t.kernel.events().flatMap(({ ev }) => (ev.kind === 'log' ? [ev.fields] : []))
  expect(done).toEqual([{ at: 0 }])
})

/** What a replay of spoilt records comes to. */
async function failureOf(records: readonly StoreRecord[], body: ProcessImage) {
  const store = new MemoryStore()
  for (const one of records) store.append(one)
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  const failure: unknown = await again.boot(body, boot).catch((error: unknown) => error)
  await again.shutdown(0)
  const said = again.events().filter(({ ev }) => ev.kind === 'replay.diverge')
  return { failure, said: said.map(({ pid, ev }) => ({ pid, ...ev })) }
}

test('a divergence stops the kernel once, says where and what, and asks nobody', async () => {
  const { records } = await recorded(busy)
  const spoilt = structuredClone(records) as StoreRecord[]
  const third = begins(spoilt)[2]!
  const expected = `read dev ${third.hash.replace(/^./, 'x').slice(0, 16)}`
  const actual = `read dev ${third.hash.slice(0, 16)}`
  Object.assign(third, { hash: third.hash.replace(/^./, 'x') })
  const { failure, said } = await failureOf(spoilt, busy)
  expect(failure).toMatchObject({ code: 'EDIVERGE', pid: 1, n: 2, expected, actual })
  // Its end kills every process, each with records left, which is nothing new.
  expect(said).toEqual([{ pid: 1, kind: 'replay.diverge', n: 2, expected, actual }])
})

test.each<[string, number, string, (all: StoreRecord[]) => unknown]>([
  ['too early', 2, 'dispatch 1', (all) => Object.assign(ends(all)[1]!, { dispatch: 0 })],
  [
    'before it was asked for',
    3,
    'not asked for',
    (all) => {
      const [, second, third] = begins(all)
      all.splice(all.indexOf(third!), 1)
      all.splice(all.indexOf(second!), 0, third!)
      all.splice(all.indexOf(second!), 1)
      all.splice(all.indexOf(third!), 0, second!)
      Object.assign(ends(all)[1]!, { n: 3 })
      Object.assign(ends(all)[2]!, { n: 2 })
    },
  ],
  ['after others', 4, 'nothing left to run', (all) => Object.assign(ends(all)[3]!, { dispatch: 999 })],
])('an answer that comes %s is a divergence', async (_when, n, actual, spoil) => {
  const slow = image('slow', async (sys) => {
    const { devices } = (await sys.recv<BootGrant>()).body
    const handle = await sys.open(devices.dev!)
    for (let n = 0; n < 3; n++) await sys.read(handle, n)
  })
  const { records } = await recorded(slow)
  const spoilt = structuredClone(records) as StoreRecord[]
  spoil(spoilt)
  for (const [at, one] of spoilt.entries()) Object.assign(one, { seq: at + 1 })
  const { failure, said } = await failureOf(spoilt, slow)
  expect(failure).toMatchObject({ code: 'EDIVERGE', pid: 1, n, actual })
  expect(said).toHaveLength(1)
})

test('operations of a process that never came to be are a divergence, though each was answered at once', async () => {
  const program = (spawns: boolean) =>
    image('root', async (sys) => {
      const { devices } = (await sys.recv<BootGrant>()).body
      const handle = await sys.open(devices.dev!)
      const child = image('child', async (inner) => {
        await inner.write((await inner.recv()).caps[0]!, 1)
      })
      if (spawns) await sys.spawn(child, { caps: [handle] })
      await sys.sleep(5)
    })
  const { records } = await recorded(program(true))
  const replay = (body: ProcessImage): Promise<unknown> => {
    const store = new MemoryStore()
    for (const one of records) store.append(one)
    const again = Kernel.replayFrom(store, { powers: nodePowers() })
    void again.boot(body, boot).catch(() => undefined)
    return again.replayed().catch((error: unknown) => error)
  }
  expect(await replay(program(true))).toBeUndefined()
  expect(await replay(program(false))).toMatchObject({ code: 'EDIVERGE', pid: 2, n: 1 })
})

test('a timer that nobody set is a divergence', async () => {
  const sleeper = image('sleeper', (sys) => sys.sleep(2))
  const { records } = await recorded(sleeper, { clock: nodeClock() })
  const spoilt = structuredClone(records) as StoreRecord[]
  const timer = ends(spoilt).find(({ kind }) => kind === 'timer')
  if (!timer) throw new Error('no timer')
  Object.assign(timer, { n: 5 })
  const { failure } = await failureOf(spoilt, sleeper)
  expect(failure).toMatchObject({ code: 'EDIVERGE', pid: 1, n: 5, actual: 'no such timer' })
})

test('the recording of one tree has a seed of its own: it names none of the kernel’s other references', async () => {
  const seed = 'ab'.repeat(32)
  const t = testKernel({ seed })
  const idle = image('idle', async (sys) => void (await sys.recv({ corr: 'never' as never })))
  void t.kernel.boot(idle, { grant: [], quota: {} })
  const { pid } = t.kernel.spawnHost({ image: idle, devices: [] })
  const store = new MemoryStore()
  t.kernel.record(pid, { store })
  await t.kernel.shutdown(0)
  expect(store.records[0]).toMatchObject({ type: 'header', root: pid })
  expect(JSON.stringify(store.records)).not.toContain(seed)
})
