import { expect, test } from 'vitest'
import type { ExitReason, KernelConfig, Pager, Quota, Segment, Sys } from './abi.ts'
import type { SegId } from './ids.ts'
import { image, runRoot, type TestKernel, testKernel } from './test-kernel.ts'

/** §8, sentence by sentence: the resident set, the ceiling, swap, pinning, recall, running out of memory. */

interface Ended {
  readonly t: TestKernel
  readonly how: ExitReason | undefined
}

/** Runs a body as a child with `quota` below a root with 1000 tokens of memory. */
async function child(
  main: (sys: Sys) => Promise<void>,
  quota: Quota = {},
  config: Partial<KernelConfig> = {},
): Promise<Ended> {
  const t = testKernel(config)
  let how: ExitReason | undefined
  let thrown: unknown
  const body = image('child', (sys) =>
    main(sys).catch((error: unknown) => {
      thrown = error
      throw error
    }),
  )
  await runRoot(
    t,
    async (sys) => {
      const { cap } = await sys.spawn(body, { quota })
      how = await sys.waitpid(cap)
      expect(sys.budget().mem).toBe(1000)
    },
    { quota: { mem: 1000 } },
  )
  if (thrown) throw thrown
  return { t, how }
}

const OOM: ExitReason = { kind: 'quota', resource: 'mem' }
const NORMAL: ExitReason = { kind: 'normal' }
const idsOf = (segments: readonly Segment[]): SegId[] => segments.map(({ id }) => id)
const own = (segments: readonly Segment[]): Segment[] => segments.filter(({ summary }) => !summary)
const sum = (segments: readonly Segment[]): number => segments.reduce((all, { tokens }) => all + tokens, 0)

/** Remembers a segment of ten tokens for each word. */
async function notes(sys: Sys, ...words: readonly string[]): Promise<SegId[]> {
  const ids: SegId[] = []
  for (const word of words) ids.push(await sys.remember(word, { tokens: 10 }))
  return ids
}

const WORDS = Array.from({ length: 10 }, (_, i) => `word${i}`)

test('the working set is in the order of writing, and what it shows are frozen copies', async () => {
  await child(async (sys) => {
    const body = { list: [1] }
    const ids = [await sys.remember(body), ...(await notes(sys, 'b', 'c'))]
    body.list.push(2)
    const shown = sys.workingSet()
    expect(idsOf(shown)).toEqual(ids)
    expect([shown, ...shown].every(Object.isFrozen)).toBe(true)
    const first = shown[0]?.body as { list: number[] }
    expect(first).toEqual({ list: [1] })
    first.list.push(9)
    expect(sys.workingSet()[0]?.body).toEqual({ list: [1] })
  })
})

test('a segment has the size it is given, else a quarter of its bytes; anything but a whole number is EINVAL', async () => {
  await child(async (sys) => {
    await sys.remember('x'.repeat(38))
    await sys.remember('ü'.repeat(19), {})
    await sys.remember('', { tokens: 3 })
    await sys.remember('')
    expect(sys.workingSet().map(({ tokens }) => tokens)).toEqual([10, 10, 3, 1])
    for (const tokens of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '3', null])
      await expect(sys.remember('x', { tokens: tokens as number })).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(sys.remember(() => 1)).rejects.toMatchObject({ code: 'EINVAL' })
    expect(sys.workingSet()).toHaveLength(4)
  })
})

test('nothing is paged while it fits to the last token; one more frees down to three quarters of the ceiling', async () => {
  const { t } = await child(
    async (sys) => {
      const ids = await notes(sys, ...WORDS)
      expect(idsOf(sys.workingSet())).toEqual(ids)
      expect(sys.budget().mem).toBe(0)
      await sys.remember('z', { tokens: 1 })
      const left = sys.workingSet()
      // 101 - 75 is 26, so three go; their summary is what may come on top.
      expect(idsOf(own(left)).slice(0, 7)).toEqual(ids.slice(3))
      expect(sum(own(left))).toBe(71)
      expect(left.filter(({ summary }) => summary)).toHaveLength(1)
      expect(sum(left)).toBeLessThanOrEqual(100)
    },
    { mem: 100 },
  )
  expect(t.kernel.metricsText()).toContain('signalbox_kernel_page_outs_total 3')
  expect(t.kernel.metricsText()).not.toContain('oom_kills_total 1')
})

