import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BootGrant, Message, ProcessImage, Quota, Right, Sys } from './abi.ts'
import { KernelError } from './errors.ts'
import type { CapRef } from './ids.ts'
import { image, runRoot, settled, type TestKernel, testKernel } from './test-kernel.ts'

/** One instruction of a generated program; `n` and `m` choose among what the process holds. */
interface Step {
  readonly op: (typeof OPS)[number]
  readonly n: number
  readonly m: number
  readonly quota: Quota
  readonly script: readonly Step[]
}

const OPS = [
  'spawn',
  'spawn',
  'spawn',
  'send',
  'send',
  'recv',
  'derive',
  'expire',
  'revoke',
  'monitor',
  'signal',
  'suspend',
  'resume',
  'term',
  'open',
  'read',
  'read',
  'readAll',
  'sleep',
  'yield',
  'name',
  'lookup',
  'remember',
  'recall',
  'sched',
  'forge',
  'wait',
  'exit',
  'fault',
  'cleanup',
] as const

const KINDS: Partial<Record<Step['op'], keyof Held>> = {
  send: 'process',
  monitor: 'process',
  signal: 'process',
  suspend: 'process',
  resume: 'process',
  term: 'process',
  wait: 'process',
  open: 'device',
  read: 'handle',
  readAll: 'handle',
}

const quota: fc.Arbitrary<Quota> = fc.record({
  tokens: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  toolCalls: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
  children: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
  mem: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
  maxMailbox: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  wallMs: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
})

function script(below: fc.Arbitrary<readonly Step[]>): fc.Arbitrary<readonly Step[]> {
  const step = fc.record({ op: fc.constantFrom(...OPS), n: fc.nat(60), m: fc.nat(60), quota, script: below })
  return fc.array(step, { minLength: 2, maxLength: 10, size: 'max' })
}

/** Three generations of processes, several of the first at once. */
const program = fc.array(script(script(script(fc.constant([])))), { minLength: 2, maxLength: 4, size: 'max' })

/** What a process holds, by what it believes it to be; received capabilities are just `any`. */
interface Held {
  readonly any: CapRef[]
  readonly process: CapRef[]
  readonly device: CapRef[]
  readonly handle: CapRef[]
}

/** Mostly a capability of the kind that fits the call, sometimes whatever there is. */
function choose(held: Held, kind: keyof Held, n: number): CapRef {
  const fitting = held[kind]
  const pool = fitting.length > 0 && n % 6 !== 0 ? fitting : held.any
  return pool[n % pool.length]!
}

/** What the generated processes saw, for the checks afterwards. */
interface Witness {
  readonly downs: Map<string, number>
  cleanups: number
  registered: number
  opened: number
  closed: number
  reported: number
}

function worker(seen: Witness): ProcessImage {
  const self: ProcessImage = image('worker', async (sys, args) => {
    const held: Held = { any: [sys.selfCap()], process: [], device: [], handle: [] }
    const take = (message: Message<{ $?: string; pid?: number } | undefined>): void => {
      held.any.push(...message.caps)
      if (message.from === 0 && message.body?.$ === 'caps') held.device.push(message.caps[0]!)
      if (message.from !== 0 || message.body?.$ !== 'down') return
      const key = `${sys.self()}<${message.body.pid}`
      seen.downs.set(key, (seen.downs.get(key) ?? 0) + 1)
    }
    const drain = async (): Promise<void> => {
      for (;;) {
        const message = await sys.recv<{ $?: string; pid?: number }>({ timeoutMs: 0 }).catch(() => undefined)
        if (!message) return
        take(message)
      }
    }
    await drain()
    for (const step of args as Step[]) {
      try {
        await perform(sys, step, held, self, seen)
      } catch (error) {
        if (!(error instanceof KernelError)) throw error
      }
      await drain()
      for (const kind of Object.values(held)) if (kind.length > 20) kind.splice(0, 10)
    }
    await sys.sleep(50)
    await drain()
  })
  return self
}

/** What an instruction works on: two capabilities chosen by its numbers, and where to keep what it gets. */
interface Act {
  readonly sys: Sys
  readonly step: Step
  readonly held: Held
  readonly self: ProcessImage
  readonly seen: Witness
  readonly a: CapRef
  readonly b: CapRef
}

