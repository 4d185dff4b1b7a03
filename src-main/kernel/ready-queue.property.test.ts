import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReadyQueue, type Runnable } from './ready-queue.ts'

interface Item extends Runnable {
  readonly id: number
}

function item(id: number, priority: number, deadlineAt = Number.POSITIVE_INFINITY): Item {
  return { id, priority, deadlineAt, readySeq: 0, readyClass: 0, readySince: 0 }
}

const items = fc.array(
  fc.record({
    priority: fc.integer({ min: -20, max: 20 }),
    deadlineAt: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 5 })),
  }),
  { minLength: 1, maxLength: 12 },
)
const steps = fc.array(
  fc.record({
    op: fc.constantFrom('push', 'push', 'pick', 'remove'),
    at: fc.nat(11),
    priority: fc.integer({ min: -2, max: 2 }),
  }),
  { maxLength: 120 },
)

test('invariant 30: without aging, picks follow priority, then deadline, then arrival', () => {
  fc.assert(
    fc.property(items, steps, (specs, ops) => {
      const queue = new ReadyQueue<Item>(0)
      const all = specs.map((spec, id) => item(id, spec.priority, spec.deadlineAt))
      let plain: { item: Item; order: number }[] = []
      let order = 0
      for (const { op, at, priority } of ops) {
        const chosen = all[at % all.length]!
        if (op === 'push') {
          if (!plain.some((one) => one.item === chosen)) {
            if (at % 3 === 0) chosen.priority = priority
            plain.push({ item: chosen, order: order++ })
          }
          queue.push(chosen)
        } else if (op === 'remove') {
          queue.remove(chosen)
          plain = plain.filter((one) => one.item !== chosen)
        } else {
          const [best] = [...plain].sort(
            (a, b) =>
              b.item.priority - a.item.priority ||
              (a.item.deadlineAt === b.item.deadlineAt ? 0 : a.item.deadlineAt - b.item.deadlineAt) ||
              a.order - b.order,
          )
          expect(queue.pick()).toBe(best?.item)
          plain = plain.filter((one) => one !== best)
        }
        expect(queue.size).toBe(plain.length)
        for (const one of all) expect(queue.isQueued(one)).toBe(plain.some(({ item }) => item === one))
      }
    }),
    { numRuns: 500 },
  )
})

test('invariant 28: with aging, nobody ready waits longer than the bound, spinners of any kind notwithstanding', () => {
  fc.assert(
    fc.property(items, fc.integer({ min: 1, max: 8 }), (specs, rounds) => {
      const queue = new ReadyQueue<Item>(rounds)
      const all = specs.map((spec, id) => item(id, spec.priority, spec.deadlineAt))
      const last = new Map<Item, number>()
      for (const one of all) {
        queue.push(one)
        last.set(one, 0)
      }
      for (let dispatch = 1; dispatch <= 600; dispatch++) {
        const picked = queue.pick()!
        last.set(picked, dispatch)
        queue.push(picked)
        for (const one of all) {
          const waited = dispatch - last.get(one)!
          const bound = rounds * (20 - one.priority + 1) + all.length
          if (waited > bound) throw new Error(`item ${one.id} waited ${waited}, bound ${bound}`)
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('a large queue of equals keeps arrival order, without lifting anyone', () => {
  const queue = new ReadyQueue<Item>(4)
  const all = Array.from({ length: 1000 }, (_, id) => item(id, 0))
  for (const one of all) queue.push(one)
  for (let round = 0; round < 3; round++) {
    for (const one of all) {
      expect(queue.pick()).toBe(one)
      expect(one.readyClass).toBe(0)
      queue.push(one)
    }
  }
})

test('a deadline that changes while its holder runs leaves the order of the others alone', () => {
  const queue = new ReadyQueue<Item>(0)
  const [first, second, third] = [item(0, 0, 1), item(1, 0, 5), item(2, 0, 6)] as const
  queue.push(first)
  queue.push(second)
  expect(queue.pick()).toBe(first)
  // Its old place in the queue is cleared only later; until then it must not count under the new deadline.
  first.deadlineAt = 9
  queue.push(third)
  expect([queue.pick(), queue.pick()]).toEqual([second, third])
})
