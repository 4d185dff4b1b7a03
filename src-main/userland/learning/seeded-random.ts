/** A generator of numbers in [0, 1) that repeats for the same seed. Not for secrets. */
export interface SeededRandom {
  next(): number
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  /** A copy in random order. */
  shuffled<T>(items: readonly T[]): T[]
}

/** Seeds may be any text or number; sfc32 (Chris Doty-Humphrey's PractRand), its state filled by FNV-1a of the seed. */
export function seededRandom(seed: string | number): SeededRandom {
  const text = String(seed)
  let a = fnv1a(text, 0x811c9dc5)
  let b = fnv1a(text, a)
  let c = fnv1a(text, b)
  let count = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0
    count = (count + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 0x1_0000_0000
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next()
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    shuffled<T>(items: readonly T[]): T[] {
      const out = [...items]
      for (let at = out.length - 1; at > 0; at--) {
        const other = below(at + 1)
        const held = out[at] as T
        out[at] = out[other] as T
        out[other] = held
      }
      return out
    },
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
