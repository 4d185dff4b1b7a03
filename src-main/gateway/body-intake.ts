import type { IncomingMessage } from 'node:http'
import type { ByteRoom } from './byte-room.ts'
import type { TurnPace } from './turn-pace.ts'

/** The bytes of a request's body. */
export interface TakenBody {
  readonly bytes: Buffer
  /** Of a long body: the memory in which `bytes` begin, which other threads can see without a copy. */
  readonly block: SharedArrayBuffer | undefined
  /** The bytes are not needed any more. */
  leave(): void
}

export interface IntakePowers {
  readonly maxBytes: number
  /** A longer body is a long one: it waits for room, and lies in memory that threads share. Infinity: none is long. */
  readonly shortBytes: number
  readonly room: ByteRoom
  /** How much of long bodies is taken in each turn. */
  readonly pace: TurnPace
  readonly owner: object
  /** Fires when the client is gone. */
  readonly signal: AbortSignal
}

/**
 * Takes in a body piece by piece: a long one is copied as it comes, so that no moment has to move all of it. undefined:
 * it is too large; what comes beyond is swallowed for a while, so that the answer arrives. Rejects when the client goes.
 */
export async function takeIn(request: IncomingMessage, powers: IntakePowers): Promise<TakenBody | undefined> {
  const { maxBytes, shortBytes } = powers
  const length = request.headers['content-length']
  const announced = length === undefined ? undefined : Number(length)
  if (announced !== undefined && (announced <= shortBytes || announced > maxBytes))
    return await takeShort(request, announced, maxBytes)
  return await takeLong(request, announced, powers)
}

const nothing = () => undefined

function takeShort(
  request: IncomingMessage,
  announced: number,
  maxBytes: number,
): Promise<TakenBody | undefined> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      size += part.length
      if (announced <= maxBytes) parts.push(part)
      else if (size > 2 * maxBytes) request.destroy()
    })
    request.once('end', () => {
      if (announced > maxBytes) resolve(undefined)
      else resolve({ bytes: Buffer.concat(parts), block: undefined, leave: nothing })
    })
    request.once('error', reject)
    request.once('close', () => reject(new Error('the client went away')))
  })
}

/** `announced` undefined: it comes in chunks and may still turn out to be short. */
async function takeLong(
  request: IncomingMessage,
  announced: number | undefined,
  { maxBytes, shortBytes, room, pace, owner, signal }: IntakePowers,
): Promise<TakenBody | undefined> {
  const parts: Buffer[] = []
  let block: SharedArrayBuffer | undefined
  let all: Buffer = Buffer.alloc(0)
  let size = 0
  let leave: () => void = nothing
  async function makeRoom(): Promise<void> {
    const bytes = announced ?? maxBytes
    leave = await room.take(owner, bytes, signal)
    block = new SharedArrayBuffer(bytes)
    all = Buffer.from(block)
    let at = 0
    for (const part of parts.splice(0)) at += part.copy(all, at)
  }
  try {
    if (announced !== undefined) await makeRoom()
    for await (const part of request as AsyncIterable<Buffer>) {
      const before = size
      size += part.length
      if (size > 2 * maxBytes) request.destroy()
      if (!block && size <= Math.min(shortBytes, maxBytes)) parts.push(part)
      else {
        if (!block) await makeRoom()
        await pace.pass(part.length)
        if (size <= maxBytes) part.copy(all, before)
      }
    }
    if (size <= maxBytes) return { bytes: block ? all.subarray(0, size) : Buffer.concat(parts), block, leave }
  } catch (error) {
    leave()
    throw error
  }
  leave()
  return undefined
}
