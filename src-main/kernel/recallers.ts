import type { DriverCost, Ranked, Ranking, Recaller, Segment } from './abi.ts'
import { textOfBody, wordsOf } from './body-text.ts'
import { differentWords } from './body-words.ts'

/** How quickly repeating a word stops adding to a score, and how much long segments are held back (Robertson 1994). */
const K1 = 1.2
const B = 0.75

const DIMS = 256
/** Weight of a word's three-letter pieces against the word itself: they bring inflected forms near each other. */
const PIECE_WEIGHT = 0.25
/** Words of one text that an embedding looks at, which bounds its time. */
const MAX_WORDS = 20_000

interface Scored extends Ranked {
  /** Position among the given segments; later ones are newer. */
  readonly at: number
}

interface Counted {
  readonly counts: ReadonlyMap<string, number>
  readonly length: number
}

/** Ranks by BM25 (k1 1.2, b 0.75) over the given segments as the collection; ties newest first. */
export class Bm25Recaller implements Recaller {
  /** Segments are frozen, so that counting their words once is enough. */
  readonly #known = new WeakMap<Segment, Counted>()

  rank(query: string, segments: readonly Segment[], k: number): Ranked[] {
    const wanted = differentWords(query)
    if (wanted.length === 0 || segments.length === 0) return []
    const documents = segments.map((segment) => this.#count(segment))
    const meanLength = documents.reduce((sum, one) => sum + one.length, 0) / documents.length
    const weights = wanted.map((word) => {
      const holding = documents.reduce((sum, one) => sum + (one.counts.has(word) ? 1 : 0), 0)
      return Math.log(1 + (documents.length - holding + 0.5) / (holding + 0.5))
    })
    return best(
      segments,
      documents.map((document) => score(document, wanted, weights, meanLength)),
      k,
    )
  }

  #count(segment: Segment): Counted {
    const known = this.#known.get(segment)
    if (known) return known
    const words = wordsOf(textOfBody(segment.body))
    const counts = new Map<string, number>()
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
    const counted = { counts, length: words.length }
    this.#known.set(segment, counted)
    return counted
  }
}

function score(
  document: Counted,
  wanted: readonly string[],
  weights: readonly number[],
  meanLength: number,
): number {
  let sum = 0
  const held = K1 * (1 - B + (B * document.length) / Math.max(1, meanLength))
  wanted.forEach((word, i) => {
    const count = document.counts.get(word) ?? 0
    if (count > 0) sum += ((weights[i] ?? 0) * count * (K1 + 1)) / (count + held)
  })
  return sum
}

/** Turns text into a vector; any length, as long as it is always the same one. What is not local says what it cost. */
export type Embed = (text: string) => Embedding | Promise<Embedding>

export type Embedding =
  | readonly number[]
  | { readonly vector: readonly number[]; readonly cost?: DriverCost | undefined }

/**
 * Ranks by the cosine between the query's and each segment's vector; ties newest first. Asynchronous when `embed` is;
 * a segment is embedded once, and what that cost is charged to whoever recalls first. A vector of another length than
 * the query's, or with a NaN, ranks nowhere.
 */
export class VectorRecaller implements Recaller {
  readonly #embed: Embed
  readonly #known = new WeakMap<Segment, readonly number[]>()

  constructor(embed: Embed) {
    this.#embed = embed
  }

  rank(query: string, segments: readonly Segment[], k: number): Ranking | Promise<Ranking> {
    if (segments.length === 0 || query === '') return []
    const unknown = segments.filter((segment) => !this.#known.has(segment))
    const embedded = [query, ...unknown.map(({ body }) => textOfBody(body))].map((text) => this.#embed(text))
    const finish = ([wanted, ...others]: readonly Embedding[]): Ranking => {
      others.forEach((one, at) => {
        const segment = unknown[at]
        if (segment) this.#known.set(segment, vectorOf(one))
      })
      const one = wanted ? vectorOf(wanted) : []
      const scores = segments.map((segment) => cosine(one, this.#known.get(segment) ?? []))
      const ranked = best(segments, scores, k)
      const costs = [...(wanted ? [wanted] : []), ...others].flatMap(costOf)
      return costs.length === 0 ? ranked : { ranked, cost: sumOf(costs) }
    }
    const areThere = (all: typeof embedded): all is Embedding[] => !all.some((one) => one instanceof Promise)
    return areThere(embedded) ? finish(embedded) : Promise.all(embedded).then(finish)
  }
}

function vectorOf(one: Embedding): readonly number[] {
  return 'vector' in one ? one.vector : one
}

function costOf(one: Embedding): DriverCost[] {
  return 'cost' in one && one.cost !== undefined ? [one.cost] : []
}

/** Dollars are added as nano-dollars: each sum of floats would come out a little different. */
function sumOf(costs: readonly DriverCost[]): DriverCost {
  const sum = (key: 'tokens' | 'toolCalls' | 'reductions'): number =>
    costs.reduce((total, cost) => total + (cost[key] ?? 0), 0)
  const nanos = costs.reduce((total, { usd = 0 }) => total + Math.ceil(usd * 1e9 - 1e-6), 0)
  const isEstimated = costs.some(({ estimated }) => estimated === true)
  return {
    tokens: sum('tokens'),
    toolCalls: sum('toolCalls'),
    usd: nanos / 1e9,
    reductions: sum('reductions'),
    ...(isEstimated ? { estimated: true } : {}),
  }
}

/**
 * A local embedding without a model: words and their three-letter pieces hashed (FNV-1a) into `dims` signed buckets,
 * scaled to length 1. The same text always gives the same vector; a text without words gives the zero vector.
 */
export function hashEmbed(text: string, dims = DIMS): number[] {
  const vector = new Array<number>(Math.max(1, Math.floor(dims))).fill(0)
  for (const word of wordsOf(text).slice(0, MAX_WORDS)) {
    add(vector, word, 1)
    const framed = `^${word}$`
    for (let i = 0; i + 3 <= framed.length; i++) add(vector, framed.slice(i, i + 3), PIECE_WEIGHT)
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? vector : vector.map((value) => value / length)
}

/** One bit of the hash decides the sign, so that collisions cancel out instead of adding up. */
function add(vector: number[], feature: string, weight: number): void {
  const hash = fnv1a(feature)
  const at = (hash >>> 1) % vector.length
  vector[at] = (vector[at] ?? 0) + ((hash & 1) === 0 ? weight : -weight)
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    hash = Math.imul(hash ^ (code & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (code >>> 8), 0x01000193)
  }
  return hash >>> 0
}

function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.NaN
  let dot = 0
  let lengthA = 0
  let lengthB = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0
    const y = b[i] ?? 0
    dot += x * y
    lengthA += x * x
    lengthB += y * y
  }
  return lengthA === 0 || lengthB === 0 ? 0 : dot / (Math.sqrt(lengthA) * Math.sqrt(lengthB))
}

/** The best `k` with a finite score above 0, best first, equal ones newest first. */
function best(segments: readonly Segment[], scores: readonly number[], k: number): Ranked[] {
  const scored: Scored[] = []
  segments.forEach((segment, at) => {
    const value = scores[at] ?? 0
    if (Number.isFinite(value) && value > 0) scored.push({ id: segment.id, score: value, at })
  })
  scored.sort((a, b) => b.score - a.score || b.at - a.at)
  return scored.slice(0, Math.max(0, k)).map(({ id, score: value }) => ({ id, score: value }))
}
