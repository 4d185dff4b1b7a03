import { UserlandError } from '../faults.ts'

/** Something learnt, to be told again when it matters. */
export interface Lesson {
  readonly id: string
  readonly text: string
  readonly tags: readonly string[]
  /** Times it was recalled. */
  readonly uses: number
  /** How much it is worth, 0 to 1, as of `at`. */
  readonly score: number
  /** Kernel ms at which it was last learnt, recalled or weighed. */
  readonly at: number
}

/** A lesson before it has a place. */
export interface LessonDraft {
  readonly text: string
  readonly tags?: readonly string[]
  /** 0 to 1, default 0.5. */
  readonly score?: number
}

/** Where lessons are kept between processes. What `load` gives is checked, and what is no lesson is left out. */
export interface MemoryPersist {
  load(): Promise<unknown>
  save(lessons: readonly Lesson[]): Promise<void>
}

export interface LongMemoryOptions {
  /** The kernel's clock: `sys.now`. */
  readonly now: () => number
  /** Milliseconds in which an unused lesson loses half its worth; default 30 days. */
  readonly halfLifeMs?: number
  /** Most lessons; the weakest go first. Default 1000. */
  readonly capacity?: number
  /** Share of common words from which two lessons are one, default 0.8. */
  readonly sameness?: number
}

const DAY_MS = 86_400_000
const MAX_TEXT = 4000
const MAX_TAGS = 16
const MAX_TAG = 64
/** Below this a lesson is forgotten. */
const FLOOR = 0.02

interface Kept {
  readonly lesson: Lesson
  readonly words: ReadonlySet<string>
}

/**
 * Lessons that outlive a process: near-duplicates become one, unused ones fade, the fitting ones come back by query.
 * Deterministic for the same calls and times. Nothing in it costs anything; persisting costs what its driver does.
 */
export class LongMemory {
  readonly #now: () => number
  readonly #halfLifeMs: number
  readonly #capacity: number
  readonly #sameness: number
  /** In the order of learning. */
  #kept: Kept[] = []
  #lastId = 0

  /** EINVAL for a half-life, capacity or sameness that is none. */
  constructor(options: LongMemoryOptions) {
    const { now, halfLifeMs = 30 * DAY_MS, capacity = 1000, sameness = 0.8 } = options
    if (!(halfLifeMs > 0)) throw new UserlandError('EINVAL', 'halfLifeMs must be more than 0')
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new UserlandError('EINVAL', 'capacity must be at least 1')
    if (!(sameness > 0 && sameness <= 1)) throw new UserlandError('EINVAL', 'sameness must be in (0, 1]')
    this.#now = now
    this.#halfLifeMs = halfLifeMs
    this.#capacity = capacity
    this.#sameness = sameness
  }

  get size(): number {
    return this.#kept.length
  }

  /** In the order of learning. */
  lessons(): readonly Lesson[] {
    return this.#kept.map(({ lesson }) => lesson)
  }

