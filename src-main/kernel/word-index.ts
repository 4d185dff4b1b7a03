import { BodyWords, type WantedWord, wordHashes } from './body-words.ts'

/** What can be found by its words: something with a body, and its place in the order of writing. */
export interface Findable {
  readonly body: unknown
  readonly order: number
  /** Made when it is first looked at; bodies never change. */
  words: BodyWords | undefined
}

/** Up to `k` entries that may be had and hold a wanted word: most words first, newest first among equals. */
export function bestOf<T extends Findable>(
  entries: readonly T[],
  wanted: readonly WantedWord[],
  k: number,
  mayBeHad: (item: T) => boolean,
): T[] {
  const found: T[] = []
  const scores = wanted.length > 1 ? new Map<T, number>() : undefined
  for (let i = 0; i < entries.length; i++) {
    const item = entries[i] as T
    const score = mayBeHad(item) ? scoreOf(item, wanted) : 0
    if (score === 0) continue
    found.push(item)
    scores?.set(item, score)
  }
  if (found.length > 1) {
    const scored = (item: T): number => scores?.get(item) ?? 1
    found.sort((a, b) => scored(b) - scored(a) || b.order - a.order)
  }
  return found.length > k ? found.slice(0, k) : found
}

/** How many of the wanted words an entry holds. */
export function scoreOf(item: Findable, wanted: readonly WantedWord[]): number {
  item.words ??= new BodyWords(item.body)
  let score = 0
  for (let i = 0; i < wanted.length; i++) {
    if (item.words.hold(item.body, wanted[i] as WantedWord)) score++
  }
  return score
}

/** Tells which of many entries can hold a word without looking at the others. It covers a list that only grows. */
export class WordIndex<T extends Findable> {
  readonly #holders = new Map<number, T[]>()
  #covered = 0

  /** Those of `entries` that may hold a wanted word, and nothing else: each once, in no order. */
  candidates(entries: readonly T[], wanted: readonly WantedWord[]): readonly T[] {
    for (; this.#covered < entries.length; this.#covered++) {
      const item = entries[this.#covered]
      if (item) this.#add(item)
    }
    const [first] = wanted
    if (wanted.length <= 1) return (first && this.#holders.get(first.hash)) ?? []
    const some = new Set<T>()
    for (const { hash } of wanted) for (const item of this.#holders.get(hash) ?? []) some.add(item)
    return [...some]
  }

  #add(item: T): void {
    for (const hash of new Set(wordHashes(item.body))) {
      const holders = this.#holders.get(hash)
      if (holders) holders.push(item)
      else this.#holders.set(hash, [item])
    }
  }
}
