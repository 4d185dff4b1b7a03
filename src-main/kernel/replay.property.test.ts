import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { BootGrant, Clock, Driver, DriverResult, ExitReason, ProcessImage, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import { copyBody } from './copy.ts'
import type { StampedEvent } from './events.ts'
import type { CapRef, Pid } from './ids.ts'
import { eventsFromStore, MemoryStore, type StoreRecord } from './journal.ts'
import { Kernel } from './kernel.ts'
import { requestHash } from './recorder.ts'
import { image } from './test-kernel.ts'
import { decodeValue, encodeValue } from './value-text.ts'

/** What one process does, as data. */
type Step =
  | { readonly do: 'read' | 'write'; readonly how: How; readonly q: number }
  | { readonly do: 'readAll'; readonly hows: readonly How[] }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'recv'; readonly ms: number }
  | { readonly do: 'send'; readonly q: number }
  | {
      readonly do: 'spawn'
      readonly steps: readonly Step[]
      readonly quota: number | undefined
      readonly deadline: number | undefined
    }
  | { readonly do: 'together'; readonly steps: readonly Step[] }
  | { readonly do: 'look' | 'yield' | 'kill' | 'wait' | 'open' | 'exit' | 'remember' }

/** How the driver answers: at once, by promise, in virtual or real time, well or badly. */
type How = 'sync' | 'promise' | 'delay' | 'later' | 'throw' | 'reject' | 'costly' | 'nonsense'

const how = fc.constantFrom<How>('sync', 'promise', 'delay', 'later', 'throw', 'reject', 'costly', 'nonsense')
const small = fc.integer({ min: 0, max: 9 })
const { steps: stepsArbitrary } = fc.letrec<{ step: Step; steps: readonly Step[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ do: fc.constantFrom('look', 'yield', 'kill', 'wait', 'open', 'exit', 'remember') }),
    fc.record({ do: fc.constantFrom('read', 'write'), how, q: small }),
    fc.record({ do: fc.constant('readAll'), hows: fc.array(how, { maxLength: 5 }) }),
    fc.record({ do: fc.constant('sleep'), ms: small }),
    fc.record({ do: fc.constant('recv'), ms: small }),
    fc.record({ do: fc.constant('send'), q: small }),
    fc.record({ do: fc.constant('together'), steps: tie('steps') }),
    fc.record({
      do: fc.constant('spawn'),
      steps: tie('steps'),
      quota: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
      deadline: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    }),
  ) as fc.Arbitrary<Step>,
  steps: fc.array(tie('step'), { maxLength: 7 }),
}))

/** What the host does while the program runs: after so many turns of the event loop. */
type Poke = {
  readonly turns: number
  readonly what: 'post' | 'suspend' | 'resume' | 'signal' | 'term' | 'budget'
  readonly pid: number
}
const pokes = fc.array(
  fc.record({
    turns: fc.integer({ min: 0, max: 6 }),
    what: fc.constantFrom<Poke['what']>('post', 'suspend', 'resume', 'signal', 'term', 'budget'),
    pid: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 5 },
)

interface Mine {
  readonly device: CapRef
  handle: CapRef
  readonly parent: CapRef | undefined
  readonly children: CapRef[]
}

async function runSteps(sys: Sys, mine: Mine, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    try {
      sys.log('debug', step.do, { value: await runStep(sys, mine, step) })
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      sys.log('warn', step.do, { code, message })
    }
  }
}

async function runStep(sys: Sys, mine: Mine, step: Step): Promise<unknown> {
  switch (step.do) {
    case 'read':
      return sys.read(mine.handle, { how: step.how, q: step.q, at: new Date(0) })
    case 'write':
      return sys.write(mine.handle, { how: step.how, q: BigInt(step.q) })
    case 'readAll':
      return sys.readAll(
        mine.handle,
        step.hows.map((one, i) => ({ how: one, q: i })),
      )
    case 'sleep':
      return sys.sleep(step.ms)
    case 'recv':
      return (await sys.recv({ timeoutMs: step.ms })).body
    case 'send':
      return sys.send(mine.parent ?? mine.children[0] ?? sys.selfCap(), { q: step.q })
    case 'together':
      return Promise.all(step.steps.map((one) => runSteps(sys, mine, [one])))
    case 'spawn':
      return spawnStep(sys, mine, step)
    case 'look':
      return { now: sys.now(), budget: sys.budget(), memory: sys.workingSet() }
    case 'yield':
      return sys.yield()
    case 'kill':
      return mine.children[0] && sys.signal(mine.children[0])
    case 'wait':
      return mine.children[0] && sys.waitpid(mine.children[0])
    case 'open':
      mine.handle = await sys.open(mine.device, { n: mine.children.length })
      return undefined
    case 'exit':
      return sys.exit()
    case 'remember':
      return sys.remember({ text: 'a line to be remembered' }, { tokens: 4 })
  }
}