function perform(sys: Sys, step: Step, held: Held, self: ProcessImage, seen: Witness): unknown {
  const a = choose(held, KINDS[step.op] ?? 'any', step.n)
  const b = choose(held, 'any', step.m)
  return ACTS[step.op]({ sys, step, held, self, seen, a, b })
}

async function spawnOne({ sys, step, held, self, b }: Act): Promise<void> {
  const { cap } = await sys.spawn(self, {
    args: step.script,
    caps: step.m % 4 ? [choose(held, 'device', step.n), b] : [],
    quota: step.quota,
    link: step.n % 3 === 0,
    priority: (step.n % 41) - 20,
    ...(step.m % 7 === 0 ? { deadline: step.n } : {}),
  })
  held.process.push(cap)
  held.any.push(cap)
}

function sendOne({ sys, step, a, b }: Act): Promise<void> {
  const options = {
    caps: step.m % 3 ? [b] : [],
    ...(step.m % 5 === 0 ? { deadline: sys.now() + step.n } : {}),
  }
  return Promise.race([sys.send(a, { n: step.n }, options), sys.sleep(20)])
}

const RIGHTS: readonly Right[] = ['send', 'monitor', 'kill', 'open', 'read']

const ACTS: Readonly<Record<Step['op'], (act: Act) => unknown>> = {
  spawn: spawnOne,
  send: sendOne,
  recv: async ({ sys, step, held }) => held.any.push(...(await sys.recv({ timeoutMs: step.n })).caps),
  derive: ({ sys, step, held, a }) =>
    held.any.push(
      sys.derive(
        a,
        RIGHTS.filter((_, i) => (step.m >> i) & 1),
      ),
    ),
  expire: ({ sys, step, held, a }) => held.any.push(sys.attenuate(a, { expiresInMs: step.m })),
  revoke: ({ sys, a }) => sys.revoke(a),
  monitor: ({ sys, a }) => sys.monitor(a),
  signal: ({ sys, a }) => sys.signal(a),
  suspend: ({ sys, a }) => sys.suspend(a),
  resume: ({ sys, a }) => sys.resume(a),
  term: ({ sys, a }) => sys.term(a),
  open: async ({ sys, held, a }) => held.handle.push(await sys.open(a)),
  read: ({ sys, step, a }) => sys.read(a, step.n),
  readAll: ({ sys, a }) => sys.readAll(a, [1, 2, 3]),
  sleep: ({ sys, step }) => sys.sleep(step.n),
  yield: ({ sys }) => sys.yield(),
  name: ({ sys, step }) => sys.register(`name${step.n % 4}`),
  lookup: async ({ sys, step }) => {
    const found = await sys.lookup(`name${step.n % 4}`)
    if (found) await expect(sys.signal(found)).rejects.toMatchObject({ code: 'ECAP' })
  },
  remember: ({ sys, step }) =>
    sys.remember(`word${step.m}`, { tokens: (step.n % 12) + 1, pin: step.m % 4 === 0 }),
  recall: ({ sys, step }) => sys.recall(`word${step.m}`, 2),
  sched: ({ sys, step }) =>
    sys.sched({ priority: (step.n % 41) - 20, deadline: step.m % 4 ? undefined : step.m * 3 }),
  forge: ({ sys }) => sys.send('0'.repeat(32) as CapRef, 1),
  wait: ({ sys, a }) => Promise.race([sys.waitpid(a), sys.sleep(15)]),
  exit: ({ sys, step }) => sys.exit(step.n % 2 ? { kind: 'shutdown' } : undefined),
  fault: () => {
    throw new Error('generated fault')
  },
  cleanup: ({ sys, step, seen }) => {
    seen.registered++
    sys.onCleanup(() => {
      seen.cleanups++
      if (step.n % 2) throw new Error('hook')
    })
  },
}

function checkLive(t: TestKernel): void {
  for (const row of t.kernel.ps()) {
    for (const { limit, available } of Object.values(row.usage)) {
      if (available !== undefined && available < 0)
        throw new Error(`${row.pid} has ${available} left of ${limit}`)
    }
    const mem = row.usage.mem.limit
    if (mem !== undefined && row.residentTokens > mem) throw new Error(`${row.pid} resides above its ceiling`)
  }
}

