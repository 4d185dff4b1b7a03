import { textOfBody, wordsOf } from './body-text.ts'

/** What an index can find: something with a body, and its place in the order of writing. */
export interface Indexed {
  readonly body: unknown
  readonly order: number
}

/** An entry and how many of the query's words it holds. */
export interface Match<T> {
  readonly item: T
  readonly score: number
}

/** Postings keep this many entries that are gone before they are cleaned up. */
const LITTER = 32

/**
 * Finds what holds most of a query's words without looking at anything else. Each entry is taken apart once, however
 * often it is asked for; one that can't be had for the moment stays in and is passed over.
 */
export class WordIndex<T extends Indexed> {
  readonly #holders = new Map<string, T[]>()
  readonly #gone = new Set<T>()
  #size = 0

  add(item: T): void {
    this.#size++
    for (const word of new Set(wordsOf(textOfBody(item.body)))) {
      const holders = this.#holders.get(word)
      if (holders) holders.push(item)
      else this.#holders.set(word, [item])
    }
  }

  /** Takes an entry out for good. What is gone may not be had any more, so that cleaning up can wait. */
  remove(item: T): void {
    this.#gone.add(item)
    if (this.#gone.size <= LITTER || this.#gone.size * 2 <= this.#size) return
    for (const [word, holders] of this.#holders) {
      const left = holders.filter((holder) => !this.#gone.has(holder))
      if (left.length === 0) this.#holders.delete(word)
      else this.#holders.set(word, left)
    }
    this.#size -= this.#gone.size
    this.#gone.clear()
  }

  /** Up to `k` entries that may be had and hold a word of the query: most words first, newest first among equals. */
  best(query: string, k: number, mayBeHad: (item: T) => boolean): Match<T>[] {
    const words = wordsOf(query)
    const [word = ''] = words
    const found = words.length > 1 ? this.#holdingMost(words, mayBeHad) : this.#holding(word, mayBeHad)
    if (found.length > 1) found.sort((a, b) => b.score - a.score || b.item.order - a.item.order)
    return found.length > k ? found.slice(0, k) : found
  }

  #holding(word: string, mayBeHad: (item: T) => boolean): Match<T>[] {
    const found: Match<T>[] = []
    for (const item of this.#holders.get(word) ?? []) if (mayBeHad(item)) found.push({ item, score: 1 })
    return found
  }

  #holdingMost(words: readonly string[], mayBeHad: (item: T) => boolean): Match<T>[] {
    const scores = new Map<T, number>()
    for (const word of new Set(words)) {
      for (const item of this.#holders.get(word) ?? []) {
        if (mayBeHad(item)) scores.set(item, (scores.get(item) ?? 0) + 1)
      }
    }
    return Array.from(scores, ([item, score]) => ({ item, score }))
  }
}