async function spawnStep(sys: Sys, mine: Mine, step: Extract<Step, { do: 'spawn' }>): Promise<unknown> {
  const { quota, deadline } = step
  const caps = [mine.device, mine.handle, sys.selfCap()]
  const { pid, cap } = await sys.spawn(childImage, {
    args: step.steps,
    caps,
    link: true,
    ...(quota === undefined ? {} : { quota: { tokens: quota, mem: quota } }),
    ...(deadline === undefined ? {} : { deadline }),
  })
  mine.children.push(cap)
  return pid
}

const childImage: ProcessImage = image('child', async (sys, args) => {
  const { caps } = await sys.recv()
  const [device = '' as CapRef, handle = '' as CapRef, parent] = caps
  await runSteps(sys, { device, handle, parent, children: [] }, args as readonly Step[])
})

const rootImage: ProcessImage = image('root', async (sys, args) => {
  const { body } = await sys.recv<BootGrant>()
  const device = body.devices.world as CapRef
  const handle = await sys.open(device)
  await runSteps(sys, { device, handle, parent: undefined, children: [] }, args as readonly Step[])
})

/** A driver whose answers take every way there is. `later` is left out where runs must not depend on real time. */
function world(clock: VirtualClock | undefined, calls: unknown[]): Driver {
  const answer = (request: unknown): DriverResult | Promise<DriverResult> => {
    const { how: kind, q } = request as { how: How; q: number | bigint }
    calls.push(request)
    const good = { value: { q, kind, n: calls.length }, cost: { tokens: 1, reductions: Number(q) } }
    switch (kind) {
      case 'sync':
        return good
      case 'promise':
        return Promise.resolve(good)
      case 'delay':
        return (clock?.delay(Number(q)) ?? Promise.resolve()).then(() => good)
      case 'later':
        return new Promise((resolve) => setImmediate(() => resolve(good)))
      case 'throw':
        throw Object.assign(new Error('thrown'), { cost: { tokens: 1 } })
      case 'reject':
        return Promise.reject(Object.assign(new Error('rejected'), { cost: { tokens: 2 } }))
      case 'costly':
        return { value: new Map([[q, new Uint8Array([1])]]), cost: { tokens: 9, toolCalls: 1, usd: 0.5 } }
      case 'nonsense':
        return { value: () => undefined, cost: { tokens: Number.NaN } }
    }
  }
  return {
    name: 'world',
    prepaid: { write: { toolCalls: 1 } },
    concurrency: 2,
    open: (_owner, params) => {
      if ((params as { n?: number } | undefined)?.n === 2) throw new Error('no more')
      return params === undefined ? { read: answer, write: answer } : Promise.resolve({ read: answer })
    },
  }
}

const boot = { grant: ['world'], quota: { tokens: 60, toolCalls: 20, usd: 9, mem: 40 } }
const seed = '5eed'.repeat(16)
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

function poke(kernel: Kernel, { what, pid }: Poke): void {
  if (!kernel.isAlive(pid as Pid)) return
  if (what === 'post') kernel.post(pid as Pid, { poke: 1 })
  else if (what === 'budget') kernel.changeBudget(pid as Pid, { tokens: null })
  else kernel[what](pid as Pid)
}

async function record(
  steps: readonly Step[],
  given: { clock: Clock; pokes?: readonly Poke[] },
): Promise<{ kernel: Kernel; store: MemoryStore; reason: ExitReason }> {
  const { clock } = given
  const store = new MemoryStore()
  const kernel = new Kernel({ clock, powers: nodePowers(), mode: 'record', store, seed })
  kernel.registerDriver(world(clock instanceof VirtualClock ? clock : undefined, []))
  const ended = kernel.boot(rootImage, { ...boot, args: steps })
  for (const one of given.pokes ?? []) {
    await turns(one.turns)
    poke(kernel, one)
  }
  // A root that was stopped for good would never end.
  await turns(30)
  for (const { pid, isStopped } of kernel.ps()) if (isStopped) kernel.resume(pid)
  const reason = await ended
  await kernel.shutdown(0)
  // Answers to those who are gone still come in, and are charged.
  await turns(5)
  return { kernel, store, reason }
}

function replayed(records: readonly StoreRecord[]): Kernel {
  const store = new MemoryStore()
  for (const one of records) store.append(JSON.parse(JSON.stringify(one)) as StoreRecord)
  return Kernel.replayFrom(store, { powers: nodePowers(), images: { child: childImage } })
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `${one}n` : one))

test('37: a replay has the identical event log, with no driver to call', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(stepsArbitrary, pokes, fc.boolean(), async (steps, poked, isReal) => {
      const { kernel, store, reason } = await record(steps, {
        clock: isReal ? nodeClock() : new VirtualClock(),
        pokes: poked,
      })
      const again = replayed(store.records)
      expect(await again.boot(rootImage, { ...boot, args: steps })).toEqual(reason)
      await again.replayed()
      expect(again.events().map(textOf)).toEqual(kernel.events().map(textOf))
      expect(again.ps()).toEqual([])
    }),
    { numRuns: 20_000 },
  )
})

