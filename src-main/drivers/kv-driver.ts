import type { Driver } from '../kernel/abi.ts'

/** Entries and key characters one map holds at most. */
const MAX_ENTRIES = 1_000_000
const MAX_KEY_CHARS = 4096

/**
 * A map shared by everyone who opens it: `read {get: key}` gives the value or undefined, `read {list: prefix}` the keys in
 * order; `write {set: key, value}` and `write {delete: key}` change it. Values are copied on the way in and out. Costs
 * nothing.
 */
export function kvDriver(name = 'kv'): Driver {
  const entries = new Map<string, unknown>()
  return {
    name,
    uses: [],
    open: () => ({
      read: (request) => ({ value: read(entries, request) }),
      write: (data) => ({ value: write(entries, data) }),
    }),
  }
}

function read(entries: ReadonlyMap<string, unknown>, request: unknown): unknown {
  const asked = fields(request)
  if (Object.hasOwn(asked, 'get')) return structuredClone(entries.get(key(asked.get)))
  if (!Object.hasOwn(asked, 'list')) throw new TypeError('read {get: key} or {list: prefix}')
  const prefix = key(asked.list)
  return [...entries.keys()].filter((one) => one.startsWith(prefix)).sort(byCodeUnit)
}

function write(entries: Map<string, unknown>, data: unknown): undefined {
  const given = fields(data)
  if (Object.hasOwn(given, 'set')) {
    const name = key(given.set)
    if (!entries.has(name) && entries.size >= MAX_ENTRIES) throw new RangeError('the map is full')
    entries.set(name, structuredClone(given.value))
  } else if (Object.hasOwn(given, 'delete')) entries.delete(key(given.delete))
  else throw new TypeError('write {set: key, value} or {delete: key}')
  return undefined
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function key(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_KEY_CHARS)
    throw new TypeError(`a key is text of at most ${MAX_KEY_CHARS} characters`)
  return value
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
