import { estTokens, jsonBytes, textBytes, tokensOf, UNKNOWN } from './body-text.ts'
import { invalid } from './errors.ts'

/** Nesting beyond this is refused; it also is what ends a cycle. */
const MAX_DEPTH = 200
/** Values in one body; a shared sub-object counts each time it is reached, which bounds exponential sharing. */
const MAX_VALUES = 1_000_000

/** One copy under way. */
interface Course {
  /** Values that may still come. */
  values: number
  /** Bytes of JSON so far, negative where the copy has to be written out to be known; undefined where nobody asks. */
  bytes: number | undefined
}

/**
 * Copies a message body, argument or driver value so that neither side sees the other's later changes. Takes JSON
 * types, undefined, bigint, Date, Map, Set, ArrayBuffer and typed arrays; functions, symbols, instances with
 * behaviour, shared memory, cycles and nesting over 200 are EINVAL.
 */
export function copyBody(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return primitive(value)
  return copyObject(value, 0, { values: MAX_VALUES, bytes: undefined })
}

/** As `copyBody`, with the size of the copy in tokens, which is found on the way. */
export function copySized(value: unknown): { readonly copy: unknown; readonly tokens: number } {
  const course: Course = { values: MAX_VALUES, bytes: 0 }
  const copy = copyValue(value, 0, course)
  const { bytes = 0 } = course
  return { copy, tokens: bytes < 0 ? estTokens(copy) : tokensOf(bytes) }
}

function primitive(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') invalid(`a ${typeof value} cannot be copied`)
  return value
}

function copyValue(value: unknown, depth: number, course: Course): unknown {
  if (typeof value === 'object' && value !== null) return copyObject(value, depth, course)
  if (--course.values < 0) invalid('body is too large')
  if (course.bytes !== undefined) course.bytes += jsonBytes(value)
  return primitive(value)
}

function copyObject(value: object, depth: number, course: Course): unknown {
  if (depth > MAX_DEPTH) invalid('body is nested too deeply or cyclic')
  if (--course.values < 0) invalid('body is too large')
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto === Object.prototype || proto === null) return copyRecord(value, depth, course)
  if (Array.isArray(value)) return copyArray(value, depth, course)
  if (course.bytes !== undefined) course.bytes = UNKNOWN
  return copySpecial(value, depth, course)
}

function copyArray(value: readonly unknown[], depth: number, course: Course): unknown[] {
  const length = value.length
  if (length > course.values) invalid('body is too large')
  const out: unknown[] = new Array(length)
  for (let i = 0; i < length; i++) out[i] = copyValue(value[i], depth + 1, course)
  // Brackets, and a comma between each two.
  if (course.bytes !== undefined) course.bytes += length === 0 ? 2 : length + 1
  return out
}

function copyRecord(value: object, depth: number, course: Course): Record<string, unknown> {
  // A spread copies the shape in one go, and `__proto__` as the plain property it is; then what is nested is replaced.
  const out = spread(value)
  let fields = 0
  for (const key in out) {
    const item = out[key]
    fields++
    if (typeof item === 'object' && item !== null) out[key] = copyObject(item, depth + 1, course)
    else {
      if (--course.values < 0) invalid('body is too large')
      if (typeof item === 'function' || typeof item === 'symbol') primitive(item)
      if (course.bytes !== undefined) course.bytes += jsonBytes(item)
    }
    if (course.bytes !== undefined) course.bytes += textBytes(key)
  }
  // Braces, a colon in each field, a comma between each two.
  if (course.bytes !== undefined) course.bytes += fields === 0 ? 2 : 2 * fields + 1
  const symbols = Object.getOwnPropertySymbols(out)
  if (symbols.length > 0) for (const symbol of symbols) Reflect.deleteProperty(out, symbol)
  return out
}

/**
 * A spread, from one of several places in the code: each remembers the few shapes that it met, and where all came to a
 * single one, it would have met too many and treat each as if it had never seen it. The lengths of its names decide to
 * which an object goes.
 */
function spread(value: object): Record<PropertyKey, unknown> {
  let names = 0
  for (const key in value) names = (names * 31 + key.length) | 0
  switch (names & 7) {
    case 0:
      return { ...value }
    case 1:
      return { ...value }
    case 2:
      return { ...value }
    case 3:
      return { ...value }
    case 4:
      return { ...value }
    case 5:
      return { ...value }
    case 6:
      return { ...value }
    default:
      return { ...value }
  }
}

function copySpecial(value: object, depth: number, course: Course): unknown {
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof Map) {
    const out = new Map<unknown, unknown>()
    for (const [key, item] of value) {
      out.set(copyValue(key, depth + 1, course), copyValue(item, depth + 1, course))
    }
    return out
  }
  if (value instanceof Set) {
    const out = new Set<unknown>()
    for (const item of value) out.add(copyValue(item, depth + 1, course))
    return out
  }
  // Through a view of ours: methods that the caller put on its own object are not asked.
  if (value instanceof ArrayBuffer) return new Uint8Array(value).slice().buffer
  if (ArrayBuffer.isView(value)) return copyView(value)
  return invalid('an instance with behaviour cannot be copied')
}

function copyView(view: ArrayBufferView): unknown {
  if (!(view.buffer instanceof ArrayBuffer)) return invalid('shared memory cannot be copied')
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer
  if (view instanceof DataView) return new DataView(bytes)
  if (view instanceof Uint8Array) return new Uint8Array(bytes)
  if (view instanceof Uint8ClampedArray) return new Uint8ClampedArray(bytes)
  if (view instanceof Int8Array) return new Int8Array(bytes)
  if (view instanceof Uint16Array) return new Uint16Array(bytes)
  if (view instanceof Int16Array) return new Int16Array(bytes)
  if (view instanceof Uint32Array) return new Uint32Array(bytes)
  if (view instanceof Int32Array) return new Int32Array(bytes)
  if (view instanceof Float32Array) return new Float32Array(bytes)
  if (view instanceof Float64Array) return new Float64Array(bytes)
  if (view instanceof BigInt64Array) return new BigInt64Array(bytes)
  if (view instanceof BigUint64Array) return new BigUint64Array(bytes)
  return invalid('this typed array cannot be copied')
}

/**
 * Copies a driver request. The two side channels of a model call, `onDelta` and `signal`, pass by reference at the top
 * level: they carry no data of the request, and are left out of every record of it.
 */
export function copyRequest(request: unknown): unknown {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return copyBody(request)
  const source = request as Record<string, unknown>
  const onDelta = Object.hasOwn(source, 'onDelta') ? source.onDelta : undefined
  const signal = Object.hasOwn(source, 'signal') ? source.signal : undefined
  if (typeof onDelta !== 'function' && (typeof signal !== 'object' || signal === null))
    return copyBody(request)
  const { onDelta: _onDelta, signal: _signal, ...rest } = source
  const copy = copyBody(rest) as Record<string, unknown>
  if (onDelta !== undefined) copy.onDelta = onDelta
  if (signal !== undefined) copy.signal = signal
  return copy
}