test('the summary is short, unpinned, flagged, and names what left last', async () => {
  await child(
    async (sys) => {
      await notes(sys, ...WORDS, 'more')
      const [summary] = sys.workingSet().filter((one) => one.summary)
      expect(summary).toMatchObject({ summary: true, pinned: false })
      expect(summary?.body).toBe('word0\nword1\nword2\nword3')
    },
    { mem: 100 },
  )
})

test('only the caller’s own segments leave: a neighbour in the same pool stays, and the caller runs out', async () => {
  const t = testKernel()
  await runRoot(
    t,
    async (sys) => {
      const mine = await notes(sys, ...WORDS.slice(0, 6))
      // No limit of its own: what is left of the pool is its ceiling, 40.
      const within = image('within', async (inner) => {
        expect(inner.budget().mem).toBe(40)
        await notes(inner, ...WORDS.slice(0, 5))
        expect(sum(inner.workingSet())).toBeLessThanOrEqual(40)
        await inner.remember('all of it', { tokens: 40 })
      })
      expect(await sys.waitpid((await sys.spawn(within)).cap)).toEqual(NORMAL)
      const above = image('above', async (inner) => void (await inner.remember('x', { tokens: 41 })))
      expect(await sys.waitpid((await sys.spawn(above)).cap)).toEqual(OOM)
      expect(idsOf(sys.workingSet())).toEqual(mine)
    },
    { quota: { mem: 100 } },
  )
})

test('without a limit on the path nothing is ever paged', async () => {
  await runRoot(testKernel(), async (sys) => {
    for (let i = 0; i < 50; i++) await sys.remember(i, { tokens: 1_000_000 })
    expect(sys.workingSet()).toHaveLength(50)
  })
})

test('a segment above the ceiling ends the process, and so does a memory full of pins; one that just fits does not', async () => {
  const one = (tokens: number) =>
    child(async (sys) => void (await sys.remember('x', { tokens })), { mem: 30 })
  expect((await one(30)).how).toEqual(NORMAL)
  const { how, t } = await one(31)
  expect(how).toEqual(OOM)
  expect(t.kernel.metricsText()).toContain('signalbox_kernel_oom_kills_total 1')
  expect(t.kernel.events().some(({ ev }) => ev.kind === 'oom')).toBe(true)
  const pins = (last: number) =>
    child(
      async (sys) => {
        for (let i = 0; i < 2; i++) await sys.remember(i, { tokens: 10, pin: true })
        await sys.remember('free', { tokens: 10 })
        await sys.remember('last', { tokens: last })
      },
      { mem: 30 },
    )
  expect((await pins(10)).how).toEqual(NORMAL)
  expect((await pins(11)).how).toEqual(OOM)
})

test('pinning is on by default, off when said so, holds in swap, and an unknown id is nothing', async () => {
  await child(
    async (sys) => {
      const [a, b, c] = await notes(sys, 'aa', 'bb', 'cc')
      sys.pin(a as SegId)
      sys.pin('s999' as SegId)
      await notes(sys, 'dd')
      expect(idsOf(sys.workingSet())).toContain(a)
      expect(idsOf(sys.workingSet())).not.toContain(b)
      // In swap it waits there; once back it stays.
      sys.pin(b as SegId)
      expect(idsOf(await sys.recall('bb'))).toEqual([b])
      sys.pin(a as SegId, false)
      await notes(sys, 'ee')
      const left = idsOf(sys.workingSet())
      expect(left).toContain(b)
      expect(left).not.toContain(a)
      expect(left).not.toContain(c)
    },
    { mem: 30 },
  )
})

