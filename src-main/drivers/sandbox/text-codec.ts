/**
 * Values as JSON text for a guest, and back. Text is all that crosses: it has no getters, no prototypes and no
 * shared memory. Beyond JSON it carries undefined, bigint, the odd numbers, Date, Map and Set, each as `{$t, v}`;
 * bytes arrive in a guest as lists of numbers, since its context has no typed arrays.
 */

type Tree = unknown

const MAX_DEPTH = 200
/** Largest whole number that crosses, as long as the longest text of one that is read back. */
const MAX_BIGINT = 10n ** 4096n - 1n

/** Throws TypeError for a value whose text would be longer than about `maxChars`, before it has been made. */
export function encodeText(value: unknown, maxChars: number): string {
  return JSON.stringify(encode(value, { depth: 0, left: { chars: maxChars } }))
}

interface Place {
  readonly depth: number
  /** Shared by the whole value. */
  readonly left: { chars: number }
}

function take(place: Place, chars: number): void {
  place.left.chars -= chars
  if (place.left.chars < 0) throw new TypeError('the value is too large for a sandbox')
}

/** Throws TypeError for what no guest's codec writes. */
export function decodeTree(tree: unknown): unknown {
  return decode(tree, 0)
}

function encode(value: unknown, place: Place): Tree {
  take(place, typeof value === 'string' ? value.length + 2 : 2)
  switch (typeof value) {
    case 'undefined':
      return tagged('undefined', null)
    case 'bigint':
      // Writing digits takes the square of their number.
      if (value > MAX_BIGINT || value < -MAX_BIGINT)
        throw new TypeError('the value is too large for a sandbox')
      return tagged('bigint', String(value))
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value
      return tagged('number', Object.is(value, -0) ? '-0' : String(value))
    case 'object':
      return value === null ? null : encodeObject(value, { depth: place.depth + 1, left: place.left })
    case 'function':
    case 'symbol':
      throw new TypeError(`a ${typeof value} cannot be passed to a sandbox`)
    default:
      return value
  }
}

function encodeObject(value: object, place: Place): Tree {
  if (place.depth > MAX_DEPTH) throw new TypeError('nested too deeply')
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => encode(item, place))
  if (value instanceof Date) {
    const at = value.getTime()
    return tagged('date', Number.isNaN(at) ? null : at)
  }
  if (value instanceof Map) {
    return tagged(
      'map',
      Array.from(value, ([key, item]) => [encode(key, place), encode(item, place)]),
    )
  }
  if (value instanceof Set) {
    return tagged(
      'set',
      Array.from(value, (item) => encode(item, place)),
    )
  }
  if (value instanceof ArrayBuffer) return encodeView(new Uint8Array(value), place)
  if (ArrayBuffer.isView(value)) return encodeView(value, place)
  const out = emptyRecord()
  for (const [key, item] of Object.entries(value)) {
    take(place, key.length + 2)
    out[key] = encode(item, place)
  }
  return Object.hasOwn(out, '$t') ? tagged('object', out) : out
}

function encodeView(view: ArrayBufferView, place: Place): Tree {
  take(place, view.byteLength)
  if (view instanceof DataView) return [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)]
  // Every view but DataView is a list of numbers or of bigints.
  return Array.from(view as Uint8Array, (item: unknown) => encode(item, place))
}

function tagged(tag: string, value: Tree): Tree {
  return { $t: tag, v: value }
}

/** Without a prototype, so that a key named `__proto__` is a key like any other. */
function emptyRecord(): Record<string, Tree> {
  return Object.create(null) as Record<string, Tree>
}

function decode(tree: Tree, depth: number): unknown {
  if (typeof tree !== 'object' || tree === null) return tree
  if (depth > MAX_DEPTH) throw new TypeError('nested too deeply')
  if (Array.isArray(tree)) return tree.map((item: Tree) => decode(item, depth + 1))
  const record = tree as Record<string, Tree>
  return Object.hasOwn(record, '$t') ? decodeTagged(record, depth + 1) : decodeRecord(record, depth)
}

function decodeRecord(record: Record<string, Tree>, depth: number): Record<string, unknown> {
  const out = emptyRecord()
  for (const key of Object.keys(record)) out[key] = decode(record[key], depth + 1)
  return out
}

function decodeTagged({ $t, v }: Record<string, Tree>, depth: number): unknown {
  switch ($t) {
    case 'undefined':
      return undefined
    case 'bigint':
      if (typeof v === 'string' && /^-?\d{1,4096}$/.test(v)) return BigInt(v)
      break
    case 'number':
      if (v === '-0' || v === 'NaN' || v === 'Infinity' || v === '-Infinity') return Number(v)
      break
    case 'date':
      if (v === null || typeof v === 'number') return new Date(v ?? Number.NaN)
      break
    case 'set':
      if (Array.isArray(v)) return new Set(v.map((item: Tree) => decode(item, depth)))
      break
    case 'map':
      if (Array.isArray(v)) return new Map(v.map((pair: Tree) => decodePair(pair, depth)))
      break
    case 'object':
      if (typeof v === 'object' && v !== null && !Array.isArray(v))
        return decodeRecord(v as Record<string, Tree>, depth)
      break
  }
  throw new TypeError('not a value that a sandbox can pass')
}

function decodePair(pair: Tree, depth: number): [unknown, unknown] {
  if (!Array.isArray(pair) || pair.length !== 2) throw new TypeError('not a value that a sandbox can pass')
  return [decode(pair[0], depth), decode(pair[1], depth)]
}
