import fc from 'fast-check'
import { nodePowers } from '../drivers/host-powers.ts'
import type {
  BootGrant,
  Clock,
  Driver,
  DriverResult,
  ExitReason,
  KernelConfig,
  KernelPowers,
  ProcessImage,
  Sys,
} from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef, Pid } from './ids.ts'
import { MemoryStore, type StoreRecord } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image } from './test-kernel.ts'

/** Programs drawn at random, recorded and replayed; the host interferes, and may be slow at any point. */

/** What one process does, as data. */
export type Step =
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
  | { readonly do: 'together'; readonly branches: readonly (readonly Step[])[] }
  | { readonly do: 'hop'; readonly count: number }
  | { readonly do: 'look' | 'yield' | 'kill' | 'wait' | 'open' | 'exit' | 'remember' }

/** How the driver answers: at once, by promise, in virtual or real time, well or badly. */
type How = 'sync' | 'promise' | 'delay' | 'later' | 'throw' | 'reject' | 'costly' | 'nonsense'

const how = fc.constantFrom<How>(
  ...(['sync', 'promise', 'delay', 'later', 'throw', 'reject', 'costly', 'costly', 'nonsense'] as const),
)
const small = fc.integer({ min: 0, max: 9 })
export const { steps: stepsArbitrary } = fc.letrec<{ step: Step; steps: readonly Step[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ do: fc.constantFrom('look', 'yield', 'kill', 'wait', 'open', 'exit', 'remember') }),
    fc.record({ do: fc.constantFrom('read', 'write'), how, q: small }),
    fc.record({ do: fc.constant('readAll'), hows: fc.array(how, { maxLength: 5 }) }),
    fc.record({ do: fc.constant('sleep'), ms: small }),
    fc.record({ do: fc.constant('recv'), ms: small }),
    fc.record({ do: fc.constant('send'), q: small }),
    fc.record({ do: fc.constant('together'), branches: fc.array(tie('steps'), { maxLength: 4 }) }),
    fc.record({ do: fc.constant('hop'), count: small }),
    fc.record({
      do: fc.constant('spawn'),
      steps: tie('steps'),
      // Small, so that what is to happen only at a limit happens often.
      quota: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
      deadline: fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined }),
    }),
  ) as fc.Arbitrary<Step>,
  steps: fc.array(tie('step'), { maxLength: 7 }),
}))

/**
 * What the host does while the program runs: after so many turns of the event loop, or in the middle of one, so many
 * microtasks after an event.
 */
export type Poke = {
  readonly turns: number
  readonly events: number | undefined
  readonly hops: number
  readonly what: 'post' | 'suspend' | 'resume' | 'signal' | 'term' | 'budget' | 'shutdown'
  readonly pid: number
}

export const pokes = fc.array(
  fc.record({
    turns: fc.integer({ min: 0, max: 3 }),
    events: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    hops: small,
    what: fc.constantFrom<Poke['what']>('post', 'suspend', 'resume', 'signal', 'term', 'budget', 'shutdown'),
    // Mostly of those that are there: the root lives longest.
    pid: fc.constantFrom(1, 1, 1, 2, 2, 3, 4),
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
      return Promise.all(step.branches.map((branch) => runSteps(sys, mine, branch)))
    case 'hop':
      for (let i = 0; i < step.count; i++) await undefined
      return undefined
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

export const childImage: ProcessImage = image('child', async (sys, args) => {
  const { caps } = await sys.recv()
  const [device = '' as CapRef, handle = '' as CapRef, parent] = caps
  await runSteps(sys, { device, handle, parent, children: [] }, args as readonly Step[])
})

export const rootImage: ProcessImage = image('root', async (sys, args) => {
  const { body } = await sys.recv<BootGrant>()
  const device = body.devices.world as CapRef
  const handle = await sys.open(device)
  await runSteps(sys, { device, handle, parent: undefined, children: [] }, args as readonly Step[])
})

/** A driver whose answers take every way there is. `later` is left out where runs must not depend on real time. */
export function world(clock: VirtualClock | undefined, calls: unknown[]): Driver {
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
        return new Promise((resolve) => nodePowers().defer(() => resolve(good)))
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

export const boot = { grant: ['world'], quota: { tokens: 30, toolCalls: 9, usd: 4, mem: 20 } }
const seed = '5eed'.repeat(16)

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => nodePowers().defer(resolve))
}

const hops = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await undefined
}

async function poke(kernel: Kernel, { what, pid }: Poke): Promise<void> {
  if (what === 'shutdown') return kernel.shutdown(pid)
  if (!kernel.isAlive(pid as Pid)) return
  if (what === 'post') kernel.post(pid as Pid, { poke: 1 })
  else if (what === 'budget') kernel.changeBudget(pid as Pid, { tokens: null })
  else kernel[what](pid as Pid)
}

/** Does what is to be done after so many events each. */
function pokeInTurns(kernel: Kernel, pokes: readonly Poke[]): Promise<void>[] {
  const done: Promise<void>[] = []
  let seen = 0
  let next = 0
  kernel.subscribe(() => {
    seen++
    for (let one = pokes[next]; one && (one.events ?? 1) <= seen; one = pokes[next]) {
      const due = one
      seen = 0
      next++
      done.push(hops(due.hops).then(() => poke(kernel, due)))
    }
  })
  return done
}

function openOperations({ records }: MemoryStore): number {
  let count = 0
  for (const one of records) {
    if (one.type === 'io.begin') count++
    else if (one.type === 'io' && one.kind !== 'now' && one.kind !== 'timer') count--
  }
  return count
}

export interface Given {
  readonly clock: Clock
  readonly pokes?: readonly Poke[]
  readonly powers?: KernelPowers
  readonly limits?: KernelConfig['limits']
}

export async function record(
  steps: readonly Step[],
  given: Given,
): Promise<{ kernel: Kernel; store: MemoryStore; reason: ExitReason }> {
  const { clock, powers = nodePowers(), limits = {}, pokes = [] } = given
  const store = new MemoryStore()
  const kernel = new Kernel({ clock, powers, mode: 'record', store, seed, limits })
  kernel.registerDriver(world(clock instanceof VirtualClock ? clock : undefined, []))
  const done = pokeInTurns(
    kernel,
    pokes.filter(({ events }) => events !== undefined),
  )
  const ended = kernel.boot(rootImage, { ...boot, args: steps })
  for (const one of pokes) {
    if (one.events !== undefined) continue
    await turns(one.turns)
    done.push(poke(kernel, one))
  }
  // A root that was stopped for good would never end.
  await turns(30)
  for (const { pid, isStopped } of kernel.ps()) if (isStopped) kernel.resume(pid)
  const reason = await ended
  await kernel.shutdown(0)
  await Promise.all(done)
  // Answers to those who are gone still come in, and are charged.
  while (openOperations(store) > 0) await turns(1)
  return { kernel, store, reason }
}

export function replayed(records: readonly StoreRecord[], limits: KernelConfig['limits'] = {}): Kernel {
  const store = new MemoryStore()
  for (const one of records) store.append(JSON.parse(JSON.stringify(one)) as StoreRecord)
  return Kernel.replayFrom(store, { powers: nodePowers(), images: { child: childImage }, limits })
}

export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `${one}n` : one))
