import type { PageOut, Ranked, Segment } from './abi.ts'
import { charge, MEM, release, zero } from './account.ts'
import { copyBody } from './copy.ts'
import { type Core, never } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import { newSegId, type SegId } from './ids.ts'
import { Memory, type Stored } from './memory.ts'
import { DefaultPager, estTokens } from './pager.ts'
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
  const copied = copyBody(body)
  const size = tokens === undefined ? estTokens(copied) : parseTokens(tokens)
  const memory = memoryOf(process)
  const id = newSegId(core.nextSegment())
  return whenFree(core, process, memory, () => {
    const segment = { id, body: copied, tokens: size, pinned: isPinned === true }
    const done = (isThere: boolean): SegId | undefined => {
      // Only now its place in the order: what making room left behind sums up what was written before.
      if (isThere && place(process, memory, { segment, order: memory.nextOrder() })) return id
      oom(core, process, size)
      return undefined
    }
    return then(makeRoom(core, process, memory, size, NOTHING), done)
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
  return whenFree(core, process, memory, () => {
    const swapped = memory.swapped()
    const ranked = guard(core, process, 'recaller', [], () => core.recaller.rank(query, swapped, k))
    return then(ranked, (list) => pageIn(core, process, memory, believable(list, memory, k)))
  })
}

/** Drops a segment wherever it is; its tokens are free at once. */
export function forget(_core: Core, process: Process, id: SegId): void {
  const memory = process.memory
  const gone = memory?.take(id)
  if (gone) release(process.account, MEM, gone.segment.tokens)
  else memory?.swap.delete(id)
}

export function pin(process: Process, id: SegId, on: boolean): void {
  const { resident, swap } = memoryOf(process)
  for (const place of [resident, swap]) {
    const stored = place.get(id)
    if (stored) place.set(id, { ...stored, segment: freeze({ ...stored.segment, pinned: on }) })
  }
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
  keep: ReadonlySet<SegId>,
): boolean | Promise<boolean> {
  const { account } = process
  const free = account.holder(MEM).available(MEM)
  if (need <= free) return true
  const ceiling = memory.residentTokens + free
  if (need > ceiling) return false
  const goal = Math.max(need - free, Math.ceil(memory.residentTokens + need - ceiling * LOW_MARK))
  const candidates = memory.inOrder().filter((segment) => !keep.has(segment.id))
  // Ours only reads; any other gets copies, for whatever it does to them must not reach the memory.
  const shown = core.pager instanceof DefaultPager ? candidates : candidates.map(copySegment)
  const answer = guard<PageOut>(core, process, 'pager', { evict: [] }, () => core.pager.pageOut(shown, goal))
  return then(answer, (out) => {
    if (process.isDead) return false
    evict(core, process, memory, out, keep, need)
    return need <= account.holder(MEM).available(MEM)
  })
}

/** Does what the pager asked as far as it is allowed: pinned, kept and unknown ids are passed over. */
function evict(
  core: Core,
  process: Process,
  memory: Memory,
  out: PageOut,
  keep: ReadonlySet<SegId>,
  need: number,
): void {
  let freed = 0
  let count = 0
  const ids = Array.isArray(out?.evict) ? out.evict : []
  for (const id of ids) {
    const stored = memory.resident.get(id)
    if (!stored || stored.segment.pinned || keep.has(id)) continue
    memory.take(id)
    // An extract of what is in swap itself would only be found twice there, and pile up with every eviction.
    if (!stored.segment.summary) memory.swapOut(stored)
    freed += stored.segment.tokens
    count++
  }
  if (count === 0) return
  release(process.account, MEM, freed)
  core.metrics.add('page_outs_total', count)
  core.events.push(process.pid, { kind: 'page.out', tokens: freed, segments: count })
  addSummary(core, process, memory, out, freed, need)
}

function addSummary(
  core: Core,
  process: Process,
  memory: Memory,
  out: PageOut,
  freed: number,
  need: number,
): void {
  try {
    const summary = out.summary
    if (!summary) return
    const body = copyBody(summary.body)
    const tokens = summary.tokens === undefined ? estTokens(body) : parseTokens(summary.tokens)
    if (tokens >= freed || tokens + need > process.account.holder(MEM).available(MEM)) return
    const segment = freeze({
      id: newSegId(core.nextSegment()),
      body,
      tokens,
      pinned: false,
      summary: true as const,
    })
    place(process, memory, { segment, order: memory.nextOrder() })
  } catch (error) {
    core.events.push(process.pid, { kind: 'fault', where: 'pager', error: textOf(error) })
  }
}

/** What a page-in has brought back so far. */
interface PagedIn {
  readonly kept: Set<SegId>
  readonly segments: Segment[]
  tokens: number
}

/** Brings segments back one after the other; at once as long as the pager answers at once. */
function pageIn(
  core: Core,
  process: Process,
  memory: Memory,
  wanted: readonly SegId[],
): Segment[] | Promise<Segment[]> {
  const state: PagedIn = { kept: new Set(), segments: [], tokens: 0 }
  const from = (start: number): Segment[] | Promise<Segment[]> => {
    for (let at = start; at < wanted.length; at++) {
      const stored = memory.swap.get(wanted[at] as SegId)
      if (!stored) continue
      const room = makeRoom(core, process, memory, stored.segment.tokens, state.kept)
      if (room instanceof Promise) {
        return room.then((isThere) => {
          if (isThere) bringBack(process, memory, stored, state)
          return from(at + 1)
        })
      }
      if (room === true) bringBack(process, memory, stored, state)
    }
    return pagedIn(core, process, state)
  }
  return from(0)
}

function bringBack(process: Process, memory: Memory, stored: Stored, state: PagedIn): void {
  const { id, tokens } = stored.segment
  if (process.isDead || !memory.swap.has(id) || !place(process, memory, stored)) return
  memory.swap.delete(id)
  state.kept.add(id)
  state.tokens += tokens
  state.segments.push(copySegment(stored.segment))
}

function pagedIn(core: Core, process: Process, { segments, tokens }: PagedIn): Segment[] {
  if (segments.length > 0) {
    core.metrics.add('page_ins_total', segments.length)
    core.events.push(process.pid, { kind: 'page.in', tokens, segments: segments.length })
  }
  return segments
}

/** Charges and adds; false when the pool was taken meanwhile. */
function place(process: Process, memory: Memory, stored: Stored): boolean {
  if (process.isDead) return false
  const cost = zero()
  cost[MEM] = stored.segment.tokens
  if (charge(process.account, cost)) return false
  memory.add(stored)
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
function believable(list: readonly Ranked[], memory: Memory, k: number): SegId[] {
  if (!Array.isArray(list)) return []
  const order = (id: SegId): number => memory.swap.get(id)?.order ?? 0
  const good = list.filter((one) => memory.swap.has(one?.id) && Number.isFinite(one.score) && one.score > 0)
  good.sort((a, b) => b.score - a.score || order(b.id) - order(a.id))
  return [...new Set(good.map((one) => one.id))].slice(0, k)
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

function copySegment(segment: Segment): Segment {
  return freeze({ ...segment, body: copyBody(segment.body) })
}

function freeze(segment: Segment): Segment {
  return Object.freeze(segment)
}

function parseTokens(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new KernelError('EINVAL', 'tokens must be a whole number of at least 1')
  }
  return value
}

const NOTHING: ReadonlySet<SegId> = new Set()
