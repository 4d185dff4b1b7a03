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

  /** The resident set in the order of writing. */
  inOrder(): Segment[] {
    if (!this.#isSorted) {
      const sorted = [...this.resident.values()].sort((a, b) => a.order - b.order)
      this.resident.clear()
      for (const stored of sorted) this.resident.set(stored.segment.id, stored)
      this.#isSorted = true
    }
    return Array.from(this.resident.values(), (stored) => stored.segment)
  }

  clear(): void {
    this.resident.clear()
    this.swap.clear()
    this.residentTokens = 0
  }
}
