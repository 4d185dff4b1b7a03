import { invalid } from './errors.ts'

/**
 * Text forms of a copied body: one that keeps the order of keys, to be stored and read back, and one that sorts them,
 * to be hashed. Both are JSON; what JSON can't say is an object with the tag `$t`.
 */

const TAG = '$t'
/** Well above what `copyBody` lets through, where a map counts once and here three times. */
const MAX_DEPTH = 1000

export interface EncodeOptions {
  /** Sorts keys by UTF-16 code unit, so that the text depends on the value alone. */
  readonly isSorted?: boolean
  /** Applied to every text and key on the way. Must be idempotent, else a replay can't find the same hash. */
  readonly redact?: ((text: string) => string) | undefined
}

/** Turns a copied body into text; EINVAL for what `copyBody` would not have let through. */
export function encodeValue(value: unknown, options: EncodeOptions = {}): string {
  return encode(value, options, 0)
}

/** Reads back what `encodeValue` wrote. EINVAL for any other text. */
export function decodeValue(text: string): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return invalid('stored value is no JSON')
  }
  return text.includes(`"${TAG}"`) ? revive(parsed, 0) : parsed
}

function encode(value: unknown, options: EncodeOptions, depth: number): string {
  if (depth > MAX_DEPTH) return invalid('value is nested too deeply')
  switch (typeof value) {
    case 'string':
      return JSON.stringify(options.redact ? options.redact(value) : value)
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? String(value)
        : tagged('num', encodeNumber(value))
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return tagged('undef', 'null')
    case 'bigint':
      return tagged('big', `"${value}"`)
    case 'object':
      return value === null ? 'null' : encodeObject(value, options, depth)
    default:
      return invalid(`a ${typeof value} cannot be stored`)
  }
}

function tagged(tag: string, value: string): string {
  return `{"${TAG}":"${tag}","v":${value}}`
}

function encodeNumber(value: number): string {
  return Object.is(value, -0) ? '"-0"' : `"${value}"`
}

function encodeObject(value: object, options: EncodeOptions, depth: number): string {
  if (Array.isArray(value)) return encodeList(value, options, depth)
  if (value instanceof Date) return tagged('date', encode(value.getTime(), options, depth))
  if (value instanceof Map) {
    return tagged('map', `[${Array.from(value, (pair) => encodeList(pair, options, depth + 1)).join(',')}]`)
  }
  if (value instanceof Set) return tagged('set', encodeList([...value], options, depth))
  if (value instanceof ArrayBuffer) return tagged('buffer', `"${hexOf(new Uint8Array(value))}"`)
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    return tagged('view', `["${viewName(value)}","${hexOf(bytes)}"]`)
  }
  return encodeRecord(value as Record<string, unknown>, options, depth)
}

function encodeList(list: readonly unknown[], options: EncodeOptions, depth: number): string {
  let out = '['
  for (let i = 0; i < list.length; i++) out += (i === 0 ? '' : ',') + encode(list[i], options, depth + 1)
  return `${out}]`
}

function encodeRecord(value: Record<string, unknown>, options: EncodeOptions, depth: number): string {
  const { redact, isSorted } = options
  let entries = Object.entries(value)
  if (redact) entries = entries.map(([key, one]) => [redact(key), one])
  if (isSorted) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  if (entries.some(([key]) => key === TAG)) {
    return tagged('obj', `[${entries.map((pair) => encodeList(pair, options, depth + 1)).join(',')}]`)
  }
  let out = '{'
  for (const [key, one] of entries) {
    out += `${out === '{' ? '' : ','}${JSON.stringify(key)}:${encode(one, options, depth + 1)}`
  }
  return `${out}}`
}

type ViewMaker = new (buffer: ArrayBuffer) => ArrayBufferView

const VIEWS: Readonly<Record<string, ViewMaker>> = {
  DataView,
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}

function viewName(view: ArrayBufferView): string {
  for (const [name, kind] of Object.entries(VIEWS)) if (view instanceof kind) return name
  return invalid('this typed array cannot be stored')
}

/** Lower-case hex of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) out += HEX[byte] ?? ''
  return out
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function bytesOf(hex: unknown): Uint8Array<ArrayBuffer> {
  if (typeof hex !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(hex)) return invalid('stored bytes are no hex')
  const out = new Uint8Array(hex.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  return out
}

function revive(value: unknown, depth: number): unknown {
  if (depth > 2 * MAX_DEPTH) return invalid('stored value is nested too deeply')
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => revive(one, depth + 1))
  const record = value as Record<string, unknown>
  if (Object.hasOwn(record, TAG)) return reviveTagged(record[TAG], record.v, depth)
  return recordOf(Object.entries(record), depth)
}

function recordOf(entries: readonly (readonly [string, unknown])[], depth: number): Record<string, unknown> {
  return Object.fromEntries(entries.map(([key, one]) => [key, revive(one, depth + 1)]))
}

function reviveTagged(tag: unknown, value: unknown, depth: number): unknown {
  switch (tag) {
    case 'undef':
      return undefined
    case 'num':
      return typeof value === 'string' ? Number(value) : invalid('stored number is none')
    case 'big':
      return typeof value === 'string' && /^-?\d+$/.test(value)
        ? BigInt(value)
        : invalid('stored bigint is none')
    case 'date':
      return new Date(timeOf(revive(value, depth + 1)))
    case 'map':
      return new Map(pairsOf(value).map(([key, one]) => [revive(key, depth + 1), revive(one, depth + 1)]))
    case 'set':
      return new Set(listOf(value).map((one) => revive(one, depth + 1)))
    case 'buffer':
      return bytesOf(value).buffer
    case 'view':
      return reviveView(listOf(value))
    case 'obj':
      return recordOf(
        pairsOf(value).map(([key, one]) => [keyOf(key), one] as const),
        depth,
      )
    default:
      return invalid('stored value has an unknown tag')
  }
}

function reviveView([name, hex]: readonly unknown[]): unknown {
  const buffer = bytesOf(hex).buffer
  const View = typeof name === 'string' && Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined
  if (!View) return invalid('stored array is of no known type')
  try {
    return new View(buffer)
  } catch {
    return invalid('stored array has a broken length')
  }
}

function timeOf(value: unknown): number {
  return typeof value === 'number' ? value : invalid('stored date is none')
}

function keyOf(value: unknown): string {
  return typeof value === 'string' ? value : invalid('stored key is none')
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : invalid('stored value should be a list')
}

function pairsOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  return listOf(value).map((pair) => {
    const [key, one, ...rest] = listOf(pair)
    return rest.length === 0 ? ([key, one] as const) : invalid('stored pair has more than two parts')
  })
}
