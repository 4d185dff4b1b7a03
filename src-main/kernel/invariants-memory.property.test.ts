import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ExitReason, KernelConfig, Pager, Segment, Sys } from './abi.ts'
import type { SegId } from './ids.ts'
import { image, runRoot, type TestKernel, testKernel } from './test-kernel.ts'

const MEM = 60

interface Act {
  readonly op: 'remember' | 'remember-pinned' | 'forget' | 'pin' | 'recall'
  readonly n: number
}

const acts = fc.array(
  fc.record({
    op: fc.constantFrom<Act['op']>(
      'remember',
      'remember',
      'remember',
      'remember-pinned',
      'remember-pinned',
      'forget',
      'pin',
      'recall',
    ),
    n: fc.nat(30),
  }),
  { minLength: 10, maxLength: 50, size: 'max' },
)

/** What was remembered and not forgotten, by a word that stands in nothing else. */
type Known = Map<SegId, { readonly word: string; isPinned: boolean }>

async function act(sys: Sys, { op, n }: Act, known: Known, step: number): Promise<void> {
  const ids = [...known.keys()]
  const chosen = ids[n % Math.max(1, ids.length)]
  const word = `unique${step}x${n}`
  if (op === 'remember' || op === 'remember-pinned') {
    const isPinned = op === 'remember-pinned'
    const id = await sys.remember({ word }, { tokens: 2 + (n % 15), pin: isPinned })
    known.set(id, { word, isPinned })
  } else if (!chosen) return
  else if (op === 'forget') {
    sys.forget(chosen)
    known.delete(chosen)
  } else if (op === 'pin') {
    const entry = known.get(chosen)
    sys.pin(chosen, n % 2 === 0)
    if (entry) entry.isPinned = n % 2 === 0
  } else await sys.recall(known.get(chosen)?.word ?? '', 1)
}

/** What holds after every call: the ceiling, pinned segments in place, nothing twice. */
function check(working: readonly Segment[], known: Known, wasResident: ReadonlySet<SegId>): void {
  const ids = working.map((segment) => segment.id)
  expect(working.reduce((sum, segment) => sum + segment.tokens, 0)).toBeLessThanOrEqual(MEM)
  expect(new Set(ids).size).toBe(ids.length)
  for (const [id, { isPinned, word }] of known) {
    if (isPinned && wasResident.has(id)) expect(ids).toContain(id)
    const found = working.find((segment) => segment.id === id)
    if (found) expect(found.body).toEqual({ word })
  }
}

/** How often what is interesting came to pass. */
interface Tally {
  runs: number
  paged: number
  recalled: number
  ranOut: number
  /** Ran out although it might have been paged, for what was pinned. */
  pinnedFull: number
  summarised: number
}

const nothingYet = (): Tally => ({ runs: 0, paged: 0, recalled: 0, ranOut: 0, pinnedFull: 0, summarised: 0 })

function count(tally: Tally, t: TestKernel, how: ExitReason | undefined, pinned: number): void {
  const text = t.kernel.metricsText()
  const has = (name: string): boolean => new RegExp(`signalbox_kernel_${name} [1-9]`).test(text)
  tally.runs++
  if (has('page_outs_total')) tally.paged++
  if (has('page_ins_total')) tally.recalled++
  if (how?.kind === 'quota') tally.ranOut++
  if (how?.kind === 'quota' && pinned > MEM / 2) tally.pinnedFull++
}

