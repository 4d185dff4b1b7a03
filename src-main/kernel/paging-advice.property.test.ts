import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodePowers } from '../drivers/host-powers.ts'
import type { DriverCost, KernelConfig, Pager, Recaller, Sys } from './abi.ts'
import { VirtualClock } from './clock.ts'
import type { CapRef } from './ids.ts'
import { MemoryStore } from './journal.ts'
import { Kernel } from './kernel.ts'
import { image } from './test-kernel.ts'

/** §8 with §11: a pager or recaller of the host's may call a model, so that what it said is journaled as a driver's word. */

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => globalThis.setImmediate(resolve))
}

interface Advisers extends Required<Pick<KernelConfig, 'pager' | 'recaller'>> {
  readonly asked: { pager: number; recaller: number; failed: number; later: number }
}

/** Answer differently each time, now or later, and fail now and then; `next` decides. */
function advisers(next: () => number): Advisers {
  const asked = { pager: 0, recaller: 0, failed: 0, later: 0 }
  const cost = (): DriverCost => (next() % 9 === 0 ? { tokens: Number.NaN } : { tokens: next() % 3 })
  const answer = <T>(value: T): T | Promise<T> => {
    const failing = next() % 7 === 0
    if (failing) asked.failed++
    const error = Object.assign(new Error(`failed ${next()}`), { cost: { tokens: 1 } })
    if (next() % 3 === 0) {
      if (failing) throw error
      return value
    }
    asked.later++
    return turns(next() % 6).then(() => (failing ? Promise.reject(error) : value))
  }
  const pager: Pager = {
    pageOut(resident) {
      asked.pager++
      const evict = resident.filter(() => next() % 3 !== 0).map(({ id }) => id)
      return answer({ evict, summary: { body: `told ${next()}`, tokens: (next() % 4) - 1 }, cost: cost() })
    },
  }
  const recaller: Recaller = {
    rank(_query, segments) {
      asked.recaller++
      const ranked = segments.map(({ id }) => ({ id, score: (next() % 5) - 1 }))
      return answer(next() % 2 === 0 ? ranked : { ranked, cost: cost() })
    },
  }
  return { pager, recaller, asked }
}

/** Numbers that no replay will draw again. */
function draws(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state >>> 8
  }
}

/** Two processes that use their memory beside one that only sends, and a root that notes in which order it hears of it. */
function family(heard: unknown[], lengths: readonly number[]) {
  const thinker = (name: string, steps: number) =>
    image(name, async (sys: Sys) => {
      const up = (await sys.recv()).caps[0] as CapRef
      for (let i = 0; i < steps; i++) {
        if (i % 3 === 2) await sys.recall('note', 2)
        else if (i % 5 === 4)
          await Promise.all([1, 2, 3].map((n) => sys.remember(`note ${n}`, { tokens: 7 })))
        else await sys.remember(`note ${i}`, { tokens: 10 })
        await sys.send(up, [name, ...sys.workingSet().map(({ body }) => body)])
      }
    })
  const talker = image('talker', async (sys: Sys) => {
    const up = (await sys.recv()).caps[0] as CapRef
    for (let i = 0; i < 60; i++) await sys.send(up, i)
  })
  return image('root', async (sys) => {
    const caps = [sys.selfCap()]
    const [first = 0, second = 0] = lengths
    const kids = [
      await sys.spawn(thinker('a', first), { quota: { mem: 40, tokens: 30 }, caps, link: true }),
      await sys.spawn(thinker('b', second), { quota: { mem: 30 }, caps, link: true }),
      await sys.spawn(talker, { caps, link: true }),
    ]
    // The boot message is the kernel’s too.
    for (let left = kids.length + 1; left > 0; ) {
      const { body, from } = await sys.recv()
      heard.push(body)
      if (from === 0) left--
    }
    heard.push(sys.budget())
  })
}

const QUOTA = { mem: 100, tokens: 200 }

test('invariant 37 with a pager and a recaller that never say the same twice: a replay asks neither', async () => {
  const seen = { pager: 0, recaller: 0, failed: 0, later: 0, killed: 0 }
  await fc.assert(
    fc.asyncProperty(fc.nat(2 ** 31), fc.tuple(fc.nat(25), fc.nat(25)), async (seed, lengths) => {
      const store = new MemoryStore()
      const powers = nodePowers()
      const { asked, ...config } = advisers(draws(seed))
      const heard: unknown[] = []
      const kernel = new Kernel({ clock: new VirtualClock(), powers, mode: 'record', store, ...config })
      await kernel.boot(family(heard, lengths), { grant: [], quota: QUOTA })
      for (const key of ['pager', 'recaller', 'failed', 'later'] as const) seen[key] += asked[key]
      if (JSON.stringify(heard).includes('"kind":"quota"')) seen.killed++
      const { asked: again, ...silent } = advisers(draws(seed + 1))
      const replayed: unknown[] = []
      const replay = Kernel.replayFrom(store, { powers, ...silent })
      const reason = await replay.boot(family(replayed, lengths), { grant: [], quota: QUOTA })
      expect(reason).toEqual({ kind: 'normal' })
      expect(again).toEqual({ pager: 0, recaller: 0, failed: 0, later: 0 })
      expect(replayed).toEqual(heard)
      expect(replay.events()).toEqual(kernel.events())
    }),
    { numRuns: 150 },
  )
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(10)
})

/** Remembers numbered notes until it runs out of `count`, then tells what recall brings of the first. */
function remembering(count: number, found: unknown[]) {
  return image('root', async (sys) => {
    for (let i = 0; i < count; i++) await sys.remember(`note ${i}`, { tokens: 10 })
    found.push((await sys.recall('0 1 2', 3)).map(({ body }) => body))
  })
}

test('after a crash what had been paged out is there again: swap is as durable as the journal', async () => {
  const store = new MemoryStore()
  const powers = nodePowers()
  let asked = 0
  const pager: Pager = {
    async pageOut(resident) {
      await turns(++asked % 3)
      return { evict: resident.slice(0, 2).map(({ id }) => id) }
    },
  }
  const kernel = new Kernel({ clock: new VirtualClock(), powers, mode: 'record', store, pager })
  const found: unknown[] = []
  await kernel.boot(remembering(9, found), { grant: [], quota: { mem: 40 } })
  expect(found).toEqual([['note 2', 'note 1', 'note 0']])
  const all = [...store.read()]
  // Cut off at every record, in the middle of the pager's work as well: what it was asked twice has no effect.
  for (let length = 3; length < all.length; length++) {
    const cut = new MemoryStore()
    for (const record of all.slice(0, length)) cut.append(record)
    const again: unknown[] = []
    const recovered = Kernel.replayFrom(cut, {
      powers,
      pager,
      thenLive: true,
      clock: new VirtualClock(),
      images: (name) => (name === 'root' ? remembering(9, again) : undefined),
    })
    const how = await recovered.boot(remembering(9, again), { grant: [], quota: { mem: 40 } })
    expect([length, how, again]).toEqual([length, { kind: 'normal' }, found])
  }
})
