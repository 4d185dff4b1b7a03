import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Clock, Message, Quota, Segment, Sys } from './abi.ts'
import type { Pid } from './ids.ts'
import type { Kernel } from './kernel.ts'
import type { ProcessSnapshot } from './snapshot.ts'
import { image, settled, testKernel } from './test-kernel.ts'

/** A process that does what it is told, and tells what it has. */
const agent = image('agent', async (sys) => {
  for (;;) {
    const { body } = await sys.recv<unknown>()
    if (typeof body === 'object' && body !== null && 'go' in body) return
  }
})

/** Waits for ever, and takes no mail. */
async function waiting(sys: Sys): Promise<void> {
  await sys.recv({ corr: 'never' as never })
}

/** Time that stands still: what is left of a deadline can be compared exactly, and no ceiling is reached. */
const stillClock: Clock = { now: () => 5000, setTimer: () => ({ cancel: () => undefined }) }

function stillKernel(): Kernel {
  return testKernel({ clock: stillClock }).kernel
}

/** A kernel whose root lives, and a parked process below it that `fill` has been run in. */
async function withProcess(fill: (sys: Sys) => Promise<void>, quota: Quota, rootQuota: Quota = {}) {
  const kernel = stillKernel()
  const root = kernel.boot(image('root', waiting), { grant: [], quota: rootQuota })
  root.catch(() => undefined)
  const { usd, ...rest } = quota
  const { pid } = kernel.spawnHost({
    image: image('agent', async (sys) => {
      await sys.recv()
      await fill(sys)
      await waiting(sys)
    }),
    quota: usd === undefined ? rest : { ...rest, usdNanos: Math.round(usd * 1e9) },
    devices: [],
  })
  await settled(3)
  return { kernel, pid }
}

/** What a process restored from `taken` finds: its working set, what recall brings, its mail, its budget. */
async function livesOf(
  kernel: Kernel,
  taken: unknown,
): Promise<{ pid: Pid; budget: Quota; resident: readonly Segment[]; mail: Message[] }> {
  const found = Promise.withResolvers<{ budget: Quota; resident: readonly Segment[]; mail: Message[] }>()
  const looker = image('ignored', async (sys) => {
    const budget = sys.budget()
    const resident = sys.workingSet()
    const mail: Message[] = []
    for (;;) {
      const next = await sys.recv({ timeoutMs: 0 }).catch(() => undefined)
      if (!next) break
      mail.push(next)
    }
    found.resolve({ budget, resident, mail })
    await waiting(sys)
  })
  const pid = await kernel.restore(taken, looker)
  return { pid, ...(await found.promise) }
}

const body = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    undefined,
    Number.NaN,
    -0,
    Number.NEGATIVE_INFINITY,
    12345678901234567890n,
    new Date(0),
    new Date(Number.NaN),
    new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'x'])]]),
    new Uint8Array([1, 2, 255]),
    new Float64Array([0.1, -0]),
    { $t: 'date', v: 0 },
    { $t: 'map' },
    JSON.parse('{"__proto__":{"x":1}}'),
    '\ud800',
  ),
)

/** Nothing that was remembered is missing, and only what was used is gone from the budget. */
function expectWhole(
  taken: ReturnType<Kernel['snapshot']>,
  { made, pins, limits }: { made: readonly string[]; pins: readonly string[]; limits: Quota },
): void {
  const { resident, swap } = taken.context
  const all = [...resident.filter(({ summary }) => !summary), ...swap]
  expect(all.sort((x, y) => x.order - y.order).map(({ id }) => id)).toEqual(made)
  expect(new Set(taken.context.pins)).toEqual(new Set(pins))
  // Only memory was used, and that comes back with its segments.
  const { mem, ...others } = limits
  expect(taken.budget.remaining).toMatchObject(others)
  if (mem !== undefined)
    expect(taken.budget.remaining.mem).toBe(mem - resident.reduce((sum, { tokens }) => sum + tokens, 0))
}

