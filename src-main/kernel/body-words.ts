import { isPlain, textOfBody, wordsOf } from './body-text.ts'

/** A word that is looked for, with its number, and the two bits that stand for it. */
export interface WantedWord {
  readonly word: string
  readonly hash: number
  readonly low: number
  readonly high: number
}

/** Words of a query that are looked for: each costs a look at all that is in swap, and a megabyte of them would take seconds. */
const MAX_WANTED = 256
/** Words that were looked up in a body's text are remembered up to this many. */
const REMEMBERED = 8
/** Deeper bodies are left to JSON, which knows what to do about a cycle. */
const MAX_DEPTH = 200
/** Small enough that a list of them is a list of machine words. */
const MASK = 0x3fffffff
/** Bits of a number that is stored without a box. */
const BITS = 30
/** FNV-1a. */
const START = 0x811c9dc5
const PRIME = 0x01000193

/**
 * The words of a body as numbers, which take a fraction of what the words themselves do. Two words may share one, so
 * where a number is found the text is asked, once.
 */
export class BodyWords {
  readonly #hashes: readonly number[]
  /** Bits of all words (Bloom 1970), which tell at once of most words that they are not there. */
  #low = 0
  #high = 0
  #held: string[] | undefined

  constructor(body: unknown) {
    // A copy of the very size: a list that grew keeps room for more.
    this.#hashes = wordHashes(body).slice()
    for (const hash of this.#hashes) {
      this.#low |= lowBit(hash)
      this.#high |= highBit(hash)
    }
  }

  /** Whether the body that it was made of holds the word. */
  hold(body: unknown, { word, hash, low, high }: WantedWord): boolean {
    if ((this.#low & low) === 0 || (this.#high & high) === 0) return false
    if (!this.#hashes.includes(hash)) return false
    if (this.#held?.includes(word)) return true
    if (!wordsOf(textOfBody(body)).includes(word)) return false
    this.#held ??= []
    if (this.#held.length < REMEMBERED) this.#held.push(word)
    return true
  }
}

/** A number for each word of a body's text, some perhaps more than once; two words may share one. */
export function wordHashes(body: unknown): number[] {
  const hashes: number[] = []
  const isKnown = typeof body === 'string' ? addText(body, false, hashes) : addHashes(body, 0, hashes)
  return isKnown ? hashes : wordsOf(textOfBody(body)).map(hashOfWord)
}

/** The first 256 different words of a query. */
export function differentWords(query: string): string[] {
  const words = wordsOf(query)
  return words.length > 1 ? [...new Set(words)].slice(0, MAX_WANTED) : words
}

export function wantedWords(query: string): WantedWord[] {
  return differentWords(query).map((word) => {
    const hash = hashOfWord(word)
    return { word, hash, low: lowBit(hash), high: highBit(hash) }
  })
}

function lowBit(hash: number): number {
  return 1 << (hash % BITS)
}

function highBit(hash: number): number {
  return 1 << ((hash >>> 15) % BITS)
}

function hashOfWord(word: string): number {
  let hash = START
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), PRIME)
  return hash & MASK
}

/** Adds what the words of a value's JSON hash to; false where only the JSON itself can tell. */
function addHashes(value: unknown, depth: number, into: number[]): boolean {
  switch (typeof value) {
    case 'string':
      return addText(value, true, into)
    case 'number':
      return addText(Number.isFinite(value) ? String(value) : 'null', true, into)
    case 'boolean':
      return addText(value ? 'true' : 'false', true, into)
    case 'object':
      if (value === null) return addText('null', true, into)
      if (depth > MAX_DEPTH) return false
      if (Array.isArray(value)) return addList(value, depth + 1, into)
      return isPlain(value) && addRecord(value, depth + 1, into)
    default:
      return false
  }
}

function addList(list: readonly unknown[], depth: number, into: number[]): boolean {
  for (let i = 0; i < list.length; i++) if (!addHashes(list[i], depth, into)) return false
  return true
}

function addRecord(record: Readonly<Record<string, unknown>>, depth: number, into: number[]): boolean {
  for (const key in record)
    if (!addText(key, true, into) || !addHashes(record[key], depth, into)) return false
  return true
}

/** Adds the words of a text, in JSON or by itself; false where that takes more than looking at each character. */
function addText(text: string, isJson: boolean, into: number[]): boolean {
  let hash = START
  let isIn = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isUpper = code >= 0x41 && code <= 0x5a
    if ((code >= 0x61 && code <= 0x7a) || isUpper || (code >= 0x30 && code <= 0x39)) {
      hash = Math.imul(hash ^ (isUpper ? code + 0x20 : code), PRIME)
      isIn = true
      continue
    }
    // An escape puts letters into the JSON that are not in the text; other scripts have cases of their own.
    if (code > 0x7e || (isJson && (code < 0x20 || code === 0x22 || code === 0x5c))) return false
    if (isIn) into.push(hash & MASK)
    hash = START
    isIn = false
  }
  if (isIn) into.push(hash & MASK)
  return true
}
