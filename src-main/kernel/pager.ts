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
  rank(query: string, segments: readonly Segment[], k: number): Ranked[] {
    const wanted = new Set(wordsOf(query))
    if (wanted.size === 0) return []
    const scored: { id: Segment['id']; score: number; at: number }[] = []
    segments.forEach((segment, at) => {
      const words = new Set(wordsOf(textOfBody(segment.body)))
      let score = 0
      for (const word of wanted) if (words.has(word)) score++
      if (score > 0) scored.push({ id: segment.id, score, at })
    })
    scored.sort((a, b) => b.score - a.score || b.at - a.at)
    return scored.slice(0, k).map(({ id, score }) => ({ id, score }))
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
  return Math.max(1, Math.ceil(bytes / 4))
}

/** The words of a text: runs of letters and digits of any script, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
