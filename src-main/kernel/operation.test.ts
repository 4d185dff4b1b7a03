import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import type { Quota } from './abi.ts'
import type { HostQuota } from './host-events.ts'
import type { Pid } from './ids.ts'
import { MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image, settled, type TestKernel, testKernel } from './test-kernel.ts'

const model = 'model:m'

/** A fleet with one session that may use the model. */
async function fleet(quota: HostQuota, fleetQuota: Quota = {}) {
  const test = testKernel()
  test.kernel.registerAuthority(model)
  const idle = image('idle', async (sys) => {
    for (;;) await sys.recv()
  })
  void test.kernel.boot(idle, { grant: [], quota: fleetQuota })
  await settled()
  const spawn = (own: HostQuota): Pid =>
    test.kernel.spawnHost({ image: idle, devices: [model], quota: own }).pid
  const pid = spawn(quota)
  await settled()
  return { ...test, pid, spawn, door: test.kernel.door(pid) }
}

function begun(test: Awaited<ReturnType<typeof fleet>>, tokens: number) {
  const beginning = test.door.begin(model, { what: 'a model call' }, { tokens })
  if (!beginning.ok) throw new Error(beginning.reason)
  return beginning.operation
}

const left = ({ kernel }: TestKernel, pid: Pid) => kernel.usage(pid)?.tokens

test('what an operation may still cost is held while it goes on, and the true cost is booked once', async () => {
  const h = await fleet({ tokens: 100 })
  const operation = begun(h, 10)
  expect(left(h, h.pid)).toEqual({ spent: 0, limit: 100, available: 90 })
  expect(operation.grow({ tokens: 60 })).toEqual({ ok: true })
  expect(operation.grow({ tokens: 40 })).toEqual({ ok: true })
  expect(left(h, h.pid)).toEqual({ spent: 0, limit: 100, available: 40 })
  expect(operation.finish({ tokens: 30 })).toEqual({ ok: true })
  expect(operation.finish({ tokens: 30 })).toEqual({ ok: true })
  expect(left(h, h.pid)).toEqual({ spent: 30, limit: 100, available: 70 })
})

test('the answer is cut where the budget ends: what was used is booked, the rest later', async () => {
  const h = await fleet({ tokens: 100 }, { tokens: 1000 })
  const operation = begun(h, 10)
  expect(operation.grow({ tokens: 90 })).toEqual({ ok: true })
  expect(operation.grow({ tokens: 101 })).toEqual({ ok: false, reason: 'over_budget', resource: 'tokens' })
  expect(h.facts.find((fact) => fact.type === 'budget.exceeded')).toMatchObject({ used: 101, limit: 100 })
  expect(h.facts.find((fact) => fact.type === 'process.exited')).toMatchObject({
    reason: { kind: 'quota', resource: 'tokens' },
    usage: { tokens: { spent: 101 } },
  })
  expect(operation.finish({ tokens: 105 }).ok).toBe(false)
  const root = h.kernel.rootPid ?? (0 as Pid)
  expect(left(h, root)).toEqual({ spent: 105, limit: 1000, available: 895 })
})

test('money is held like tokens, and two answers at once share one budget', async () => {
  const h = await fleet({ usdNanos: 1000 })
  const first = h.door.begin(model, { what: 'one' }, { usdNanos: 600 })
  const second = h.door.begin(model, { what: 'two' }, { usdNanos: 300 })
  if (!first.ok || !second.ok) throw new Error('both fit')
  expect(second.operation.grow({ usdNanos: 500 })).toEqual({
    ok: false,
    reason: 'over_budget',
    resource: 'usd',
  })
  expect(first.operation.grow({ usdNanos: 600 }).ok).toBe(false)
})

test('an operation that does not fit at all ends the session before anything happens', async () => {
  const h = await fleet({ tokens: 5 })
  expect(h.door.begin(model, { what: 'a call' }, { tokens: 6 })).toEqual({
    ok: false,
    reason: 'over_budget',
    resource: 'tokens',
  })
  expect(h.kernel.isAlive(h.pid)).toBe(false)
})

test('work stops when its capability is revoked, and is not told to after its end', async () => {
  const h = await fleet({ tokens: 100 })
  let stops = 0
  const running = begun(h, 10)
  running.onStop(() => stops++)
  const done = begun(h, 10)
  done.onStop(() => {
    stops += 100
  })
  done.finish({ tokens: 10 })
  h.kernel.revokeDevice(h.pid, model)
  expect(stops).toBe(1)
  expect(running.finish({ tokens: 12 })).toEqual({ ok: true })
  expect(left(h, h.pid)).toEqual({ spent: 22, limit: 100, available: 78 })
})

test('without the capability nothing is held and the refusal is told', async () => {
  const h = await fleet({ tokens: 5 })
  expect(h.door.begin('model:other', { what: 'a call' }, { tokens: 1 }).ok).toBe(false)
  expect(h.facts.some((fact) => fact.type === 'capability.refused')).toBe(true)
  expect(left(h, h.pid)?.available).toBe(5)
})

