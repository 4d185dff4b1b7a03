import type { PageOut, Pager, Ranked, Recaller, Segment } from './abi.ts'
import { headOfBody } from './body-text.ts'
import { WordIndex } from './word-index.ts'

/** Longest line a summary keeps of one evicted segment, and how many lines it keeps. */
const LINE_CHARS = 80
const LINES = 4

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

/** The lines of the last few that leave, or '' when none has anything to say. */
export function extractOf<S extends Pageable>(leaving: readonly S[], lineOf: (segment: S) => string): string {
  let extract = ''
  let lines = 0
  for (let i = leaving.length - 1; i >= 0 && lines < LINES; i--) {
    const segment = leaving[i]
    if (!segment || segment.summary) continue
    extract = lines === 0 ? lineOf(segment) : `${lineOf(segment)}\n${extract}`
    lines++
  }
  return extract
}

/** What a summary tells of a segment: its beginning. */
export function lineOf({ body }: Pageable): string {
  return headOfBody(body, LINE_CHARS)
}

/** Evicts the oldest unpinned segments and leaves a short extract of the last of them. */
export class DefaultPager implements Pager {
  pageOut(resident: readonly Segment[], needTokens: number): PageOut {
    const leaving = oldestUnpinned(resident, needTokens)
    const evict = leaving.map((segment) => segment.id)
    const body = extractOf(leaving, lineOf)
    return body === '' ? { evict } : { evict, summary: { body } }
  }
}

/** Ranks by how many of the query's words a segment holds, ties newest first. */
export class KeywordRecaller implements Recaller {
  rank(query: string, segments: readonly Segment[], k: number): Ranked[] {
    const index = new WordIndex<{ id: Segment['id']; body: unknown; order: number }>()
    for (const [order, { id, body }] of segments.entries()) index.add({ id, body, order })
    return index.best(query, k, () => true).map(({ item, score }) => ({ id: item.id, score }))
  }
}
