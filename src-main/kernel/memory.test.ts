import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ExitReason, KernelConfig, Pager, Recaller, Segment, Sys } from './abi.ts'
import { estTokens } from './body-text.ts'
import type { SegId } from './ids.ts'
import { image, runRoot, testKernel } from './test-kernel.ts'

/** Runs a body under a ceiling and tells how it ended; what it throws is thrown again. */
async function end(config: Partial<KernelConfig>, mem: number, body: (sys: Sys) => Promise<void>) {
  const t = testKernel(config)
  let how: ExitReason | undefined
  let thrown: unknown
  await runRoot(
    t,
    async (sys) => {
      await sys.recv()
      const child = image('child', (inner) =>
        body(inner).catch((error: unknown) => {
          thrown = error
          throw error
        }),
      )
      const { cap } = await sys.spawn(child, { quota: { mem } })
      how = await sys.waitpid(cap)
      expect(sys.budget().mem).toBe(1000)
    },
    { quota: { mem: 1000 } },
  )
  if (thrown) throw thrown
  return { t, how }
}

test('the oldest unpinned leave for swap, and come back in their old place when they match', async () => {
  const { how } = await end({}, 100, async (sys) => {
    const ids: SegId[] = []
    for (let i = 0; i < 12; i++)
      ids.push(await sys.remember(`note about topic${i}`, { tokens: 10, pin: i === 0 }))
    const resident = sys.workingSet()
    expect(resident.reduce((sum, segment) => sum + segment.tokens, 0)).toBeLessThanOrEqual(100)
    expect(resident[0]).toMatchObject({ id: ids[0], pinned: true })
    expect(resident.some((segment) => segment.id === ids[1])).toBe(false)
    expect(resident.some((segment) => segment.summary)).toBe(true)
    const found = await sys.recall('topic1', 1)
    expect(found.map((segment) => segment.id)).toEqual([ids[1]])
    const order = sys.workingSet().map((segment) => segment.id)
    expect(order.slice(0, 2)).toEqual([ids[0], ids[1]])
    expect(await sys.recall('nothing such')).toEqual([])
    sys.forget(ids[1]!)
    expect(await sys.recall('topic1')).toEqual([])
    expect(Object.isFrozen(sys.workingSet())).toBe(true)
  })
  expect(how).toEqual({ kind: 'normal' })
})

test('what cannot be freed ends the process over memory', async () => {
  const all = await end({}, 30, async (sys) => {
    for (let i = 0; i < 4; i++) await sys.remember(i, { tokens: 10, pin: true })
  })
  const large = await end({}, 30, async (sys) => void (await sys.remember('x', { tokens: 31 })))
  for (const { t, how } of [all, large]) {
    expect(how).toEqual({ kind: 'quota', resource: 'mem' })
    expect(t.facts.filter((fact) => fact.type === 'budget.exceeded')).toHaveLength(1)
  }
})

test('size is a quarter of the canonical bytes, at least one', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme' }), (value, text) => {
      for (const body of [value, text]) {
        const bytes = new TextEncoder().encode(JSON.stringify(body)).length
        expect(estTokens(body)).toBe(Math.max(1, Math.ceil(bytes / 4)))
      }
    }),
  )
})

/** A pager that answers with whatever it is told, sooner or later. */
function hostile(ids: readonly unknown[], summary: unknown, mode: number): Pager {
  return {
    pageOut(resident: readonly Segment[]) {
      if (mode === 1) throw new Error('pager')
      const evict = [
        ...ids,
        ...resident.map((segment) => segment.id),
        ...(resident[0] ? [resident[0].id] : []),
      ]
      const out = {
        evict: mode === 2 ? (null as never) : (evict as SegId[]),
        summary: summary as { body: unknown },
      }
      return mode === 3 ? Promise.resolve(out) : out
    },
  }
}

test('a hostile pager or recaller can cause an end over memory, never a broken memory', async () => {
  const segments = fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 12 }), pin: fc.boolean() }), {
    maxLength: 15,
  })
  await fc.assert(
    fc.asyncProperty(
      segments,
      fc.array(fc.oneof(fc.string(), fc.constant(undefined), fc.integer())),
      fc.oneof(
        fc.constant(undefined),
        fc.record({ body: fc.anything(), tokens: fc.oneof(fc.integer(), fc.double()) }),
      ),
      fc.nat(4),
      async (wanted, ids, summary, mode) => {
        const recaller: Recaller = {
          rank: (_query, swapped) => [
            { id: 'nope' as SegId, score: 3 },
            ...swapped.map(({ id }, i) => ({ id, score: i % 2 ? Number.NaN : 1 })),
            ...swapped.map(({ id }) => ({ id, score: 1 })),
          ],
        }
        const { how } = await end({ pager: hostile(ids, summary, mode), recaller }, 40, async (sys) => {
          const pinned = new Set<SegId>()
          const made = new Set<SegId>()
          for (const { tokens, pin } of wanted) {
            const id = await sys.remember({ tokens }, { tokens, pin })
            made.add(id)
            if (pin) pinned.add(id)
            const resident = sys.workingSet()
            if (resident.reduce((sum, one) => sum + one.tokens, 0) > 40)
              throw new Error('resident above the ceiling')
            for (const one of pinned)
              if (!resident.some(({ id }) => id === one)) throw new Error('pinned one is gone')
            const back = await sys.recall('any', 3)
            if (new Set(back.map(({ id }) => id)).size !== back.length) throw new Error('recalled twice')
          }
          const all = [...sys.workingSet(), ...(await sys.recall('any', 0))].map(({ id }) => id)
          if (new Set(all).size !== all.length) throw new Error('a segment is there twice')
        })
        if (how?.kind !== 'normal') expect(how).toEqual({ kind: 'quota', resource: 'mem' })
      },
    ),
    { numRuns: 120 },
  )
})

test('a summary has the beginnings of what left last, in order, whatever becomes of that before it is read', async () => {
  const text = (i: number) => `note ${i} ${'x'.repeat(100)} end${i}`
  for (const tokens of [100, 200]) {
    const { how } = await end({}, 1000, async (sys) => {
      const ids: SegId[] = []
      for (let i = 0; i <= 1000 / tokens; i++) ids.push(await sys.remember({ text: text(i) }, { tokens }))
      // Down to three quarters, the new one included; and forgotten while nobody has read the summary.
      const left = tokens === 100 ? 4 : 3
      for (const id of ids.slice(1, left)) sys.forget(id)
      const summary = sys.workingSet().find((segment) => segment.summary)
      expect(sys.workingSet()).toHaveLength(ids.length - left + 1)
      const lines = ids.slice(0, left).map((_, i) => JSON.stringify({ text: text(i) }).slice(0, 80))
      expect(summary?.body).toBe(lines.slice(-4).join('\n'))
      expect(summary?.tokens).toBe(estTokens(summary?.body))
      expect(await sys.recall('end1')).toEqual([])
    })
    expect(how).toEqual({ kind: 'normal' })
  }
})
