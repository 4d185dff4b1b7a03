import type { Ranked, Segment } from './abi.ts'
import { chargeOne, MEM, release } from './account.ts'
import { estTokens, tokensOf } from './body-text.ts'
import { copyBody, copySized } from './copy.ts'
import type { Core } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import type { SegId } from './ids.ts'
import { after, Later } from './later.ts'
import { Memory, Stored } from './memory.ts'
import { DefaultPager, EMPTY_LINE, KeywordRecaller, oldestUnpinned, toldOf } from './pager.ts'
import { askPager, askRecaller, type PageAdvice } from './paging-advice.ts'
import { whenFree } from './paging-queue.ts'
import type { Process } from './process.ts'
import { tellExceeded } from './usage.ts'

/** Paged context: a budget of resident tokens, and what does not fit goes to swap until it is recalled. */

/** Paging frees down to this share of the ceiling, so that its cost spreads over many writes. */
const LOW_MARK = 0.75
const DEFAULT_K = 5

/** Adds a segment; pages out older ones when it does not fit, and ends the process (mem) when that is not enough. */
export function remember(
  core: Core,
  process: Process,
  body: unknown,
  options: { tokens?: number; pin?: boolean } | undefined,
): Promise<SegId> {
  const { tokens, pin: isPinned } = options ?? {}
  const { copy, tokens: size } =
    tokens === undefined ? copySized(body) : { copy: copyBody(body), tokens: parseTokens(tokens) }
  const memory = memoryOf(process)
  const id = core.segments.next()
  const stored = new Stored(id, copy, size, isPinned === true, undefined)
  // By far the most fit at once.
  if (memory.queue === undefined && place(process, memory, stored)) return core.dispatcher.answer(process, id)
  return whenFree(core, process, memory, () => {
    const done = (isThere: boolean): SegId => {
      // Only now its place in the order: what making room left behind sums up what was written before.
      if (!isThere || !place(process, memory, stored)) oom(core, process, size)
      return id
    }
    return after(makeRoom(core, process, memory, size), done)
  })
}

/** The resident set in the order of writing, as frozen copies. */
export function workingSet(process: Process): readonly Segment[] {
  return Object.freeze((process.memory?.inOrder() ?? []).map(copySegment))
}

/** Brings back up to `k` swapped segments that match the query, best first, as far as they fit. */
export function recall(core: Core, process: Process, query: string, k = DEFAULT_K): Promise<Segment[]> {
  if (typeof query !== 'string') throw new KernelError('EINVAL', 'query must be text')
  if (!Number.isSafeInteger(k) || k < 0) throw new KernelError('EINVAL', 'k must be a whole number')
  const memory = memoryOf(process)
  const { recaller } = core
  return whenFree(core, process, memory, () => {
    // Ours is asked through the index that the memory keeps; it would say the same of the whole list.
    if (recaller instanceof KeywordRecaller) return pageIn(core, process, memory, memory.matching(query, k))
    const ranked = askRecaller(core, process, query, memory.swapped().map(shownOf), k)
    return after(ranked, (list) => pageIn(core, process, memory, believable(list, memory, k)))
  })
}

/** Drops a segment wherever it is; its tokens are free at once. */
export function forget(_core: Core, process: Process, id: SegId): void {
  const tokens = process.memory?.forget(id) ?? 0
  if (tokens > 0) release(process.account, MEM, tokens)
}

export function pin(process: Process, id: SegId, on: boolean): void {
  const stored = process.memory?.find(id)
  if (!stored) return
  stored.pinned = on
  stored.shown = undefined
}

/** Frees memory until `need` fits; false when it can't. Only the caller's own unpinned segments ever go. */
function makeRoom(
  core: Core,
  process: Process,
  memory: Memory,
  need: number,
  keep?: ReadonlySet<Stored>,
): boolean | Later<boolean> {
  const { account } = process
  if (process.isDead) return false
  const free = account.holder(MEM).available(MEM)
  if (need <= free) return true
  const ceiling = memory.residentTokens + free
  if (need > ceiling) return false
  const goal = Math.max(need - free, Math.ceil(memory.residentTokens + need - ceiling * LOW_MARK))
  const inOrder = memory.inOrder()
  const candidates = keep ? inOrder.filter((stored) => !keep.has(stored)) : inOrder
  if (core.pager instanceof DefaultPager) {
    const leaving = oldestUnpinned(candidates, goal)
    const freed = evict(core, process, memory, leaving)
    summarise(core, process, memory, toldOf(leaving), freed, need)
    return need <= account.holder(MEM).available(MEM)
  }
  // Copies, for whatever it does to them must not reach the memory.
  const shown = candidates.map(copySegment)
  return after(askPager(core, process, shown, goal), (advice) => {
    if (process.isDead) return false
    const freed = evict(core, process, memory, allowed(memory, advice, keep))
    if (freed > 0 && advice.summary) addSummary(core, process, memory, advice.summary, freed, need)
    return need <= account.holder(MEM).available(MEM)
  })
}

/** What a pager wants to go, as far as it may: pinned, kept and unknown ids are passed over. */
function allowed(memory: Memory, { evict }: PageAdvice, keep: ReadonlySet<Stored> | undefined): Stored[] {
  const leaving = new Set<Stored>()
  for (const id of evict) {
    const stored = memory.find(id)
    if (stored?.place === 'resident' && !stored.pinned && !keep?.has(stored)) leaving.add(stored)
  }
  return [...leaving]
}

