import { invalid } from './errors.ts'

/** Nesting beyond this is refused; it also is what ends a cycle. */
const MAX_DEPTH = 200
/** Texts that JSON writes as they are, between quotes. */
const PLAIN = /^[ !#-[\]-~]*$/

/**
 * Writes a JSON value in the one form that equal values share: object keys sorted by UTF-16 code unit, no white space,
 * the shortest digits that read back as the same number, -0 as 0, lone surrogates escaped. Two different values never
 * share a form. EINVAL for everything that JSON has no room for: undefined, NaN, infinities, bigint, functions,
 * instances, holes, cycles, nesting over 200, and texts longer than `maxChars`.
 */
export function canonicalJson(value: unknown, maxChars = Number.POSITIVE_INFINITY): string {
  if (isSorted(value, 0)) {
    const text = JSON.stringify(value)
    return text.length <= maxChars ? text : invalid('value is too large')
  }
  const writer = new Writer(maxChars)
  writer.write(value, 0)
  return writer.text
}

/**
 * True for a value whose plain JSON text is the canonical one already, as with everything that was canonical text once.
 * False also for what has no JSON form; then the writer says why.
 */
function isSorted(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      if (value === null) return true
      if (depth >= MAX_DEPTH) return false
      return Array.isArray(value) ? isListSorted(value, depth) : isRecordSorted(value, depth)
    default:
      return false
  }
}

function isListSorted(value: readonly unknown[] & { readonly toJSON?: unknown }, depth: number): boolean {
  if (value.toJSON !== undefined) return false
  for (let i = 0; i < value.length; i++) if (!isSorted(value[i], depth + 1)) return false
  return true
}

function isRecordSorted(value: object, depth: number): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto !== Object.prototype && proto !== null) return false
  const source = value as Record<string, unknown>
  let before: string | undefined
  for (const key of Object.keys(source)) {
    if ((before !== undefined && key < before) || !isSorted(source[key], depth + 1)) return false
    before = key
  }
  return true
}

/** Appends to one text, since that is what costs least per value: a hostile body may hold millions of them. */
class Writer {
  text = ''
  readonly #maxChars: number

  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  write(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#string(value)
        break
      case 'number':
        if (!Number.isFinite(value)) invalid('a number that is not finite has no JSON form')
        this.text += value
        break
      case 'boolean':
        this.text += value ? 'true' : 'false'
        break
      case 'object':
        if (value === null) this.text += 'null'
        else this.#object(value, depth)
        break
      default:
        invalid(`${typeof value} has no JSON form`)
    }
    if (this.text.length > this.#maxChars) invalid('value is too large')
  }

  #string(value: string): void {
    this.text += value.length < 100 && PLAIN.test(value) ? `"${value}"` : JSON.stringify(value)
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_DEPTH) invalid('value is nested too deeply or cyclic')
    if (Array.isArray(value)) {
      this.#array(value, depth)
      return
    }
    const proto: unknown = Object.getPrototypeOf(value)
    if (proto !== Object.prototype && proto !== null) invalid('an instance has no JSON form')
    this.#record(value as Record<string, unknown>, depth)
  }

  #array(value: readonly unknown[], depth: number): void {
    const { length } = value
    this.text += '['
    for (let i = 0; i < length; i++) {
      if (i > 0) this.text += ','
      this.write(value[i], depth + 1)
    }
    this.text += ']'
  }

  #record(value: Record<string, unknown>, depth: number): void {
    let isFirst = true
    this.text += '{'
    for (const key of Object.keys(value).sort()) {
      if (!isFirst) this.text += ','
      isFirst = false
      this.#string(key)
      this.text += ':'
      this.write(value[key], depth + 1)
    }
    this.text += '}'
  }
}
