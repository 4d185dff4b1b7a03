/** Frames on a byte stream: a length (u32, big-endian), then that many bytes of UTF-8 JSON. */

/** Longest frame. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
const HEADER_BYTES = 4
const NOTHING = Buffer.alloc(0)

/** The stream can't be read any further: what follows has no known beginning. */
export class FrameError extends Error {
  readonly code: 'E_FRAME_TOO_LONG' | 'E_FRAME_NOT_JSON' | 'E_TOO_MUCH_WAITING'

  constructor(code: FrameError['code'], message: string) {
    super(message)
    this.name = 'FrameError'
    this.code = code
  }
}

/** Turns a JSON value into a frame. E_FRAME_TOO_LONG past the limit. */
export function encodeFrame(value: unknown, maxBytes = MAX_FRAME_BYTES): Buffer {
  const text = JSON.stringify(value)
  const size = Buffer.byteLength(text)
  if (size > maxBytes) throw new FrameError('E_FRAME_TOO_LONG', `frame of ${size} bytes`)
  const frame = Buffer.allocUnsafe(HEADER_BYTES + size)
  frame.writeUInt32BE(size)
  frame.write(text, HEADER_BYTES)
  return frame
}

/** Somebody who holds bytes of a budget, and can be told to let go of them. */
export interface Holder {
  readonly heldBytes: number
  evict(): void
}

/**
 * Bytes that half-read frames of many connections hold together. Where they become too many the one that holds most has
 * to go: whoever sends small frames, and ends them, is not disturbed by those who don't.
 */
export class ByteBudget {
  readonly #max: number
  readonly #holders = new Set<Holder>()
  #used = 0

  constructor(max: number) {
    this.#max = max
  }

  get used(): number {
    return this.#used
  }

  join(holder: Holder): void {
    this.#holders.add(holder)
  }

  leave(holder: Holder): void {
    this.#holders.delete(holder)
  }

  /** E_TOO_MUCH_WAITING when it is the asker who has to go. */
  take(asker: Holder, bytes: number): void {
    while (this.#used + bytes > this.#max) {
      const most = this.#largest(asker, asker.heldBytes + bytes)
      if (!most) throw new FrameError('E_TOO_MUCH_WAITING', 'too many bytes wait in unfinished frames')
      this.#holders.delete(most)
      most.evict()
    }
    this.#used += bytes
  }

  release(bytes: number): void {
    this.#used -= bytes
  }

  /** Who holds more than that, and the most of all; undefined for nobody but the asker. */
  #largest(asker: Holder, bytes: number): Holder | undefined {
    let most: Holder | undefined
    for (const holder of this.#holders) {
      if (holder !== asker && holder.heldBytes > (most?.heldBytes ?? bytes)) most = holder
    }
    return most
  }
}

/**
 * Cuts a byte stream into values, however it was cut into chunks. Memory follows what has arrived, never what a header
 * announces. After an error it takes nothing more.
 */
export class FrameReader implements Holder {
  readonly #maxBytes: number
  readonly #budget: ByteBudget
  readonly #evicted: () => void
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true })
  /** What has arrived and is not taken yet lies from `#start`, `#held` bytes long. */
  #buffer: Buffer = NOTHING
  /** The buffer is ours to append to; a chunk of the socket's is not. */
  #isOwn = false
  #start = 0
  #held = 0
  /** Bytes that complete what is being read; the header first. */
  #needed = HEADER_BYTES
  #isHeader = true

  constructor(
    options: { readonly maxBytes?: number; readonly budget?: ByteBudget; readonly evicted?: () => void } = {},
  ) {
    this.#maxBytes = options.maxBytes ?? MAX_FRAME_BYTES
    this.#budget = options.budget ?? new ByteBudget(Number.POSITIVE_INFINITY)
    this.#evicted = options.evicted ?? (() => undefined)
    this.#budget.join(this)
  }

  get heldBytes(): number {
    return this.#held
  }

  /** True while a frame has begun and not ended. */
  get isInside(): boolean {
    return this.#held > 0 || !this.#isHeader
  }

  /** Takes a chunk and gives the values that are complete. Throws FrameError, before anything behind the fault. */
  push(chunk: Buffer): Generator<unknown> {
    this.#budget.take(this, chunk.length)
    this.#append(chunk)
    return this.values()
  }

  /** Gives the values that are complete and were not taken yet; may be left in the middle and called again. */
  *values(): Generator<unknown> {
    while (this.#held >= this.#needed) {
      const part = this.#cut(this.#needed)
      if (this.#isHeader) this.#expect(part.readUInt32BE())
      else {
        this.#isHeader = true
        this.#needed = HEADER_BYTES
        yield this.#parse(part)
      }
    }
  }

  /** Gives back what it holds of the budget. */
  close(): void {
    this.#budget.release(this.#held)
    this.#budget.leave(this)
    this.#buffer = NOTHING
    this.#held = 0
  }

  evict(): void {
    this.close()
    this.#evicted()
  }

  /** Room doubles as it is needed, so that a frame in crumbs costs no more than one in a piece. */
  #append(chunk: Buffer): void {
    const end = this.#start + this.#held
    if (this.#held === 0) {
      this.#buffer = chunk
      this.#isOwn = false
      this.#start = 0
    } else if (this.#isOwn && end + chunk.length <= this.#buffer.length) {
      chunk.copy(this.#buffer, end)
    } else {
      const grown = Buffer.allocUnsafe(2 * (this.#held + chunk.length))
      this.#buffer.copy(grown, 0, this.#start, end)
      chunk.copy(grown, this.#held)
      this.#buffer = grown
      this.#isOwn = true
      this.#start = 0
    }
    this.#held += chunk.length
  }

  #expect(size: number): void {
    if (size > this.#maxBytes) throw new FrameError('E_FRAME_TOO_LONG', `frame of ${size} bytes`)
    this.#isHeader = false
    this.#needed = size
  }

  #parse(part: Buffer): unknown {
    try {
      return JSON.parse(this.#utf8.decode(part)) as unknown
    } catch (error) {
      throw new FrameError('E_FRAME_NOT_JSON', error instanceof Error ? error.message : 'no JSON')
    }
  }

  #cut(size: number): Buffer {
    const part = this.#buffer.subarray(this.#start, this.#start + size)
    this.#start += size
    this.#held -= size
    this.#budget.release(size)
    return part
  }
}
