import type { Segment } from './abi.ts'
import type { SegId } from './ids.ts'

/** A segment with its place in the original order of writing. */
export interface Stored {
  readonly segment: Segment
  readonly order: number
}

/** A process's context as a paged address space: what is resident, what is in swap, never both. */
export class Memory {
  readonly resident = new Map<SegId, Stored>()
  readonly swap = new Map<SegId, Stored>()
  residentTokens = 0
  /** Paging that waits for an asynchronous pager or recaller; calls behind it keep their order. */
  tail: Promise<void> | undefined
  #order = 0
  #isSorted = true
  #isSwapSorted = true
  #newestSwapped = 0

  nextOrder(): number {
    return ++this.#order
  }

  add(stored: Stored): void {
    // Only a page-in puts an older segment behind a newer one.
    if (stored.order !== this.#order) this.#isSorted = false
    this.resident.set(stored.segment.id, stored)
    this.residentTokens += stored.segment.tokens
  }

  /** Takes a segment out of the resident set and returns it. */
  take(id: SegId): Stored | undefined {
    const stored = this.resident.get(id)
    if (!stored) return undefined
    this.resident.delete(id)
    this.residentTokens -= stored.segment.tokens
    return stored
  }

  /** Puts a segment that was taken out into swap. */
  swapOut(stored: Stored): void {
    if (stored.order < this.#newestSwapped) this.#isSwapSorted = false
    else this.#newestSwapped = stored.order
    this.swap.set(stored.segment.id, stored)
  }

  /** The resident set in the order of writing. */
  inOrder(): Segment[] {
    if (!this.#isSorted) sortInPlace(this.resident)
    this.#isSorted = true
    return Array.from(this.resident.values(), (stored) => stored.segment)
  }

  /** What is in swap in the order of writing, so that a recaller's later entry is the newer one. */
  swapped(): Segment[] {
    if (!this.#isSwapSorted) sortInPlace(this.swap)
    this.#isSwapSorted = true
    return Array.from(this.swap.values(), (stored) => stored.segment)
  }

  clear(): void {
    this.resident.clear()
    this.swap.clear()
    this.residentTokens = 0
  }
}

function sortInPlace(stored: Map<SegId, Stored>): void {
  const sorted = [...stored.values()].sort((a, b) => a.order - b.order)
  stored.clear()
  for (const one of sorted) stored.set(one.segment.id, one)
}
