import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import type { Clock, KernelConfig, KernelPowers } from './abi.ts'
import { VirtualClock } from './clock.ts'
import { MemoryStore, type StoreRecord } from './journal.ts'
import { Kernel } from './kernel.ts'
import {
  boot,
  type Given,
  type Poke,
  pokes,
  record,
  replayed,
  rootImage,
  type Step,
  stepsArbitrary,
  textOf,
} from './replay-programs.fixture.ts'
import { image } from './test-kernel.ts'

/** Where things took effect does not depend on how slow the host was: neither while recording nor while replaying. */

/** How long the host takes from one look at its clock to the next, in ms, over and over; and how late it gets round to things. */
interface Pace {
  readonly looksMs: readonly number[]
  readonly defers: readonly number[]
}

const pace = fc.record({
  looksMs: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 12 }),
  defers: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
})

function pacedPowers({ looksMs, defers }: Pace): KernelPowers {
  let nowMs = 0
  let looks = 0
  let deferred = 0
  return {
    ...nodePowers(),
    monotonicMs() {
      nowMs += looksMs[looks++ % looksMs.length] ?? 0
      return nowMs
    },
    defer(fn) {
      const wait = (left: number): void => void setImmediate(() => (left > 0 ? wait(left - 1) : fn()))
      wait(defers[deferred++ % defers.length] ?? 0)
    },
  }
}

async function expectSame(
  steps: readonly Step[],
  given: Given,
  limits: KernelConfig['limits'] = {},
): Promise<void> {
  const { kernel, store, reason } = await record(steps, given)
  const again = replayed(store.records, limits)
  expect(await again.boot(rootImage, { ...boot, args: steps })).toEqual(reason)
  await again.replayed()
  expect(again.events().map(textOf)).toEqual(kernel.events().map(textOf))
  expect(again.ps()).toEqual([])
}

/** A clock that stands still but is not virtual, so that its readings mark no turn of their own. */
function stillClock(): Clock {
  return { ...nodeClock(), now: () => 1000 }
}

test('37: a replay is identical however slow the host was, and wherever it interfered', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      stepsArbitrary,
      pokes,
      pace,
      fc.constantFrom('virtual', 'real', 'still'),
      fc.constantFrom(1, 2, 3, 512),
      fc.constantFrom(1, 512),
      async (steps, poked, slow, kind, dispatchesPerTurn, replayedPerTurn) => {
        const clock = kind === 'virtual' ? new VirtualClock() : kind === 'real' ? nodeClock() : stillClock()
        const given = { clock, pokes: poked, powers: pacedPowers(slow), limits: { dispatchesPerTurn } }
        await expectSame(steps, given, { dispatchesPerTurn: replayedPerTurn })
      },
    ),
    { numRuns: 1_000_000 },
  )
})

const child = { do: 'spawn', quota: undefined, deadline: undefined } as const
const look = { do: 'look' } as const
const rest = { do: 'sleep', ms: 0 } as const

/** Parks one branch, so that another process is due, while the other branch has calls to make without any dispatch. */
const late: readonly Step[] = [
  { ...child, steps: [look] },
  { do: 'together', branches: [[{ do: 'yield' }], [{ do: 'hop', count: 2 }, look, look]] },
  rest,
]

test('37: a host that calls after a slow turn, whose last calls came after its last dispatch', async () => {
  for (let turns = 0; turns < 12; turns++) {
    for (const what of ['post', 'term', 'signal', 'shutdown'] as const) {
      await expectSame(late, {
        clock: nodeClock(),
        powers: pacedPowers({ looksMs: [8], defers: [2] }),
        pokes: [{ turns, events: undefined, hops: 0, what, pid: 1 }],
      })
    }
  }
})

/** The root ends on a timer; `shutdown` follows within that turn, while one child has a call under way and one waits. */
const orphans: readonly Step[] = [
  { ...child, steps: [{ do: 'recv', ms: 500 }] },
  { do: 'sleep', ms: 50 },
  { ...child, steps: [{ do: 'together', branches: [[{ do: 'wait' }], [{ do: 'open' }]] }] },
]

test('37: a shutdown in the middle of a turn makes a process ready while another still calls', async () => {
  await expectSame(orphans, { clock: nodeClock() })
  await expectSame(orphans, { clock: stillClock() })
})

test('37: turns that were over by their number of dispatches, with calls still to come', async () => {
  const sent: readonly Step[] = [
    { do: 'together', branches: [[{ do: 'send', q: 0 }, look], [{ do: 'yield' }]] },
  ]
  for (const steps of [late, sent])
    for (const dispatchesPerTurn of [1, 2, 3])
      await expectSame(steps, { clock: new VirtualClock(), limits: { dispatchesPerTurn } })
})

test('37: a host that calls in any microtask of a turn, with timers due', { timeout: 60_000 }, async () => {
  const programs: readonly (readonly Step[])[] = [
    late,
    [{ ...child, steps: [], deadline: 0 }],
    [
      { ...child, steps: [], deadline: 0 },
      { do: 'readAll', hows: ['sync'] },
    ],
    [{ ...child, steps: [rest, look], deadline: 0 }, { do: 'recv', ms: 0 }, rest],
    [
      { ...child, steps: [rest] },
      { do: 'together', branches: [[rest], [{ do: 'wait' }]] },
    ],
  ]
  const calls: readonly Poke['what'][] = ['post', 'suspend', 'signal', 'term', 'shutdown']
  for (const steps of programs)
    for (const what of calls)
      for (let events = 1; events < 4; events++)
        for (let hops = 0; hops < 10; hops++)
          for (const pid of [1, 2]) {
            const clock = new VirtualClock({ usPerReduction: hops % 2 })
            await expectSame(steps, { clock, pokes: [{ turns: 0, events, hops, what, pid }] })
          }
})

test('37: a process that waits for nothing of the kernel and is ended in the same turn', async () => {
  const hanging = image('hanging', () => new Promise(() => undefined))
  const store = new MemoryStore()
  const kernel = new Kernel({ clock: nodeClock(), powers: nodePowers(), mode: 'record', store })
  const ended = kernel.boot(hanging, { grant: [], quota: {} })
  for (let hops = 0; hops < 20; hops++) await undefined
  kernel.signal(1 as never)
  await ended
  const again = Kernel.replayFrom(store, { powers: nodePowers() })
  await again.boot(hanging, { grant: [], quota: {} })
  expect(again.events()).toEqual(kernel.events())
})

test('38: a journal whose places were changed ends in some way', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      stepsArbitrary,
      pokes,
      fc.nat(),
      fc.constantFrom('at', 'dispatch', 'calls', 'timers'),
      fc.integer({ min: -2, max: 50 }),
      async (steps, poked, pick, field, by) => {
        const { store } = await record(steps, {
          clock: new VirtualClock({ usPerReduction: 1 }),
          pokes: poked,
        })
        const records = structuredClone(store.records)
        const placed = records.filter((one) => one.type === 'inject' || (one.type === 'io' && !one.isSync))
        const one = placed[pick % placed.length] as (StoreRecord & Record<string, unknown>) | undefined
        if (!one) return
        Object.assign(one, { [field]: Number(one[field] ?? 0) + by })
        const again = replayed(records)
        again.boot(rootImage, { ...boot, args: steps }).catch(() => undefined)
        let isOver = false
        const over = (): void => {
          isOver = true
        }
        again.replayed().then(over, over)
        for (let turns = 0; turns < 2000 && !isOver; turns++) await new Promise(setImmediate)
        expect(isOver).toBe(true)
      },
    ),
    { numRuns: 1000 },
  )
})