  /**
   * Adds a lesson, or merges it into the one it nearly repeats: the longer text stays, tags unite, the better worth
   * counts, a little raised, for what is learnt twice is truer. Returns what is kept; undefined for a draft without words.
   */
  add(draft: LessonDraft): Lesson | undefined {
    const text = draft.text.trim().slice(0, MAX_TEXT)
    const words = wordsOf(text)
    if (words.size === 0) return undefined
    const at = this.#now()
    const score = clamp(draft.score ?? 0.5)
    const tags = tagsOf(draft.tags ?? [])
    const twin = this.#twinOf(words)
    if (!twin) {
      const lesson: Lesson = { id: `l${++this.#lastId}`, text, tags, uses: 0, score, at }
      this.#kept.push({ lesson, words })
      this.#shrink()
      return lesson
    }
    const { lesson } = twin
    const kept = text.length > lesson.text.length ? { text, words } : { text: lesson.text, words: twin.words }
    const merged: Lesson = {
      id: lesson.id,
      text: kept.text,
      tags: tagsOf([...lesson.tags, ...tags]),
      uses: lesson.uses,
      score: clamp(Math.max(this.#worth(lesson, at), score) + 0.1),
      at,
    }
    this.#replace(lesson.id, { lesson: merged, words: kept.words })
    return merged
  }

  /**
   * The at most `k` lessons that share words or tags with the query, best first: shared words, rarer ones weighing more,
   * up to doubled by worth. Being recalled counts as use and stops their fading.
   */
  recall(query: string, k = 5): readonly Lesson[] {
    const at = this.#now()
    const wanted = wordsOf(query)
    const weights = new Map([...wanted].map((word) => [word, this.#rarity(word)]))
    const scored = this.#kept.flatMap((kept, order) => {
      const relevance = [...weights].reduce(
        (sum, [word, weight]) => sum + (hasWord(kept, word) ? weight : 0),
        0,
      )
      return relevance > 0 ? [{ kept, order, score: relevance * (1 + this.#worth(kept.lesson, at)) }] : []
    })
    scored.sort((a, b) => b.score - a.score || b.order - a.order)
    return scored.slice(0, Math.max(0, k)).map(({ kept }) => {
      const { lesson, words } = kept
      const used: Lesson = { ...lesson, uses: lesson.uses + 1, score: this.#worth(lesson, at), at }
      this.#replace(lesson.id, { lesson: used, words })
      return used
    })
  }

  /** Brings every worth up to date and forgets what is worth nothing any more. Returns how many were forgotten. */
  decay(): number {
    const at = this.#now()
    const before = this.#kept.length
    this.#kept = this.#kept.flatMap(({ lesson, words }) => {
      const score = this.#worth(lesson, at)
      return score < FLOOR ? [] : [{ lesson: { ...lesson, score, at }, words }]
    })
    return before - this.#kept.length
  }

  forget(id: string): void {
    this.#kept = this.#kept.filter(({ lesson }) => lesson.id !== id)
  }

  /** Replaces what is in memory by what was saved, without what is no lesson. Returns how many were taken. */
  async load(persist: MemoryPersist): Promise<number> {
    const saved = await persist.load()
    const at = this.#now()
    this.#kept = []
    const ids = new Set<string>()
    for (const value of Array.isArray(saved) ? saved : []) {
      const lesson = parseLesson(value, at)
      if (!lesson || ids.has(lesson.id)) continue
      ids.add(lesson.id)
      this.#kept.push({ lesson, words: wordsOf(lesson.text) })
      this.#lastId = Math.max(this.#lastId, numberOf(lesson.id))
    }
    this.#shrink()
    return this.#kept.length
  }

  save(persist: MemoryPersist): Promise<void> {
    return persist.save(this.lessons())
  }

  /** Worth at a time: halved every half-life since it was last of use. */
  #worth(lesson: Lesson, at: number): number {
    return clamp(lesson.score * 0.5 ** (Math.max(0, at - lesson.at) / this.#halfLifeMs))
  }

  #twinOf(words: ReadonlySet<string>): Kept | undefined {
    return this.#kept.find((kept) => sharedOf(kept.words, words) >= this.#sameness)
  }

  #rarity(word: string): number {
    const holders = this.#kept.reduce((count, kept) => count + (hasWord(kept, word) ? 1 : 0), 0)
    return Math.log(1 + this.#kept.length / (1 + holders))
  }

  #replace(id: string, kept: Kept): void {
    this.#kept = this.#kept.map((one) => (one.lesson.id === id ? kept : one))
  }

  #shrink(): void {
    if (this.#kept.length <= this.#capacity) return
    const at = this.#now()
    const byWorth = [...this.#kept].sort((a, b) => this.#worth(b.lesson, at) - this.#worth(a.lesson, at))
    const stay = new Set(byWorth.slice(0, this.#capacity))
    this.#kept = this.#kept.filter((kept) => stay.has(kept))
  }
}

function hasWord({ words, lesson }: Kept, word: string): boolean {
  return words.has(word) || lesson.tags.includes(word)
}

/** Common words as a share of all (Jaccard). */
function sharedOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0
  for (const word of a) if (b.has(word)) common++
  return common / (a.size + b.size - common)
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
}

function tagsOf(tags: readonly unknown[]): readonly string[] {
  const clean = tags.flatMap((tag) =>
    typeof tag === 'string' ? [tag.trim().toLowerCase().slice(0, MAX_TAG)] : [],
  )
  return [...new Set(clean)].filter((tag) => tag !== '').slice(0, MAX_TAGS)
}

function clamp(score: number): number {
  return Number.isFinite(score) ? Math.min(1, Math.max(0, score)) : 0
}

function numberOf(id: string): number {
  const digits = /^l(\d{1,15})$/.exec(id)?.[1]
  return digits === undefined ? 0 : Number(digits)
}

function parseLesson(value: unknown, now: number): Lesson | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, text, tags, uses, score, at } = value as Readonly<Record<string, unknown>>
  if (typeof id !== 'string' || id === '' || id.length > MAX_TAG || typeof text !== 'string') return undefined
  const short = text.trim().slice(0, MAX_TEXT)
  if (wordsOf(short).size === 0) return undefined
  return {
    id,
    text: short,
    tags: tagsOf(Array.isArray(tags) ? tags : []),
    uses: typeof uses === 'number' && Number.isSafeInteger(uses) && uses >= 0 ? uses : 0,
    score: typeof score === 'number' ? clamp(score) : 0,
    // A time to come would never fade.
    at: typeof at === 'number' && Number.isFinite(at) ? Math.min(at, now) : now,
  }
}
