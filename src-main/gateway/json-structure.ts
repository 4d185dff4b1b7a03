/** Bounds on how much structure a JSON text has, whatever its length. */
export interface StructureLimits {
  /** Named members of all objects together. */
  readonly members: number
  /** Values of any kind, objects and arrays among them. */
  readonly values: number
  readonly depth: number
}

/** Which bound a text passes; undefined: none of them. */
export type StructureProblem = keyof StructureLimits | undefined

const quote = 34
const comma = 44
const colon = 58
const openBracket = 91
const backslash = 92
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

/**
 * Counts what a JSON text holds without making values of it, and leaves off as soon as it is too much: a nanosecond for
 * each byte, where a parser takes a hundred for each value. Of a text that is no JSON it may say anything.
 */
export function structureProblem(text: Uint8Array, limits: StructureLimits): StructureProblem {
  const { length } = text
  let members = 0
  let values = 1
  let depth = 0
  for (let at = 0; at < length; at++) {
    switch (text[at]) {
      case quote:
        at = endOfString(text, at)
        break
      case comma:
        if (++values > limits.values) return 'values'
        break
      case colon:
        if (++members > limits.members) return 'members'
        break
      case openBracket:
      case openBrace:
        if (++depth > limits.depth) return 'depth'
        // Its first value, if it has one: an empty one counts double, so that it is not for nothing.
        if (++values > limits.values) return 'values'
        break
      case closeBracket:
      case closeBrace:
        depth -= 1
        break
    }
  }
  return undefined
}

/** Where the string that begins at `from` ends: its closing quote, or the end of a text that breaks off. */
function endOfString(text: Uint8Array, from: number): number {
  const { length } = text
  let at = from + 1
  while (at < length) {
    const byte = text[at]
    if (byte === quote) return at
    at += byte === backslash ? 2 : 1
  }
  return length
}
