/** Sections of a module that are looked at (WebAssembly core specification, binary format). */
const IMPORTS = 2
const TABLES = 4
const MEMORIES = 5
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
/** Elements a table may grow to. */
const MAX_ELEMENTS = 100_000

/**
 * A copy of a module whose memory can't grow above `maxPages` pages of 64 KiB, nor its tables above 100,000 elements.
 * Throws TypeError for bytes that are no module, for imports, and for memory or tables that start above their cap, are
 * shared, are addressed with 64 bits, or are more than one memory. Everything else is left to the compiler.
 */
export function capModule(bytes: Uint8Array, maxPages: number): Uint8Array {
  if (HEADER.some((byte, i) => bytes[i] !== byte)) throw new TypeError('not a WebAssembly module')
  const out: Uint8Array[] = [bytes.slice(0, HEADER.length)]
  const reader = new Reader(bytes, HEADER.length)
  while (!reader.isAtEnd) {
    const id = reader.byte()
    const body = reader.take(reader.u32())
    if (id === IMPORTS && new Reader(body).u32() > 0) throw new TypeError('the module has imports')
    const kept = id === MEMORIES ? capMemories(body, maxPages) : id === TABLES ? capTables(body) : body
    out.push(Uint8Array.of(id, ...u32(kept.length)), kept)
  }
  return Buffer.concat(out)
}

function capMemories(body: Uint8Array, maxPages: number): Uint8Array {
  const reader = new Reader(body)
  const count = reader.u32()
  if (count > 1) throw new TypeError('the module has more than one memory')
  return Uint8Array.from([...u32(count), ...(count === 1 ? capLimits(reader, maxPages, 'memory') : [])])
}

function capTables(body: Uint8Array): Uint8Array {
  const reader = new Reader(body)
  const count = reader.u32()
  const out = u32(count)
  for (let i = 0; i < count; i++) {
    const type = reader.byte()
    // funcref and externref; longer types and tables with initial values are not needed for numbers.
    if (type !== 0x70 && type !== 0x6f) throw new TypeError('the module has an unusual table')
    out.push(type, ...capLimits(reader, MAX_ELEMENTS, 'table'))
  }
  return Uint8Array.from(out)
}

function capLimits(reader: Reader, cap: number, what: string): number[] {
  const flags = reader.byte()
  if (flags > 1) throw new TypeError(`the module’s ${what} is shared or has 64-bit addresses`)
  const min = reader.u32()
  const max = flags === 1 ? reader.u32() : cap
  if (min > cap) throw new TypeError(`the module’s ${what} starts above its cap`)
  return [1, ...u32(min), ...u32(Math.min(max, cap))]
}

class Reader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw new TypeError('the module is cut off')
    return value
  }

  /** An unsigned LEB128 number of at most 32 bits. */
  u32(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw new TypeError('the module has a number that is too long')
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new TypeError('the module is cut off')
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }
}

function u32(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      out.push(rest)
      return out
    }
    out.push((rest % 128) | 0x80)
  }
}
