import type { Segment } from './abi.ts'
import { type BodyWords, wantedWords } from './body-words.ts'
import type { SegId } from './ids.ts'
import type { Later } from './later.ts'
import { extractOf, lineBytes, lineOf } from './pager.ts'
import { bestOf, WordIndex } from './word-index.ts'

/** Where a segment is: never in two places. */
export type Place = 'nowhere' | 'resident' | 'swap'

/** A segment with its place in the original order of writing. Nothing outside the kernel ever holds one. */
export class Stored {
  readonly id: SegId
  readonly tokens: number
  readonly summary: true | undefined
  pinned: boolean
  order = 0
  place: Place = 'nowhere'
  /** Stands in the list of what went to swap, even if it came back since. */
  isListed = false
  words: BodyWords | undefined
  /** Length of the line that a summary has of it, as `lineBytes` counts; 0 while none has one. */
  lineBytes = 0
  /** What recallers of the host's are shown; always the same object, so that they can keep what they know of it. */
  shown: Segment | undefined
  /** Of a summary of ours, until somebody reads it: what it tells of. */
  #body: unknown | Told

  /** `told` is set for a summary of ours, whose text is put together when somebody reads it: most are never read. */
  constructor(
    id: SegId,
    body: unknown,
    tokens: number,
    pinned: boolean,
    summary: true | undefined,
    told?: readonly Stored[],
  ) {
    this.id = id
    this.#body = told ? new Told(told) : body
    this.tokens = tokens
    this.pinned = pinned
    this.summary = summary
  }

  get body(): unknown {
    if (this.#body instanceof Told) this.#body = extractOf(this.#body.of.map(lineOf))
    return this.#body
  }

  /** Length of its line; counted once, since some go out again and again. */
  tell(): number {
    if (this.lineBytes === 0) this.lineBytes = lineBytes(lineOf(this))
    return this.lineBytes
  }

  /** Lets go of the body, but for its line where a summary may still ask for that. */
  drop(): void {
    if (this.lineBytes === 0) this.#body = undefined
    else if (this.tokens > SMALL) this.#body = lineOf(this)
    this.words = undefined
    this.shown = undefined
  }
}

/** Segments of which the lines make up a summary. */
class Told {
  readonly of: readonly Stored[]

  constructor(of: readonly Stored[]) {
    this.of = of
  }
}

/** Bodies up to this many tokens may be kept for their line: that is a text of hardly less. */
const SMALL = 128
/** Lists keep this many that left before they are cleaned up, so that small ones are not for ever cleaned. */
const LITTER = 32
/** Up to this many entries, looking at each costs less than keeping an index or sorting. */
const FEW = 64
/** Up to this many entries, moving half of them to let one in costs less than sorting them. */
const MOVED = 4096

/**
 * A process's context as a paged address space. Writing appends to a list and nothing else; who leaves is only marked,
 * and lists are cleaned when half of what they hold is gone, so that each call costs the same however much there is.
 */
export class Memory {
  residentTokens = 0
  swapTokens = 0
  /** While paging waits for an asynchronous pager or recaller: that and the calls behind it, in their order. */
  queue: (() => Later<void> | undefined)[] | undefined
  #order = 0
  /** Resident segments, and among them some that left; each stands here once. */
  #resident: Stored[] = []
  #residentLitter = 0
  #isSorted = true
  /** What went to swap, and among it some that came back or were forgotten; each stands here once. */
  #swap: Stored[] = []
  #swapLitter = 0
  #isSwapSorted = true
  /** By id: made when the first is looked for, since most are written and read in order. */
  #byId: Map<SegId, Stored> | undefined
  /** Of the list of what went to swap, when that is long: made by a recall, and anew when the list was rebuilt. */
  #index: WordIndex<Stored> | undefined

  /** Adds a new segment behind all others. */
  write(stored: Stored): void {
    stored.order = ++this.#order
    this.#settle(stored)
    this.#byId?.set(stored.id, stored)
  }

  /** Adds a new segment straight to swap, behind all others. */
  writeToSwap(stored: Stored): void {
    stored.order = ++this.#order
    this.#byId?.set(stored.id, stored)
    this.#sink(stored)
  }

  /** Brings a swapped segment back to its old place. */
  bringBack(stored: Stored): void {
    this.swapTokens -= stored.tokens
    this.#swapLitter++
    this.#settle(stored)
  }

  /** Takes resident segments out: summaries for good, for what they sum up is in swap; all others to swap. */
  evict(leaving: readonly Stored[]): void {
    for (const stored of leaving) {
      this.residentTokens -= stored.tokens
      if (stored.summary) this.#lose(stored)
      else this.#sink(stored)
    }
    this.#sweepResident()
  }

