import { invalid } from './errors.ts'

/** Nesting beyond this is refused; it also is what ends a cycle. */
const MAX_DEPTH = 200

/**
 * Writes a JSON value in the one form that equal values share: object keys sorted by UTF-16 code unit, no white space,
 * the shortest digits that read back as the same number, -0 as 0, lone surrogates escaped. Two different values never
 * share a form. EINVAL for everything that JSON has no room for: undefined, NaN, infinities, bigint, functions,
 * instances, holes, cycles, nesting over 200, and texts longer than `maxChars`.
 */
export function canonicalJson(value: unknown, maxChars = Number.POSITIVE_INFINITY): string {
  const writer = { left: maxChars }
  return write(value, 0, writer)
}

interface Writer {
  /** Characters that may still be written; only a bound on work, so separators count roughly. */
  left: number
}

function write(value: unknown, depth: number, writer: Writer): string {
  if (typeof value === 'object' && value !== null) return writeObject(value, depth, writer)
  return spent(writePrimitive(value), writer)
}

function writePrimitive(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  return invalid(
    `${typeof value === 'number' ? 'a number that is not finite' : typeof value} has no JSON form`,
  )
}

function writeObject(value: object, depth: number, writer: Writer): string {
  if (depth >= MAX_DEPTH) invalid('value is nested too deeply or cyclic')
  if (Array.isArray(value)) {
    const length = value.length
    if (length > writer.left) invalid('value is too large')
    const items: string[] = []
    for (let i = 0; i < length; i++) items.push(write(value[i], depth + 1, writer))
    return spent(`[${items.join(',')}]`, writer, length + 2)
  }
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto !== Object.prototype && proto !== null) invalid('an instance has no JSON form')
  const source = value as Record<string, unknown>
  const members: string[] = []
  for (const key of Object.keys(source).sort()) {
    members.push(`${spent(JSON.stringify(key), writer)}:${write(source[key], depth + 1, writer)}`)
  }
  return spent(`{${members.join(',')}}`, writer, members.length + 2)
}

function spent(text: string, writer: Writer, chars = text.length): string {
  writer.left -= chars
  if (writer.left < 0) invalid('value is too large')
  return text
}