test('what is forgotten is gone wherever it was, and its tokens are free at once', async () => {
  await child(
    async (sys) => {
      const [a, b] = await notes(sys, 'aa', 'bb', 'cc')
      expect(sys.budget().mem).toBe(0)
      sys.forget(b as SegId)
      expect(sys.budget().mem).toBe(10)
      sys.forget(b as SegId)
      sys.forget('s999' as SegId)
      expect(sys.budget().mem).toBe(10)
      await notes(sys, 'dd', 'ee')
      const before = sys.budget().mem
      expect(idsOf(sys.workingSet())).not.toContain(a)
      sys.forget(a as SegId)
      expect(sys.budget().mem).toBe(before)
      expect(await sys.recall('aa')).toEqual([])
    },
    { mem: 30 },
  )
})

test('recall looks in swap alone, brings up to five, best first, newest first among equals, and they leave swap', async () => {
  await child(
    async (sys) => {
      const ids = await notes(sys, ...WORDS.map((word) => `${word} common`), 'resident common')
      for (let i = 0; i < 9; i++) await sys.remember(i, { tokens: 10 })
      const inSwap = ids.filter((id) => !idsOf(sys.workingSet()).includes(id)).reverse()
      expect(inSwap.length).toBeGreaterThan(7)
      expect(await sys.recall('nothing such')).toEqual([])
      expect(await sys.recall('common', 0)).toEqual([])
      const [best, ...others] = await sys.recall('word2 common', 3)
      expect(best?.body).toBe('word2 common')
      expect(idsOf(others)).toEqual(inSwap.filter((id) => id !== best?.id).slice(0, 2))
      const brought = [best?.id, ...idsOf(others)]
      expect(brought.every((id) => idsOf(sys.workingSet()).includes(id as SegId))).toBe(true)
      const five = await sys.recall('common')
      expect(five).toHaveLength(5)
      expect(idsOf(five).some((id) => brought.includes(id))).toBe(false)
    },
    { mem: 100 },
  )
})

test('of what matches, what does not fit is passed over; room is made for the rest, but not of what just came', async () => {
  const { t } = await child(
    async (sys) => {
      const a = await sys.remember('key key', { tokens: 10 })
      const b = await sys.remember('key two', { tokens: 12 })
      sys.pin(await sys.remember('pinned', { tokens: 15 }))
      await sys.remember('last', { tokens: 10 })
      await sys.remember('more', { tokens: 10 })
      expect(idsOf(sys.workingSet())).not.toContain(a)
      // 15 are pinned of 40, so both fit; b comes first, as the newer of equals.
      expect(idsOf(await sys.recall('key'))).toEqual([b, a])
      expect(sum(sys.workingSet())).toBeLessThanOrEqual(40)
      for (const id of [a, b]) sys.forget(id)
      const big = await sys.remember('wide key', { tokens: 25 })
      const small = await sys.remember('small key', { tokens: 5 })
      await sys.remember('end', { tokens: 20 })
      for (const one of own(sys.workingSet())) sys.pin(one.id)
      expect(idsOf(sys.workingSet())).not.toContain(big)
      expect(idsOf(await sys.recall('key'))).toEqual([small])
    },
    { mem: 40 },
  )
  expect(t.kernel.metricsText()).toContain('signalbox_kernel_page_ins_total 3')
})

test('a query that is no text and a k that is no whole number are EINVAL', async () => {
  await child(async (sys) => {
    for (const query of [undefined, null, 5, ['x'], { toString: () => 'x' }])
      await expect(sys.recall(query as string)).rejects.toMatchObject({ code: 'EINVAL' })
    for (const k of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null])
      await expect(sys.recall('x', k as number)).rejects.toMatchObject({ code: 'EINVAL' })
  })
})

test('a pager’s word is taken only as far as it may go', async () => {
  const asked: { ids: SegId[]; need: number }[] = []
  const summaries: unknown[] = [
    { body: 'short', tokens: 2 },
    // Larger than what leaves, larger than what is left of that, no size, no body: none of them is kept.
    { body: 'x', tokens: 25 },
    { body: 'x', tokens: 15 },
    { body: 'x', tokens: -1 },
    { body: () => 1 },
  ]
  for (const summary of summaries) {
    const pager: Pager = {
      pageOut(resident, need) {
        asked.push({ ids: idsOf(resident), need })
        const evict = ['s999', ...idsOf(resident).slice(0, 3), idsOf(resident)[1]] as SegId[]
        return { evict, summary: summary as { body: unknown } }
      },
    }
    await child(
      async (sys) => {
        const ids = await notes(sys, ...WORDS)
        sys.pin(ids[0] as SegId)
        const last = await sys.remember('last', { tokens: 10 })
        expect(asked.at(-1)).toEqual({ ids, need: 35 })
        const left = sys.workingSet()
        expect(idsOf(own(left))).toEqual([ids[0], ...ids.slice(3), last])
        const kept =
          summary === summaries[0] ? [{ body: 'short', summary: true, pinned: false, tokens: 2 }] : []
        expect(left.filter((one) => one.summary)).toMatchObject(kept)
      },
      { mem: 100 },
      { pager },
    )
  }
})