  /** Drops a segment wherever it is; gives the tokens that were resident. */
  forget(id: SegId): number {
    const stored = this.find(id)
    if (!stored) return 0
    const wasResident = stored.place === 'resident'
    this.#lose(stored)
    if (!wasResident) {
      this.swapTokens -= stored.tokens
      this.#swapLitter++
      this.#sweepSwap()
      return 0
    }
    this.residentTokens -= stored.tokens
    if (++this.#residentLitter > LITTER && this.#residentLitter * 2 > this.#resident.length)
      this.#sweepResident()
    return stored.tokens
  }

  find(id: SegId): Stored | undefined {
    if (!this.#byId && this.#resident.length + this.#swap.length <= FEW) {
      const known = (stored: Stored): boolean => stored.id === id && stored.place !== 'nowhere'
      return this.#resident.find(known) ?? this.#swap.find(known)
    }
    if (!this.#byId) {
      this.#byId = new Map()
      for (const stored of this.#resident) if (isResident(stored)) this.#byId.set(stored.id, stored)
      for (const stored of this.#swap) if (isSwapped(stored)) this.#byId.set(stored.id, stored)
    }
    return this.#byId.get(id)
  }

  /** The resident set in the order of writing; the memory's own list, to be read before anything changes. */
  inOrder(): readonly Stored[] {
    if (this.#residentLitter > 0) this.#sweepResident()
    if (!this.#isSorted) this.#resident.sort(byOrder)
    this.#isSorted = true
    return this.#resident
  }

  /** What is in swap in the order of writing, so that a recaller's later entry is the newer one. */
  swapped(): readonly Stored[] {
    if (!this.#isSwapSorted) {
      this.#swap.sort(byOrder)
      this.#index = undefined
    }
    this.#isSwapSorted = true
    return this.#swapLitter === 0 ? this.#swap : this.#swap.filter(isSwapped)
  }

  /** The swapped segments that hold most of the query's words, best first, newest first among equals. */
  matching(query: string, k: number): Stored[] {
    const wanted = wantedWords(query)
    const isLong = this.#swap.length > FEW
    if (isLong) this.#index ??= new WordIndex()
    const among = isLong && this.#index ? this.#index.candidates(this.#swap, wanted) : this.#swap
    return bestOf(among, wanted, k, isSwapped)
  }

  clear(): void {
    this.#resident = []
    this.#swap = []
    this.#byId = undefined
    this.#index = undefined
    this.residentTokens = 0
    this.swapTokens = 0
  }

  #settle(stored: Stored): void {
    stored.place = 'resident'
    this.residentTokens += stored.tokens
    const resident = this.#resident
    const last = resident.at(-1)
    // Only a page-in puts an older segment behind a newer one.
    if (!last || last.order < stored.order) resident.push(stored)
    else if (this.#isSorted && resident.length <= MOVED) resident.splice(placeOf(stored, resident), 0, stored)
    else {
      resident.push(stored)
      this.#isSorted = false
    }
  }

  #sink(stored: Stored): void {
    stored.place = 'swap'
    this.swapTokens += stored.tokens
    if (stored.isListed) this.#swapLitter--
    else {
      stored.isListed = true
      const last = this.#swap.at(-1)
      if (last && last.order > stored.order) this.#isSwapSorted = false
      this.#swap.push(stored)
    }
    this.#sweepSwap()
  }

  #sweepResident(): void {
    const resident = this.#resident
    let kept = 0
    for (const stored of resident) if (isResident(stored)) resident[kept++] = stored
    resident.length = kept
    this.#residentLitter = 0
  }

  /** Drops from the list of swapped what is elsewhere, when that is most of it. */
  #sweepSwap(): void {
    if (this.#swapLitter <= LITTER || this.#swapLitter * 2 <= this.#swap.length) return
    for (const stored of this.#swap) stored.isListed = isSwapped(stored)
    this.#swap = this.#swap.filter(isSwapped)
    this.#swapLitter = 0
    this.#index = undefined
  }

  /** For good. */
  #lose(stored: Stored): void {
    stored.place = 'nowhere'
    stored.drop()
    this.#byId?.delete(stored.id)
  }
}

/** Where a segment belongs in a sorted list. */
function placeOf({ order }: Stored, sorted: readonly Stored[]): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((sorted[middle]?.order ?? 0) < order) from = middle + 1
    else to = middle
  }
  return from
}

function isResident(stored: Stored): boolean {
  return stored.place === 'resident'
}

function isSwapped(stored: Stored): boolean {
  return stored.place === 'swap'
}

function byOrder(a: Stored, b: Stored): number {
  return a.order - b.order
}