test('invariants 11, 16, 18, 19, 20, 22: random programs keep the laws of the kernel', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (scripts) => {
      const t = testKernel()
      const seen: Witness = {
        downs: new Map(),
        cleanups: 0,
        registered: 0,
        opened: 0,
        closed: 0,
        reported: 0,
      }
      t.kernel.registerDriver({
        name: 'dev',
        prepaid: { toolCalls: 1 },
        open() {
          seen.opened++
          return {
            async read(n) {
              await t.clock.delay(Number(n))
              const tokens = Number(n) % 9
              seen.reported += tokens
              return { value: n, cost: { tokens } }
            },
            close: () => void seen.closed++,
          }
        },
      })
      t.kernel.subscribe(() => checkLive(t))
      const reason = await runRoot(
        t,
        async (sys) => {
          const { body } = await sys.recv<BootGrant>()
          for (const args of scripts) {
            await sys.spawn(worker(seen), { args, caps: [body.devices.dev!, sys.selfCap()] })
          }
          await sys.sleep(5000)
          for (const row of t.kernel.ps()) if (row.pid !== sys.self()) t.kernel.signal(row.pid)
          await sys.sleep(500)
        },
        { grant: ['dev'], quota: { tokens: 400, toolCalls: 200, mem: 500, children: 40 } },
      )
      if (reason.kind !== 'normal' && reason.kind !== 'killed') throw new Error(`root ended ${reason.kind}`)
      for (const row of t.kernel.ps()) t.kernel.signal(row.pid)
      await settled(3)
      checkEnd(t, seen, reason.kind === 'normal')
    }),
    { numRuns: 200 },
  )
}, 60_000)

function checkEnd(t: TestKernel, seen: Witness, isRootWhole: boolean): void {
  const spawned = t.facts.filter((fact) => fact.type === 'process.spawned').map((fact) => fact.pid)
  const exited = t.facts.filter((fact) => fact.type === 'process.exited').map((fact) => fact.pid)
  expect([...exited].sort((a, b) => a - b)).toEqual(spawned)
  expect(t.kernel.ps()).toEqual([])
  expect(t.kernel.caps()).toEqual([])
  expect(Math.max(0, ...seen.downs.values())).toBeLessThanOrEqual(1)
  expect(seen.cleanups).toBe(seen.registered)
  expect(seen.closed).toBe(seen.opened)
  if (!isRootWhole) return
  const end = t.facts.find((fact) => fact.type === 'process.exited' && fact.pid === 1)
  if (end?.type !== 'process.exited') throw new Error('root has no exit')
  expect(end.usage.tokens.spent).toBe(seen.reported)
  expect(end.usage.mem.spent).toBe(0)
  expect(end.usage.children).toEqual({ spent: 0, limit: 40, available: 40 })
}

test('invariant 23: messages keep pairwise order without loss through any mailbox', async () => {
  const traffic = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 4 })), {
    minLength: 1,
    maxLength: 5,
  })
  await fc.assert(
    fc.asyncProperty(traffic, fc.integer({ min: 0, max: 3 }), async (senders, max) => {
      const t = testKernel()
      const got: [number, number][] = []
      const total = senders.reduce((sum, [count]) => sum + count, 0)
      const sink = image('sink', async (sys) => {
        for (let i = 0; i < total; i++) {
          got.push((await sys.recv<[number, number]>()).body)
          if (i % 3 === 0) await sys.sleep(1)
        }
      })
      const source = image('source', async (sys, args) => {
        const [who, count, pause] = args as [number, number, number]
        const to = (await sys.recv()).caps[0]!
        for (let i = 0; i < count; i++) {
          await sys.send(to, [who, i])
          if (pause > 0) await sys.sleep(pause)
        }
      })
      await runRoot(t, async (sys) => {
        const { cap } = await sys.spawn(sink, { quota: { maxMailbox: max } })
        for (const [who, [count, pause]] of senders.entries()) {
          await sys.spawn(source, { args: [who, count, pause], caps: [cap] })
        }
        expect(await sys.waitpid(cap)).toEqual({ kind: 'normal' })
      })
      for (const [who, [count]] of senders.entries()) {
        const mine = got.filter(([from]) => from === who).map(([, i]) => i)
        expect(mine).toEqual(Array.from({ length: count }, (_, i) => i))
      }
    }),
    { numRuns: 100 },
  )
}, 60_000)
