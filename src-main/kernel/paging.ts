import type { PageOut, Ranked, Segment } from './abi.ts'
import { chargeOne, MEM, parseCost, release } from './account.ts'
import { estTokens, tokensOf } from './body-text.ts'
import { settleOrKill } from './charging.ts'
import { copyBody, copySized } from './copy.ts'
import { type Core, never } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import type { SegId } from './ids.ts'
import { Memory, Stored } from './memory.ts'
import { DefaultPager, EMPTY_LINE, KeywordRecaller, oldestUnpinned, toldOf } from './pager.ts'
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
  if (memory.tail === undefined && place(process, memory, stored)) return core.dispatcher.answer(process, id)
  return whenFree(core, process, memory, () => {
    const done = (isThere: boolean): SegId | undefined => {
      // Only now its place in the order: what making room left behind sums up what was written before.
      if (isThere && place(process, memory, stored)) return id
      oom(core, process, size)
      return undefined
    }
    return then(makeRoom(core, process, memory, size), done)
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
    const swapped = memory.swapped().map(shownOf)
    const ranked = guard(core, process, 'recaller', [], () => recaller.rank(query, swapped, k))
    return then(ranked, (list) => pageIn(core, process, memory, believable(list, memory, k)))
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

/** Runs a step now, or after the paging that is under way; parks the caller only when something is asynchronous. */
function whenFree<T>(
  core: Core,
  process: Process,
  memory: Memory,
  step: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const first = memory.tail === undefined ? step() : memory.tail.then(step)
  if (!(first instanceof Promise)) {
    return process.isDead ? never<T>() : (core.dispatcher.answer(process, first) as Promise<T>)
  }
  const park = core.dispatcher.park(process, 'page')
  core.dispatcher.inFlight++
  const finished = first.then(
    (value) => core.dispatcher.complete(park, value),
    (error: unknown) => core.dispatcher.fail(park, error),
  )
  const tail = finished.then(() => {
    core.dispatcher.inFlight--
    core.dispatcher.wake()
    if (memory.tail === tail) memory.tail = undefined
  })
  memory.tail = tail
  return park.promise as Promise<T>
}

/** Frees memory until `need` fits; false when it can't. Only the caller's own unpinned segments ever go. */
function makeRoom(
  core: Core,
  process: Process,
  memory: Memory,
  need: number,
  keep?: ReadonlySet<Stored>,
): boolean | Promise<boolean> {
  const { account } = process
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
  const answer = guard<PageOut>(core, process, 'pager', { evict: [] }, () => core.pager.pageOut(shown, goal))
  return then(answer, (out) => {
    if (!payPager(core, process, out)) return false
    const freed = evict(core, process, memory, allowed(memory, out, keep))
    if (freed > 0 && out.summary) addSummary(core, process, memory, out.summary, freed, need)
    return need <= account.holder(MEM).available(MEM)
  })
}

/** Books what the pager says its answer cost, believable or not at all; true while the process lives. */
function payPager(core: Core, process: Process, out: PageOut): boolean {
  const parsed = believed(out)
  if (parsed) return settleOrKill(core, process, parsed.amounts, 'pager', parsed.isEstimated)
  core.events.push(process.pid, { kind: 'fault', where: 'pager', error: 'pager reported an invalid cost' })
  return !process.isDead
}

function believed(out: PageOut): ReturnType<typeof parseCost> {
  try {
    return parseCost(out?.cost)
  } catch {
    return undefined
  }
}

/** What a pager wants to go, as far as it may: pinned, kept and unknown ids are passed over. */
function allowed(memory: Memory, out: PageOut, keep: ReadonlySet<Stored> | undefined): Stored[] {
  const leaving = new Set<Stored>()
  for (const id of Array.isArray(out?.evict) ? out.evict : []) {
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
  summary: NonNullable<PageOut['summary']>,
  freed: number,
  need: number,
): void {
  try {
    const body = copyBody(summary.body)
    const tokens = summary.tokens === undefined ? estTokens(body) : parseTokens(summary.tokens)
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
): Segment[] | Promise<Segment[]> {
  for (let at = start; at < wanted.length; at++) {
    const stored = wanted[at]
    if (stored?.place !== 'swap') continue
    const room = makeRoom(core, process, memory, stored.tokens, state.kept)
    if (room instanceof Promise) {
      return room.then((isThere) => {
        if (isThere) bringBack(process, memory, stored, state, at + 1 === wanted.length)
        return pageIn(core, process, memory, wanted, at + 1, state)
      })
    }
    if (room === true) bringBack(process, memory, stored, state, at + 1 === wanted.length)
  }
  const { segments, tokens } = state
  if (segments.length > 0) {
    core.metrics.pageIns += segments.length
    core.events.pushPaged(process.pid, 'page.in', tokens, segments.length)
  }
  return segments
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
  if (!Array.isArray(list)) return []
  const good: { stored: Stored; score: number }[] = []
  for (const one of list as readonly (Ranked | undefined)[]) {
    const stored = one && memory.find(one.id)
    if (stored?.place !== 'swap' || !Number.isFinite(one?.score)) continue
    if (one && one.score > 0) good.push({ stored, score: one.score })
  }
  good.sort((a, b) => b.score - a.score || b.stored.order - a.stored.order)
  return [...new Set(good.map(({ stored }) => stored))].slice(0, k)
}

/** Calls a pager or recaller, whose failure counts as having said nothing. */
function guard<T>(
  core: Core,
  process: Process,
  where: string,
  nothing: T,
  call: () => T | Promise<T>,
): T | Promise<T> {
  const failed = (error: unknown): T => {
    core.events.push(process.pid, { kind: 'fault', where, error: textOf(error) })
    return nothing
  }
  try {
    const value = call()
    return value instanceof Promise ? value.catch(failed) : value
  } catch (error) {
    return failed(error)
  }
}

function then<A, B>(value: A | Promise<A>, next: (value: A) => B | Promise<B>): B | Promise<B> {
  return value instanceof Promise ? value.then(next) : next(value)
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

function shownOf(stored: Stored): Segment {
  const { id, body, tokens, pinned } = stored
  stored.shown ??= Object.freeze({ id, body, tokens, pinned })
  return stored.shown
}

function parseTokens(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new KernelError('EINVAL', 'tokens must be a whole number of at least 1')
  }
  return value
}