test.each([{ tokens: -1 }, { tokens: Number.NaN }, { usdNanos: 0.5 }, { tokens: Number.POSITIVE_INFINITY }])(
  'a cost that is none is not believed: %j',
  async (cost) => {
    const h = await fleet({ tokens: 100 })
    expect(h.door.begin(model, { what: 'x' }, cost)).toEqual({ ok: false, reason: 'invalid_cost' })
    const operation = begun(h, 10)
    expect(operation.grow(cost)).toEqual({ ok: false, reason: 'invalid_cost' })
    operation.grow({ tokens: 20 })
    expect(operation.finish(cost)).toEqual({ ok: false, reason: 'invalid_cost' })
    expect(left(h, h.pid), 'what was seen last is booked').toEqual({ spent: 20, limit: 100, available: 80 })
  },
)

test('holds come back whole when the session ends, and when its limit is taken away meanwhile', async () => {
  const h = await fleet({ tokens: 100 }, { tokens: 1000 })
  const root = h.kernel.rootPid ?? (0 as Pid)
  const operation = begun(h, 50)
  h.kernel.changeBudget(h.pid, { tokens: null })
  expect(left(h, root)?.available).toBe(950)
  operation.grow({ tokens: 200 })
  expect(left(h, root)?.available).toBe(800)
  h.kernel.signal(h.pid)
  expect(left(h, root)?.available).toBe(1000)
  operation.finish({ tokens: 210 })
  expect(left(h, root)).toEqual({ spent: 210, limit: 1000, available: 790 })
})

test('whatever the order of holds, ends and exits, every token is booked once and none stays held', async () => {
  const step = fc.record({
    who: fc.nat(2),
    act: fc.constantFrom('begin', 'grow', 'finish', 'kill', 'limit', 'share'),
    amount: fc.nat(40),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const h = await fleet({ tokens: 100 }, { tokens: 10_000 })
      const root = h.kernel.rootPid ?? (0 as Pid)
      const pids = [h.pid, h.spawn({}), h.spawn({ tokens: 50 })]
      const open: { operation: ReturnType<typeof begun>; seen: number }[] = []
      let booked = 0
      for (const { who, act, amount } of steps) {
        const pid = pids[who] ?? h.pid
        const isAlive = h.kernel.isAlive(pid)
        if (act === 'begin' && isAlive) {
          const beginning = h.kernel.door(pid).begin(model, { what: 'x' }, { tokens: amount })
          if (beginning.ok) open.push({ operation: beginning.operation, seen: amount })
        } else if (act === 'grow') {
          const one = open[who % Math.max(1, open.length)]
          if (one) one.seen += amount
          one?.operation.grow({ tokens: one.seen })
        } else if (act === 'finish') {
          const one = open.pop()
          if (one) booked += one.seen
          one?.operation.finish({ tokens: one.seen })
        } else if (act === 'kill') h.kernel.signal(pid)
        else if (isAlive) {
          try {
            h.kernel.changeBudget(pid, { tokens: act === 'share' ? null : amount * 5 })
          } catch {
            // Less than what is used or held already.
          }
        }
      }
      for (const { operation, seen } of open) {
        operation.finish({ tokens: seen })
        booked += seen
      }
      for (const pid of pids) h.kernel.signal(pid)
      expect(left(h, root)).toEqual({ spent: booked, limit: 10_000, available: 10_000 - booked })
    }),
  )
})

test.each<[string, (door: ReturnType<Kernel['door']>) => void]>([
  ['does not fit at all', (door) => void door.begin('model:a', { what: 'chat' }, { tokens: 101 })],
  [
    'leaves no room in for a charge',
    (door) => {
      const begun = door.begin('model:a', { what: 'chat' }, { tokens: 60 })
      if (!begun.ok) throw new Error(begun.reason)
      expect(door.charge({ tokens: 50 })).toMatchObject({ reason: 'over_budget' })
      begun.operation.finish({ tokens: 5 }, { error: 'cut off' })
    },
  ],
  [
    'leaves no room in for a settlement',
    (door) => {
      const begun = door.begin('model:a', { what: 'chat' }, { tokens: 60 })
      if (!begun.ok) throw new Error(begun.reason)
      expect(door.settle({ tokens: 50 })).toMatchObject({ reason: 'over_budget' })
      begun.operation.finish({ tokens: 5 }, { error: 'cut off' })
    },
  ],
  [
    'outgrows it in the middle',
    (door) => {
      const begun = door.begin('model:a', { what: 'chat' }, { tokens: 1 })
      if (!begun.ok) throw new Error(begun.reason)
      begun.operation.grow({ tokens: 60 })
      begun.operation.grow({ tokens: 160 })
      begun.operation.finish({ tokens: 170 }, { error: 'cut off' })
    },
  ],
])('a recorded session whose budget an operation %s ends so in the replay too', async (_name, act) => {
  const idle = image('idle', async (sys) => {
    for (;;) await sys.recv()
  })
  const t = testKernel()
  t.kernel.registerAuthority('model:a')
  void t.kernel.boot(idle, { grant: [], quota: {} })
  const { pid } = t.kernel.spawnHost({ image: idle, devices: ['model:a'], quota: { tokens: 100 } })
  const store = new MemoryStore()
  const ended = new Promise((resolve) => t.kernel.record(pid, { store, onEnd: resolve }))
  await settled()
  act(t.kernel.door(pid))
  expect(await ended).toEqual({ reason: { kind: 'quota', resource: 'tokens' } })
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  expect(await again.boot(idle, { grant: [], quota: {} })).toEqual({ kind: 'quota', resource: 'tokens' })
  await again.replayed()
})