async function live(
  config: Partial<KernelConfig>,
  list: readonly Act[],
  tally: Tally,
): Promise<ExitReason | undefined> {
  const t = testKernel(config)
  let pinned = 0
  let wasSummarised = false
  let how: ExitReason | undefined
  let broken: unknown
  const child = image('child', async (sys) => {
    const known: Known = new Map()
    try {
      for (const [step, one] of list.entries()) {
        const before = new Set(sys.workingSet().map((segment) => segment.id))
        await act(sys, one, known, step)
        const working = sys.workingSet()
        check(working, known, before)
        pinned = working.reduce((sum, one) => sum + (one.pinned ? one.tokens : 0), 0)
        if (working.some((one) => one.summary)) wasSummarised = true
      }
      for (const [id, { word }] of known) {
        const isResident = sys.workingSet().some((segment) => segment.id === id)
        const back = await sys.recall(word, 1)
        const isBack = back.some((segment) => segment.id === id)
        // Resident it is not in swap; in swap it may be unable to come back while pinned segments fill the memory, or
        // because a pager frees nothing.
        if (isResident) expect(isBack).toBe(false)
        else if (!config.pager && ![...known.values()].some((entry) => entry.isPinned))
          expect(isBack).toBe(true)
      }
    } catch (error) {
      broken = error
      throw error
    }
  })
  await runRoot(
    t,
    async (sys) => {
      const { cap } = await sys.spawn(child, { quota: { mem: MEM } })
      how = await sys.waitpid(cap)
      expect(sys.budget().mem).toBe(200)
    },
    { quota: { mem: 200 } },
  )
  if (broken) throw broken
  count(tally, t, how, pinned)
  if (wasSummarised) tally.summarised++
  return how
}

test('invariants 33, 34, 35: memory keeps its ceiling, its pins, and everything it was given', async () => {
  const tally = nothingYet()
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      const how = await live({}, list, tally)
      if (how?.kind !== 'normal') expect(how).toEqual({ kind: 'quota', resource: 'mem' })
    }),
    { numRuns: 200 },
  )
  expectOften(tally, { paged: 0.5, recalled: 0.2, ranOut: 0.1, pinnedFull: 0.05, summarised: 0.2 })
}, 30_000)

/** Each at least in this share of the runs: else what holds, holds because nothing happened. */
function expectOften(tally: Tally, shares: Partial<Tally>): void {
  for (const [what, share] of Object.entries(shares))
    expect(tally[what as keyof Tally] / tally.runs, `${what} in ${JSON.stringify(tally)}`).toBeGreaterThan(
      share,
    )
}

/** Pagers that lie, fail, dawdle, or lay hands on what they are shown. */
const hostile: readonly ((n: number) => Pager)[] = [
  () => ({ pageOut: () => ({ evict: ['s1', 's1', 'nonsense' as SegId] as SegId[] }) }),
  () => ({ pageOut: (resident) => ({ evict: resident.map((segment) => segment.id) }) }),
  () => ({
    pageOut() {
      throw new Error('no')
    },
  }),
  () => ({ pageOut: () => 'nothing' as never }),
  () => ({
    pageOut: async (resident) => ({
      evict: resident.map((segment) => segment.id).reverse(),
      summary: { body: 'x'.repeat(4000) },
    }),
  }),
  (n) => ({
    pageOut: (resident) => ({
      evict: resident.slice(n).map((segment) => segment.id),
      summary: { body: 'told', tokens: 1 },
    }),
  }),
  (n) => ({
    pageOut(resident) {
      for (const segment of resident) {
        const body = segment.body as { word?: string }
        body.word = 'spoilt'
        Reflect.set(segment, 'tokens', 0)
      }
      const summary = { body: () => n, tokens: -n }
      return { evict: resident.slice(0, n).map((segment) => segment.id), summary }
    },
  }),
]

test('invariant 36: the worst a pager can do is to let its process run out of memory', async () => {
  const tally = nothingYet()
  await fc.assert(
    fc.asyncProperty(acts, fc.nat(hostile.length - 1), fc.nat(4), async (list, which, n) => {
      const pager = hostile[which]?.(n) as Pager
      const how = await live({ pager }, list, tally)
      if (how?.kind !== 'normal') expect(how).toEqual({ kind: 'quota', resource: 'mem' })
    }),
    { numRuns: 200 },
  )
  expectOften(tally, { paged: 0.3, recalled: 0.1, ranOut: 0.2, summarised: 0.01 })
}, 30_000)
