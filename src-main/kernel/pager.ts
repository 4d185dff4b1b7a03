import type { PageOut, Pager, Ranked, Recaller, Segment } from './abi.ts'
import { headOfBody, textBytes } from './body-text.ts'
import { wantedWords } from './body-words.ts'
import { bestOf, scoreOf } from './word-index.ts'

/** Longest line a summary keeps of one evicted segment, and how many lines it keeps. */
const LINE_CHARS = 80
const LINES = 4
/** The quotes around a text in JSON. */
const QUOTE_BYTES = 2
/** A line break in JSON. */
const BREAK_BYTES = 2
/** What `lineBytes` counts for a line without text. */
export const EMPTY_LINE = BREAK_BYTES

/** What of a segment decides whether it goes, and what is left of it. */
export interface Pageable {
  readonly body: unknown
  readonly tokens: number
  readonly pinned: boolean
  readonly summary?: true | undefined
}

/** The oldest unpinned ones that together free `need`, or all of them. */
export function oldestUnpinned<S extends Pageable>(inOrder: Iterable<S>, need: number): S[] {
  const leaving: S[] = []
  let freed = 0
  for (const segment of inOrder) {
    if (freed >= need) break
    if (segment.pinned) continue
    leaving.push(segment)
    freed += segment.tokens
  }
  return leaving
}

/** The last few that leave and have something to tell, oldest first: a summary has one line of each. */
export function toldOf<S extends Pageable>(leaving: readonly S[]): S[] {
  const told: S[] = []
  for (let i = leaving.length - 1; i >= 0 && told.length < LINES; i--) {
    const segment = leaving[i]
    if (segment && !segment.summary) told.push(segment)
  }
  return told.reverse()
}

/** The text of a summary, of the lines of what it tells of. */
export function extractOf(lines: readonly string[]): string {
  return lines.join('\n')
}

/** What a summary tells of a segment: its beginning. */
export function lineOf({ body }: Pick<Pageable, 'body'>): string {
  return headOfBody(body, LINE_CHARS)
}

/** UTF-8 length of a line within a JSON string, with the break behind it; the last has the quotes instead. */
export function lineBytes(line: string): number {
  return textBytes(line) - QUOTE_BYTES + BREAK_BYTES
}

/** Evicts the oldest unpinned segments and leaves a short extract of the last of them. */
export class DefaultPager implements Pager {
  pageOut(resident: readonly Segment[], needTokens: number): PageOut {
    const leaving = oldestUnpinned(resident, needTokens)
    const evict = leaving.map((segment) => segment.id)
    const body = extractOf(toldOf(leaving).map(lineOf))
    return body === '' ? { evict } : { evict, summary: { body } }
  }
}

/** Ranks by how many of the query's words a segment holds, ties newest first. */
export class KeywordRecaller implements Recaller {
  rank(query: string, segments: readonly Segment[], k: number): Ranked[] {
    const entries = segments.map(({ id, body }, order) => ({ id, body, order, words: undefined }))
    const wanted = wantedWords(query)
    return bestOf(entries, wanted, k, () => true).map((item) => ({
      id: item.id,
      score: scoreOf(item, wanted),
    }))
  }
}