/** Takes them out; gives the tokens that are free by it. */
function evict(core: Core, process: Process, memory: Memory, leaving: readonly Stored[]): number {
  if (leaving.length === 0) return 0
  const before = memory.residentTokens
  memory.evict(leaving)
  const freed = before - memory.residentTokens
  release(process.account, MEM, freed)
  core.metrics.pageOuts += leaving.length
  core.events.pushPaged(process.pid, 'page.out', freed, leaving.length)
  return freed
}

/** Leaves what the kernel's own pager says of what left, unless that is nothing or does not fit. */
function summarise(
  core: Core,
  process: Process,
  memory: Memory,
  told: readonly Stored[],
  freed: number,
  need: number,
): void {
  const bytes = told.reduce((sum, one) => sum + one.tell(), 0)
  const isEmpty = told.length === 0 || bytes === EMPTY_LINE
  const tokens = tokensOf(bytes)
  if (isEmpty || tokens >= freed || tokens + need > process.account.holder(MEM).available(MEM)) return
  place(process, memory, new Stored(core.segments.next(), undefined, tokens, false, true, told))
}

function addSummary(
  core: Core,
  process: Process,
  memory: Memory,
  { body, tokens: given }: NonNullable<PageAdvice['summary']>,
  freed: number,
  need: number,
): void {
  try {
    const tokens = given === undefined ? estTokens(body) : parseTokens(given)
    if (tokens >= freed || tokens + need > process.account.holder(MEM).available(MEM)) return
    place(process, memory, new Stored(core.segments.next(), body, tokens, false, true))
  } catch (error) {
    core.events.push(process.pid, { kind: 'fault', where: 'pager', error: textOf(error) })
  }
}

/** What a page-in has brought back so far. */
interface PagedIn {
  /** Must not leave to make room for the others. */
  kept: Set<Stored> | undefined
  readonly segments: Segment[]
  tokens: number
}

/** Brings segments back one after the other; at once as long as the pager answers at once. */
function pageIn(
  core: Core,
  process: Process,
  memory: Memory,
  wanted: readonly Stored[],
  start = 0,
  state: PagedIn = { kept: undefined, segments: [], tokens: 0 },
  later?: Later<Segment[]>,
): Segment[] | Later<Segment[]> {
  for (let at = start; at < wanted.length; at++) {
    const stored = wanted[at]
    if (stored?.place !== 'swap') continue
    const isLast = at + 1 === wanted.length
    const room = makeRoom(core, process, memory, stored.tokens, state.kept)
    if (room === true) bringBack(process, memory, stored, state, isLast)
    if (!(room instanceof Later)) continue
    const result = later ?? new Later<Segment[]>()
    const goOn = (isThere: boolean): void => {
      if (isThere) bringBack(process, memory, stored, state, isLast)
      const rest = pageIn(core, process, memory, wanted, at + 1, state, result)
      if (!(rest instanceof Later)) result.settle(rest)
    }
    room.whenDone(goOn, (error) => result.fail(error))
    return result
  }
  tellPagedIn(core, process, state)
  return state.segments
}

function tellPagedIn(core: Core, process: Process, { segments, tokens }: PagedIn): void {
  if (segments.length === 0) return
  core.metrics.pageIns += segments.length
  core.events.pushPaged(process.pid, 'page.in', tokens, segments.length)
}

function bringBack(process: Process, memory: Memory, stored: Stored, state: PagedIn, isLast: boolean): void {
  if (process.isDead || stored.place !== 'swap' || !chargeOne(process.account, MEM, stored.tokens)) return
  memory.bringBack(stored)
  if (!isLast) {
    state.kept ??= new Set()
    state.kept.add(stored)
  }
  state.tokens += stored.tokens
  state.segments.push(copySegment(stored))
}

/** Charges and adds; false when there is no room, or the pool was taken meanwhile. */
function place(process: Process, memory: Memory, stored: Stored): boolean {
  if (process.isDead || !chargeOne(process.account, MEM, stored.tokens)) return false
  memory.write(stored)
  return true
}

function oom(core: Core, process: Process, need: number): void {
  if (process.isDead) return
  core.metrics.add('oom_kills_total', 1)
  core.events.push(process.pid, { kind: 'oom', need })
  tellExceeded(core, process, 'mem')
  core.exit(process, { kind: 'quota', resource: 'mem' })
}

/** What a recaller says, as far as it can be believed: swapped ids, finite positive scores, each once, at most `k`. */
function believable(list: readonly Ranked[], memory: Memory, k: number): Stored[] {
  const good: { stored: Stored; score: number }[] = []
  for (const { id, score } of list) {
    const stored = memory.find(id)
    if (stored?.place === 'swap' && Number.isFinite(score) && score > 0) good.push({ stored, score })
  }
  good.sort((a, b) => b.score - a.score || b.stored.order - a.stored.order)
  return [...new Set(good.map(({ stored }) => stored))].slice(0, k)
}

function memoryOf(process: Process): Memory {
  process.memory ??= new Memory()
  return process.memory
}

/** A segment as the process, or a pager of the host's, sees it. */
function copySegment({ id, body, tokens, pinned, summary }: Stored): Segment {
  const copy = { id, body: copyBody(body), tokens, pinned }
  return Object.freeze(summary ? { ...copy, summary } : copy)
}

/** A copy as well, but always the same one. */
function shownOf(stored: Stored): Segment {
  stored.shown ??= copySegment(stored)
  return stored.shown
}

function parseTokens(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new KernelError('EINVAL', 'tokens must be a whole number of at least 1')
  }
  return value
}