test('invariant 42: snapshot → JSON → restore keeps context, mail and remaining budget', async () => {
  const segment = fc.record({
    body,
    tokens: fc.integer({ min: 1, max: 40 }),
    pin: fc.boolean(),
  })
  const quota = fc.record(
    {
      tokens: fc.nat(10_000),
      toolCalls: fc.nat(100),
      usd: fc.nat(2_000_000_000).map((nanos) => nanos / 1e9),
      children: fc.nat(5),
      mem: fc.integer({ min: 100, max: 300 }),
      wallMs: fc.integer({ min: 600_000, max: 900_000 }),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(segment, { maxLength: 15 }),
      fc.array(body, { maxLength: 6 }),
      quota,
      async (segments, mail, limits) => {
        let pinned = 0
        const made: string[] = []
        const pins: string[] = []
        const { kernel, pid } = await withProcess(async (sys) => {
          for (const one of segments) {
            if (one.pin) pinned += one.tokens
            const isPinned = one.pin && pinned < 60
            const id = await sys.remember(one.body, { tokens: one.tokens, pin: isPinned })
            made.push(id)
            if (isPinned) pins.push(id)
          }
        }, limits)
        for (const one of mail) kernel.post(pid, one)
        expect(kernel.isAlive(pid)).toBe(true)
        const taken = kernel.migrate(pid)
        expect(kernel.isAlive(pid)).toBe(false)
        const text = JSON.stringify(taken)
        expect(JSON.parse(text)).toEqual(taken)
        expectWhole(taken, { made, pins, limits })
        const lives = await livesOf(kernel, JSON.parse(text))
        expect(lives.mail.map((one) => one.body)).toEqual(mail)
        expect(lives.budget).toEqual(taken.budget.remaining)
        for (const key of Object.keys(limits) as (keyof Quota)[]) expect(lives.budget[key]).toBeDefined()
        // Once more: everything, swap and pins too, reads the same from the copy.
        const again = kernel.snapshot(lives.pid)
        expect({ ...again.context }).toEqual({
          resident: renumbered(taken.context).resident,
          swap: renumbered(taken.context).swap,
          pins: taken.context.pins,
        })
        expect(lives.resident.map((one) => one.id)).toEqual(taken.context.resident.map((one) => one.id))
        await kernel.shutdown(0)
      },
    ),
    { numRuns: 300 },
  )
})

/** Places count from 1 in a restored process; their order is what is kept. */
function renumbered(context: ReturnType<Kernel['snapshot']>['context']) {
  const order = [...context.resident, ...context.swap].map((one) => one.order).sort((x, y) => x - y)
  const place = <T extends { order: number }>(one: T): T => ({ ...one, order: order.indexOf(one.order) + 1 })
  return { resident: context.resident.map(place), swap: context.swap.map(place) }
}

test('a snapshot is JSON with what the reference lists, and leaves the original alone', async () => {
  const { kernel, pid } = await withProcess(
    async (sys) => {
      sys.register('me')
      await sys.remember('note', { tokens: 3, pin: true })
    },
    { tokens: 10, mem: 100, maxMailbox: 9 },
  )
  kernel.post(pid, { hello: new Date(5) })
  const taken = kernel.snapshot(pid)
  expect(taken).toEqual({
    abi: 1,
    name: 'agent',
    at: 5000,
    context: { resident: [{ id: 's1', body: 'note', tokens: 3, order: 1 }], swap: [], pins: ['s1'] },
    mailbox: [{ from: 0, body: { hello: { $t: 'date', v: 5 } } }],
    budget: {
      remaining: { tokens: 10, mem: 97, maxMailbox: 9 },
      spent: { tokens: 0, toolCalls: 0, usd: 0, wallMs: 0 },
    },
    priority: 0,
    forked: true,
  })
  expect(kernel.isAlive(pid)).toBe(true)
  expect(kernel.migrate(pid)).not.toHaveProperty('forked')
  expect(() => kernel.snapshot(pid)).toThrow('no process')
  await kernel.shutdown(0)
})