/** Fields of a log line may hold what JSON has no word for. */
const asStored = (event: StampedEvent): StampedEvent =>
  event.ev.kind === 'log' && event.ev.fields !== undefined
    ? { ...event, ev: { ...event.ev, fields: JSON.parse(encodeValue(event.ev.fields)) as unknown } }
    : event

const isTimeless = (steps: readonly Step[]): boolean => !textOf(steps).includes('"later"')

test('37: two recorded runs with the same seed, inputs and answers are the same to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(stepsArbitrary.filter(isTimeless), async (steps) => {
      const [first, second] = [
        await record(steps, { clock: new VirtualClock() }),
        await record(steps, { clock: new VirtualClock() }),
      ]
      expect(second.store.records.map(textOf)).toEqual(first.store.records.map(textOf))
      expect(eventsFromStore(first.store).map(textOf)).toEqual(
        first.kernel.events().map(asStored).map(textOf),
      )
    }),
    { numRuns: 300 },
  )
})

test('38: a recorded request that was changed in one field is a divergence at that operation', async () => {
  await fc.assert(
    fc.asyncProperty(
      stepsArbitrary,
      fc.nat(),
      fc.constantFrom('kind', 'driver', 'hash'),
      async (steps, pick, field) => {
        const { store } = await record(steps, { clock: new VirtualClock() })
        const records = structuredClone(store.records)
        const begins = records.filter((one) => one.type === 'io.begin')
        const begin = begins[pick % begins.length]
        if (begin?.type !== 'io.begin') return
        Object.assign(begin, {
          [field]:
            field === 'kind' ? (begin.kind === 'read' ? 'write' : 'read') : `${begin[field as 'hash']}0`,
        })
        const again = replayed(records)
        again.boot(rootImage, { ...boot, args: steps }).catch(() => undefined)
        const failure = await again.replayed().catch((error: unknown) => error)
        expect(failure).toMatchObject({ code: 'EDIVERGE', pid: begin.pid, n: begin.n })
      },
    ),
  )
})

const body = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  maxDepth: 3,
})

test('38: requests that differ have different hashes, whatever they are made of', () => {
  const { sha256 } = nodePowers()
  const hash = (value: unknown): string => requestHash(sha256, value, undefined)
  fc.assert(
    fc.property(body, body, (left, right) => {
      const same = encodeValue(left, { isSorted: true }) === encodeValue(right, { isSorted: true })
      expect(hash({ a: left }) === hash({ a: right })).toBe(same)
      expect(hash({ a: left, b: 1 })).toBe(hash({ b: 1, a: left }))
      expect(hash({ a: left })).not.toBe(hash({ a: left, b: undefined }))
    }),
  )
})

test('stored values read back as they were, key order included', () => {
  fc.assert(
    fc.property(body, (value) => {
      const text = encodeValue(value)
      expect(encodeValue(decodeValue(text))).toBe(text)
      expect(decodeValue(text)).toEqual(value)
    }),
  )
})

test('the deepest body that can be sent can be stored', () => {
  let deep: unknown = 'end'
  for (let i = 0; i < 200; i++) deep = new Map([[i, deep]])
  expect(decodeValue(encodeValue(copyBody(deep)))).toEqual(deep)
  let wide: unknown = '['.repeat(100_000)
  expect(() => decodeValue(String(wide))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
  for (let i = 0; i < 1100; i++) wide = [wide]
  expect(() => encodeValue(wide)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})

test('what is no stored value is refused, never taken for something else', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('undef', 'num', 'big', 'date', 'map', 'set', 'view', 'buffer', 'obj', 'x'),
      (json, tag) => {
        for (const text of [json, json.slice(1), `{"$t":"${tag}","v":${json}}`]) {
          try {
            decodeValue(text)
          } catch (error) {
            expect(error).toMatchObject({ code: 'EINVAL' })
          }
        }
      },
    ),
  )
})

test('39: virtual time never runs backwards, and sleeping takes no real time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 1, maxLength: 30 }),
      async (sleeps) => {
        const startedMs = performance.now()
        const steps = sleeps.map(
          (ms): Step => ({
            do: 'spawn',
            steps: [{ do: 'sleep', ms }],
            quota: undefined,
            deadline: undefined,
          }),
        )
        const { kernel } = await record([...steps, { do: 'sleep', ms: 2_000_000_000 }], {
          clock: new VirtualClock(),
        })
        const times = kernel.events().map((event) => event.at)
        expect(times).toEqual([...times].sort((a, b) => a - b))
        expect(times.at(-1)).toBe(2_000_000_000)
        expect(performance.now() - startedMs).toBeLessThan(1000)
      },
    ),
    { numRuns: 50 },
  )
})
