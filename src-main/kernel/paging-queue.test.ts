import { expect, test } from 'vitest'
import type { Pager, Ranked, Recaller } from './abi.ts'
import type { SegId } from './ids.ts'
import { VectorRecaller } from './recallers.ts'
import { image, runRoot, settled, testKernel } from './test-kernel.ts'

/** §8: what a process does while somebody outside thinks about its memory, and who pays for that. */

const turn = (): Promise<void> => new Promise((resolve) => globalThis.setImmediate(resolve))

/** Takes its time, and lets the oldest go. */
const slow: Pager = {
  async pageOut(resident, need) {
    await turn()
    return { evict: resident.slice(0, Math.ceil(need / 10)).map(({ id }) => id) }
  },
}

test('thousands of calls behind a slow pager are done in their order, and time waits for them', async () => {
  const t = testKernel({ pager: slow })
  const count = 5000
  await runRoot(
    t,
    async (sys) => {
      const done: number[] = []
      const one = async (i: number): Promise<void> => {
        await (i % 100 === 0 ? sys.recall(`note ${i - 1}`, 1) : sys.remember(`note ${i}`, { tokens: 10 }))
        done.push(i)
      }
      await Promise.all(Array.from({ length: count }, (_, i) => one(i)))
      expect(done).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(sys.workingSet().at(-1)?.body).toBe(`note ${count - 1}`)
      expect(sys.now()).toBe(0)
    },
    { quota: { mem: 10_000 } },
  )
})

test('a pager is never asked for one process while it is still thinking about it', async () => {
  let thinking = 0
  const pager: Pager = {
    async pageOut(resident) {
      if (++thinking > 1) throw new Error('asked again')
      await turn()
      thinking--
      return { evict: resident.slice(0, 1).map(({ id }) => id) }
    },
  }
  const t = testKernel({ pager })
  await runRoot(
    t,
    async (sys) => {
      await Promise.all(Array.from({ length: 30 }, (_, i) => sys.remember(i, { tokens: 10 })))
    },
    { quota: { mem: 50 } },
  )
  expect(t.kernel.events().filter(({ ev }) => ev.kind === 'fault')).toEqual([])
})

test('what a pager says after its process died changes nothing, but what it cost is paid', async () => {
  const gate = Promise.withResolvers<void>()
  const pager: Pager = {
    async pageOut(resident) {
      await gate.promise
      return { evict: resident.map(({ id }) => id), summary: { body: 'late' }, cost: { tokens: 6 } }
    },
  }
  const t = testKernel({ pager })
  await runRoot(
    t,
    async (sys) => {
      const child = image('child', async (inner) => {
        await inner.remember('a', { tokens: 10 })
        await Promise.all([inner.remember('b', { tokens: 10 }), inner.recall('a'), inner.remember('c')])
      })
      const { cap } = await sys.spawn(child, { quota: { mem: 10, tokens: 8 } })
      const ended = sys.waitpid(cap)
      await sys.yield()
      await sys.signal(cap)
      expect(await ended).toEqual({ kind: 'killed', by: sys.self() })
      expect(sys.budget()).toEqual({ mem: 50, tokens: 100 })
      gate.resolve()
      await turn()
      await sys.yield()
      expect(sys.budget()).toEqual({ mem: 50, tokens: 94 })
    },
    { quota: { mem: 50, tokens: 100 } },
  )
  await settled()
  const late = t.kernel.events().filter(({ ev }) => ev.kind === 'charge')
  expect(late).toMatchObject([{ ev: { what: 'pager', tokens: 6, late: true } }])
})