test('a pager that frees too little lets its process run out of memory, though it did free something', async () => {
  const pager: Pager = { pageOut: (resident) => ({ evict: idsOf(resident).slice(0, 1) }) }
  const run = (tokens: number) =>
    child(
      async (sys) => {
        await notes(sys, 'a', 'b', 'c')
        await sys.remember('d', { tokens })
      },
      { mem: 30 },
      { pager },
    )
  expect((await run(10)).how).toEqual(NORMAL)
  expect((await run(11)).how).toEqual(OOM)
})

test('what comes back and just fits makes nothing else leave', async () => {
  await child(
    async (sys) => {
      const [a, b] = await notes(sys, 'aa', 'bb', 'cc', 'dd')
      const resident = own(sys.workingSet())
      for (const one of sys.workingSet()) if (one.summary) sys.forget(one.id)
      expect(sys.budget().mem).toBe(10)
      expect(idsOf(await sys.recall('bb'))).toEqual([b])
      expect(idsOf(sys.workingSet())).toEqual([b, ...idsOf(resident)])
      expect(idsOf(await sys.recall('aa'))).toEqual([a])
    },
    { mem: 30 },
  )
})

test('memory that was carved for a child lowers the ceiling; what is above it is not tried for', async () => {
  await child(
    async (sys) => {
      const big = await sys.remember('big key', { tokens: 60 })
      await notes(sys, ...WORDS.slice(0, 5))
      expect(idsOf(sys.workingSet())).not.toContain(big)
      const nap = image('nap', (inner) => inner.sleep(1))
      const { cap } = await sys.spawn(nap, { quota: { mem: sys.budget().mem } })
      const before = idsOf(sys.workingSet())
      expect(await sys.recall('key')).toEqual([])
      expect(idsOf(sys.workingSet())).toEqual(before)
      await sys.waitpid(cap)
      expect(idsOf(await sys.recall('key'))).toEqual([big])
    },
    { mem: 100 },
  )
  let asked = 0
  const pager: Pager = {
    pageOut(resident) {
      asked++
      return { evict: idsOf(resident) }
    },
  }
  const above = async (sys: Sys): Promise<void> => {
    await notes(sys, 'a')
    await sys.remember('x', { tokens: 31 })
  }
  expect((await child(above, { mem: 30 }, { pager })).how).toEqual(OOM)
  expect(asked).toBe(0)
})

test('a summary that is no smaller than what left is dropped, even if there came to be room for it', async () => {
  let letGo: (() => void) | undefined
  const pager: Pager = {
    async pageOut(resident) {
      await new Promise<void>((resolve) => {
        letGo = resolve
      })
      return { evict: idsOf(resident).slice(0, 1), summary: { body: 'long', tokens: 15 } }
    },
  }
  await runRoot(
    testKernel({ pager }),
    async (sys) => {
      const mine = await sys.remember('of the root', { tokens: 60 })
      const paged = image('paged', async (inner) => {
        await notes(inner, 'a', 'b', 'c')
        await inner.remember('d', { tokens: 20 })
        expect(inner.workingSet().map(({ body }) => body)).toEqual(['b', 'c', 'd'])
      })
      const { cap } = await sys.spawn(paged)
      const ended = sys.waitpid(cap)
      while (!letGo) await sys.yield()
      sys.forget(mine)
      letGo()
      expect(await ended).toEqual(NORMAL)
    },
    { quota: { mem: 100 } },
  )
})
