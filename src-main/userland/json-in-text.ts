/** More text than this is not looked at; models write less, attackers more. */
const MAX_CHARS = 256_000
/** Most values that are found in one text. */
const MAX_VALUES = 256
/** Characters given to the parser before giving up: nested broken pairs would cost their square. */
const MAX_PARSED = 2_000_000

interface Pair {
  readonly from: number
  readonly to: number
  /** Whole pairs inside, used when the pair itself is no JSON. */
  readonly inner: readonly Pair[]
}

/** A value in a text. */
export interface FoundJson {
  readonly value: unknown
  /** It stands alone, and is no part of something larger that is broken or was cut off. */
  readonly isOutermost: boolean
}

interface Open {
  readonly pair: Pair
  readonly isOutermost: boolean
}

/**
 * Finds the JSON objects and arrays in a text, outermost first and in order: between prose, in code fences, and the
 * whole parts of one that was cut off or broken. Never throws; takes time linear in the text.
 */
export function findJson(text: string): FoundJson[] {
  const seen = text.slice(0, MAX_CHARS)
  const found: FoundJson[] = []
  const open = pairsOf(seen).reverse()
  let parsed = 0
  for (let next = open.pop(); next && found.length < MAX_VALUES && parsed < MAX_PARSED; next = open.pop()) {
    const { pair, isOutermost } = next
    parsed += pair.to - pair.from
    const value = parse(seen.slice(pair.from, pair.to))
    if (value !== undefined) found.push({ value, isOutermost })
    else for (const inner of [...pair.inner].reverse()) open.push({ pair: inner, isOutermost: false })
  }
  return found
}

/** Matching brackets in one pass. Inside them, quotes hide brackets; a line break ends a quote that was none. */
function pairsOf(text: string): Open[] {
  const stack: { at: number; close: string; inner: Pair[] }[] = []
  const top: Pair[] = []
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (isQuoted) {
      if (char === '\\') i++
      else if (char === '"' || char === '\n') isQuoted = false
    } else if (char === '{' || char === '[') {
      stack.push({ at: i, close: char === '{' ? '}' : ']', inner: [] })
    } else if (char === '"') isQuoted = stack.length > 0
    else if (char === '}' || char === ']') {
      const last = stack.at(-1)
      if (last?.close !== char) continue
      stack.pop()
      const into = stack.at(-1)?.inner ?? top
      into.push({ from: last.at, to: i + 1, inner: last.inner })
    }
  }
  // What never closed gives its whole parts to what is around it.
  const parts = stack.flatMap(({ inner }) => inner)
  const open = [
    ...top.map((pair) => ({ pair, isOutermost: true })),
    ...parts.map((pair) => ({ pair, isOutermost: false })),
  ]
  return open.sort((a, b) => a.pair.from - b.pair.from)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}