test('order, corr and what is left of deadlines survive; capabilities do not', async () => {
  const { kernel, pid } = await withProcess(async () => undefined, {})
  const { pid: sender } = kernel.spawnHost({
    image: image('sender', async (sys) => {
      await sys.recv()
      const target = await sys.lookup('target')
      if (!target) throw new Error('no target')
      await sys.send(target, 'first', { caps: [sys.selfCap()], corr: 'c' as never })
      await sys.send(target, 'second', { deadline: sys.now() + 100 })
      await waiting(sys)
    }),
    devices: [],
  })
  const target = kernel.spawnHost({
    image: image('target', async (sys) => {
      await sys.recv()
      sys.register('target')
      await waiting(sys)
    }),
    deadlineMs: 1000,
    priority: 3,
    devices: [],
  })
  void pid
  await settled(2)
  const taken = kernel.migrate(target.pid)
  expect(taken.mailbox).toMatchObject([
    { from: sender, body: 'first', corr: 'c' },
    { from: sender, body: 'second' },
  ])
  expect(taken.priority).toBe(3)
  expect(taken.deadlineRemainingMs).toBe(1000)
  expect(taken.mailbox[1]?.deadlineRemainingMs).toBe(100)
  const { mail } = await livesOf(kernel, JSON.parse(JSON.stringify(taken)))
  expect(mail.map((one) => [one.body, one.corr, one.caps.length])).toEqual([
    ['first', 'c', 0],
    ['second', undefined, 0],
  ])
  await kernel.shutdown(0)
})

/** What looks like a snapshot and is none. */
function brokenCopies(taken: ProcessSnapshot): unknown[] {
  const segment = taken.context.resident[0]
  return [
    undefined,
    null,
    [],
    'text',
    { abi: 1 },
    { ...taken, name: '' },
    { ...taken, name: 7 },
    { ...taken, priority: 21 },
    { ...taken, context: undefined },
    { ...taken, context: { ...taken.context, resident: {} } },
    { ...taken, context: { ...taken.context, resident: [segment, segment] } },
    { ...taken, context: { ...taken.context, swap: [segment] } },
    { ...taken, mailbox: [{}] },
    { ...taken, mailbox: [{ from: -1, body: 1 }] },
    { ...taken, mailbox: [{ from: 1, body: 1, corr: 5 }] },
    { ...taken, mailbox: [{ from: 1, body: { $t: 'rocket', v: 1 } }] },
    { ...taken, mailbox: [{ from: 0, body: 1, remote: { node: 5 } }] },
    { ...taken, budget: {} },
    { ...taken, budget: { remaining: { tokens: -1 } } },
    { ...taken, budget: { remaining: { tokens: 1.5 } } },
    { ...taken, budget: { remaining: { usd: 'all' } } },
    { ...taken, deadlineRemainingMs: 'soon' },
    ...['id', 'tokens', 'order', 'body'].map((key) => ({
      ...taken,
      context: { ...taken.context, resident: [{ ...segment, [key]: undefined }] },
    })),
    ...['s0', 's01', 'x1', 's9007199254740993', 1].map((id) => ({
      ...taken,
      context: { ...taken.context, resident: [{ ...segment, id }] },
    })),
  ]
}

