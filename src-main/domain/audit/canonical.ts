/** A value that can't be put into an entry: a defect of the caller, never coerced. `path` says where. */
export class NotCanonical extends Error {
  override readonly name = 'NotCanonical'
  readonly path: string

  constructor(path: string, why: string) {
    super(`${path === '' ? 'the value' : path}: ${why}`)
    this.path = path
  }
}

const deepest = 64

/** Longest body in UTF-8 bytes; larger content is stored apart, by its digest. */
export const maxBodyBytes = 256 * 1024

/**
 * JSON text of RFC 8785: keys by UTF-16 code units, no white space, ECMAScript numbers, strings as they are. Throws
 * {@link NotCanonical} for what two readers could read differently (spec/routing-kits-audit.md §8.2).
 */
export function canonicalJson(value: unknown): string {
  const text = write(value, '', 0)
  if (utf8Length(text) > maxBodyBytes) throw new NotCanonical('', `is longer than ${maxBodyBytes} bytes`)
  return text
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, path)
    case 'number':
      return writeNumber(value, path)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (depth >= deepest) throw new NotCanonical(path, `lies deeper than ${deepest} levels`)
      return Array.isArray(value) ? writeArray(value, path, depth) : writeObject(value, path, depth)
    default:
      throw new NotCanonical(path, `${typeof value} is no JSON`)
  }
}

function writeString(text: string, path: string): string {
  if (!text.isWellFormed()) throw new NotCanonical(path, 'has half a surrogate pair')
  return JSON.stringify(text)
}

function writeNumber(value: number, path: string): string {
  if (!Number.isFinite(value)) throw new NotCanonical(path, `${value} is no JSON number`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new NotCanonical(path, 'is an integer beyond 2^53-1')
  return formatNumber(value)
}

/** The shortest ECMAScript form, `1e+21`, `1e-7`, and 0 for minus zero. */
export function formatNumber(value: number): string {
  return Object.is(value, -0) ? '0' : String(value)
}

function writeArray(values: readonly unknown[], path: string, depth: number): string {
  let text = '['
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ','
    text += write(values[index], `${path}[${index}]`, depth + 1)
  }
  return `${text}]`
}

function writeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new NotCanonical(path, 'is no plain object')
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotCanonical(path, 'has a symbol as key')
  let text = '{'
  let isFirst = true
  for (const key of Object.keys(value).sort()) {
    const inner = path === '' ? key : `${path}.${key}`
    if (!isFirst) text += ','
    isFirst = false
    text += `${writeString(key, inner)}:${write((value as Record<string, unknown>)[key], inner, depth + 1)}`
  }
  return `${text}}`
}

/** Length in UTF-8, without making the bytes. The text is well formed. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) continue
    // Each half of a pair counts one unit and gives two bytes; everything else above 0x7ff gives three.
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return length
}

/**
 * Parses a text that has to be its own canonical form; undefined when it is not (white space, order, duplicate keys,
 * number forms, escapes) or when it is no JSON.
 */
export function parseCanonical(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return canonicalJson(value) === text ? { value } : undefined
  } catch {
    return undefined
  }
}
