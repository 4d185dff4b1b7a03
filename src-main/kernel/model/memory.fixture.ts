/** Paged memory as two lists, with the standard pager and recaller said once more in the plainest way. */

export interface PlainSegment {
  readonly id: string
  readonly body: unknown
  readonly tokens: number
  readonly order: number
  readonly isSummary: boolean
  pinned: boolean
}

export interface PlainMemory {
  resident: PlainSegment[]
  swap: PlainSegment[]
  orders: number
}

export function plainTokens(body: unknown): number {
  return Math.max(1, Math.ceil(new TextEncoder().encode(JSON.stringify(body) ?? '').length / 4))
}

const plainText = (body: unknown): string => (typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))

export const residentTokens = (memory: PlainMemory): number =>
  memory.resident.reduce((sum, one) => sum + one.tokens, 0)

export const inOrder = (memory: PlainMemory): PlainSegment[] =>
  [...memory.resident].sort((a, b) => a.order - b.order)

/** What the standard pager picks: oldest unpinned first until enough, and a few lines of the last of them. */
export function pickVictims(candidates: readonly PlainSegment[], goal: number) {
  const victims: PlainSegment[] = []
  for (const one of candidates) {
    const freed = victims.reduce((sum, victim) => sum + victim.tokens, 0)
    if (freed < goal && !one.pinned) victims.push(one)
  }
  const told = victims.filter((one) => !one.isSummary).slice(-4)
  return { victims, summary: told.map((one) => plainText(one.body).slice(0, 80)).join('\n') }
}

/** Swapped segments that share a word with the query, best first, newest first among equals. */
export function matches(memory: PlainMemory, query: string, k: number): PlainSegment[] {
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const wanted = [...new Set(words(query))]
  const score = (one: PlainSegment): number => {
    const has = words(plainText(one.body))
    return wanted.filter((word) => has.includes(word)).length
  }
  return [...memory.swap]
    .filter((one) => score(one) > 0)
    .sort((a, b) => score(b) - score(a) || b.order - a.order)
    .slice(0, k)
}
