import type { PageOut, Pager, Ranked, Recaller, Segment } from './abi.ts'

/** Longest line a summary keeps of one evicted segment, and how many lines it keeps. */
const LINE_CHARS = 80
const LINES = 4

/** Evicts the oldest unpinned segments and leaves a short extract of the last of them. */
export class DefaultPager implements Pager {
  pageOut(resident: readonly Segment[], needTokens: number): PageOut {
    const evict: Segment[] = []
    let freed = 0
    for (const segment of resident) {
      if (freed >= needTokens) break
      if (segment.pinned) continue
      evict.push(segment)
      freed += segment.tokens
    }
    const told = evict.filter((segment) => !segment.summary).slice(-LINES)
    const body = told.map((segment) => textOfBody(segment.body).slice(0, LINE_CHARS)).join('\n')
    const ids = evict.map((segment) => segment.id)
    return body === '' ? { evict: ids } : { evict: ids, summary: { body } }
  }
}

/** Ranks by how many of the query's words a segment holds, ties newest first. */
export class KeywordRecaller implements Recaller {
  /** Words of segments seen before: a segment never changes, and most are ranked again and again. */
  readonly #words = new WeakMap<Segment, ReadonlySet<string>>()

  rank(query: string, segments: readonly Segment[], k: number): Ranked[] {
    const wanted = new Set(wordsOf(query))
    if (wanted.size === 0) return []
    const scored: { id: Segment['id']; score: number; at: number }[] = []
    segments.forEach((segment, at) => {
      const words = this.#wordsIn(segment)
      let score = 0
      for (const word of wanted) if (words.has(word)) score++
      if (score > 0) scored.push({ id: segment.id, score, at })
    })
    scored.sort((a, b) => b.score - a.score || b.at - a.at)
    return scored.slice(0, k).map(({ id, score }) => ({ id, score }))
  }

  #wordsIn(segment: Segment): ReadonlySet<string> {
    let words = this.#words.get(segment)
    if (!words) {
      words = new Set(wordsOf(textOfBody(segment.body)))
      this.#words.set(segment, words)
    }
    return words
  }
}

/** A body as text: itself when it is text, else its JSON. */
export function textOfBody(body: unknown): string {
  if (typeof body === 'string') return body
  try {
    return JSON.stringify(body) ?? ''
  } catch {
    return ''
  }
}

/** Size of a body in tokens when nobody counted: a quarter of its UTF-8 length as JSON, at least 1. */
export function estTokens(body: unknown): number {
  const counted = plainBytes(body)
  return Math.max(1, Math.ceil((counted < 0 ? jsonBytes(body) : counted) / 4))
}

/**
 * UTF-8 length of the JSON of what is most of all bodies: records, lists, ASCII text without escapes, booleans and
 * numbers. Negative for anything else, which is then written out and counted.
 */
function plainBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return plainTextBytes(value)
    case 'number':
      return (value | 0) === value && value >= 0 ? digits(value) : NOT_PLAIN
    case 'boolean':
      return value ? 4 : 5
    case 'object':
      return value === null ? 4 : plainParts(value)
    default:
      return NOT_PLAIN
  }
}

/** Low enough that no sum of lengths brings it back above 0. */
const NOT_PLAIN = -1e15

function plainParts(value: object): number {
  let bytes = 1
  if (Array.isArray(value)) {
    for (const item of value) bytes += plainBytes(item) + 1
    return bytes === 1 ? 2 : bytes
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return NOT_PLAIN
  const record = value as Record<string, unknown>
  for (const key in record) bytes += plainTextBytes(key) + plainBytes(record[key]) + 2
  return bytes === 1 ? 2 : bytes
}

function plainTextBytes(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return NOT_PLAIN
  }
  return text.length + 2
}

function digits(value: number): number {
  let count = 1
  for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) count++
  return count
}

function jsonBytes(body: unknown): number {
  let json: string
  try {
    json = JSON.stringify(body) ?? ''
  } catch {
    json = ''
  }
  let bytes = 0
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    // Each half of a surrogate pair counts two of its four bytes.
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3
  }
  return bytes
}

/** The words of a text: runs of letters and digits of any script, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