test('restoring is refused, without effect, for another ABI, too little budget, or what is no snapshot', async () => {
  const { kernel, pid } = await withProcess(
    async (sys) => {
      await sys.remember('x', { tokens: 30 })
    },
    { tokens: 60, mem: 50 },
    { tokens: 100, mem: 120, children: 3 },
  )
  const taken = kernel.snapshot(pid)
  const before = JSON.stringify(kernel.usage(kernel.rootPid as Pid))
  const codeOf = async (value: unknown, options?: { parent?: Pid }): Promise<string> => {
    try {
      await kernel.restore(value, agent, options)
    } catch (error) {
      return (error as { code: string }).code
    }
    return 'none'
  }
  expect(await codeOf({ ...taken, abi: 2 })).toBe('EABI')
  expect(await codeOf({ ...taken, abi: undefined })).toBe('EABI')
  // The original still holds 60 of the root's 100 tokens.
  expect(await codeOf(taken)).toBe('EQUOTA')
  const { mem: _mem, tokens: _tokens, ...shared } = taken.budget.remaining
  const big = { id: 's9', body: 'y', tokens: 80, order: 9 }
  const overfull = { ...taken, budget: { ...taken.budget, remaining: shared } }
  expect(await codeOf({ ...overfull, context: { ...taken.context, resident: [big] } })).toBe('EQUOTA')
  expect(await codeOf(taken, { parent: 77 as Pid })).toBe('ESRCH')
  expect(JSON.stringify(kernel.usage(kernel.rootPid as Pid))).toBe(before)
  const broken = brokenCopies(taken)
  for (const one of broken) expect(await codeOf(one), JSON.stringify(one)?.slice(0, 200)).toBe('EINVAL')
  expect(JSON.stringify(kernel.usage(kernel.rootPid as Pid))).toBe(before)
  expect(kernel.ps()).toHaveLength(2)
  await kernel.shutdown(0)
})

test('budget is not spent twice: what moved is carved anew, memory included, and comes back at the end', async () => {
  const { kernel, pid } = await withProcess(
    async (sys) => {
      await sys.remember('x', { tokens: 30 })
    },
    { tokens: 60, mem: 50 },
    { tokens: 100, mem: 50, children: 3 },
  )
  const root = kernel.rootPid as Pid
  const full = kernel.usage(root)
  const taken = kernel.migrate(pid)
  expect(kernel.usage(root)?.mem.available).toBe(50)
  const { pid: moved } = await livesOf(kernel, taken)
  expect(kernel.usage(root)?.mem).toEqual(full?.mem)
  expect(kernel.usage(root)?.tokens.available).toBe(40)
  expect(kernel.usage(moved)?.mem).toMatchObject({ limit: 50, available: 20 })
  kernel.signal(moved)
  expect(kernel.usage(root)?.tokens.available).toBe(100)
  expect(kernel.usage(root)?.mem.available).toBe(50)
  await kernel.shutdown(0)
})

test('in another kernel new segments get other numbers than restored ones', async () => {
  const { kernel, pid } = await withProcess(async (sys) => {
    for (let i = 0; i < 5; i++) await sys.remember(`note ${i}`)
  }, {})
  const taken: unknown = JSON.parse(JSON.stringify(kernel.migrate(pid)))
  const other = stillKernel()
  void other.boot(image('root', waiting), { grant: [], quota: {} })
  const ids = Promise.withResolvers<string[]>()
  await other.restore(
    taken,
    image('x', async (sys) => {
      await sys.remember('new')
      ids.resolve(sys.workingSet().map((one) => one.id))
    }),
  )
  const all = await ids.promise
  expect(new Set(all).size).toBe(6)
  expect(all.slice(0, 5)).toEqual(['s1', 's2', 's3', 's4', 's5'])
  await kernel.shutdown(0)
  await other.shutdown(0)
})

test('a migrated process ends with shutdown, and its monitors and parked senders learn of it', async () => {
  const kernel = stillKernel()
  const seen: unknown[] = []
  const reasons = kernel.boot(
    image('root', async (sys) => {
      const { pid, cap } = await sys.spawn(image('full', waiting), { quota: { maxMailbox: 1 }, link: true })
      await sys.send(cap, 1)
      const parked = sys.send(cap, 2).catch((error: { code: string }) => seen.push(error.code))
      await parked
      for (;;) {
        const { body } = await sys.recv<{ $?: string; pid: Pid; reason: unknown }>()
        if (body.$ !== 'down' || body.pid !== pid) continue
        seen.push(body.reason)
        return
      }
    }),
    { grant: [], quota: {} },
  )
  await settled(2)
  const target = kernel.ps().find((row) => row.name === 'full')
  expect(kernel.migrate(target?.pid as Pid).mailbox.map((one) => one.body)).toEqual([1])
  expect(await reasons).toEqual({ kind: 'normal' })
  expect(seen).toEqual(['ESRCH', { kind: 'shutdown' }])
})