test('a recaller is shown copies, the same ones each time: what it does to them does not reach the memory', async () => {
  const shown: unknown[] = []
  const recaller: Recaller = {
    rank(_query, segments) {
      for (const segment of segments) {
        shown.push(segment)
        ;(segment.body as { text: string }).text = 'spoilt'
        Reflect.set(segment, 'tokens', 0)
      }
      return segments.map(({ id }) => ({ id, score: 1 }))
    },
  }
  await runRoot(
    testKernel({ recaller }),
    async (sys) => {
      for (let i = 0; i < 5; i++) await sys.remember({ text: `note ${i}` }, { tokens: 10 })
      expect(await sys.recall('any', 0)).toEqual([])
      const [first] = await sys.recall('any', 1)
      expect(first?.body).toEqual({ text: expect.stringMatching(/^note \d$/) })
    },
    { quota: { mem: 30 } },
  )
  expect(new Set(shown).size).toBeLessThan(shown.length)
})

test('a recaller is believed as far as it names what is in swap, each once, above 0, best first, newest first among equals', async () => {
  let said: readonly Ranked[] = []
  await runRoot(
    testKernel({ recaller: { rank: () => said } }),
    async (sys) => {
      const ids: SegId[] = []
      for (let i = 0; i < 9; i++) ids.push(await sys.remember(`note ${i}`, { tokens: 10 }))
      const resident = sys.workingSet().map(({ id }) => id)
      const [a, b, c, d, e] = ids.filter((id) => !resident.includes(id)) as [
        SegId,
        SegId,
        SegId,
        SegId,
        SegId,
      ]
      const score = (id: unknown, value: unknown): Ranked => ({ id: id as SegId, score: value as number })
      const none = [Number.NaN, Number.POSITIVE_INFINITY, 0, -1, '5', undefined, null]
      said = none.map((value) => score(a, value))
      expect(await sys.recall('any')).toEqual([])
      said = [score('s999', 9), score(resident.at(-1), 9), score(5, 9), null as never, 'x' as never]
      expect(await sys.recall('any')).toEqual([])
      said = [score(a, 1), score(b, 1), score(a, 3), score(c, 2), score(d, 1), score(e, 1)]
      expect((await sys.recall('any', 4)).map(({ id }) => id)).toEqual([a, c, e, d])
      expect((await sys.recall('any', 1)).map(({ id }) => id)).toEqual([b])
    },
    { quota: { mem: 45 } },
  )
})

test('room for what is recalled is not made of what was recalled a moment ago', async () => {
  await runRoot(
    testKernel(),
    async (sys) => {
      await sys.remember('key a', { tokens: 20 })
      const b = await sys.remember('key b', { tokens: 20 })
      const c = await sys.remember('other', { tokens: 20 })
      const back = await sys.recall('key', 2)
      expect(back.map(({ id }) => id)).toEqual([b])
      const resident = sys.workingSet().map(({ id }) => id)
      expect(resident).toContain(b)
      expect(resident).not.toContain(c)
    },
    { quota: { mem: 30 } },
  )
})

test('an embedding that is not local is paid by whoever recalls, and can cost its life', async () => {
  const embed = async (text: string) => {
    await turn()
    return { vector: [text.length, 1], cost: { tokens: 2, usd: 1e-9 } }
  }
  const t = testKernel({ recaller: new VectorRecaller(embed) })
  await runRoot(
    t,
    async (sys) => {
      const child = image('child', async (inner) => {
        for (let i = 0; i < 4; i++) await inner.remember(`note ${i}`, { tokens: 10 })
        const swapped = 4 - inner.workingSet().filter(({ summary }) => !summary).length
        await inner.recall('first', 1)
        expect(inner.budget().tokens).toBe(20 - 2 * (1 + swapped))
        // One segment came back, others may have gone; none is embedded twice.
        for (;;) await inner.recall('next', 0)
      })
      const { cap } = await sys.spawn(child, { quota: { mem: 30, tokens: 20 } })
      expect(await sys.waitpid(cap)).toEqual({ kind: 'quota', resource: 'tokens' })
      // The last one went over, which falls on whoever is above.
      expect(sys.budget().tokens).toBe(78)
    },
    { quota: { mem: 50, tokens: 100 } },
  )
  expect(t.kernel.metricsText()).toContain('signalbox_kernel_tokens_total{driver="recaller",name="child"} 22')
})
