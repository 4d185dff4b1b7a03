import { createByteRoom } from '../gateway/byte-room.ts'
import type { SharedBody } from '../gateway/long-requests.ts'
import type { GatewaySession } from '../ports/gateway.ts'
import type { ModelRequest, WrittenRequest } from '../ports/models.ts'
import type { ReadModelCall } from '../ports/runtime.ts'
import { askedOf, type CallWish } from './call-text.ts'
import { canonicalCall } from './canonical-call.ts'
import { isLongerThan, jsonPieces } from './json-pieces.ts'
import type { LongRequestThreads } from './long-requests.ts'

/** How the session of a call is recorded, or replayed. */
export type CallSession = Pick<GatewaySession, 'tape' | 'placeholders'>

export interface CallReader {
  /**
   * Reads a request of our own process before it is made: a long one on the thread for long requests, where it is written
   * for its provider as well. Rejects when the signal fires, and when the thread cannot do it.
   */
  read(request: ModelRequest, session: CallSession, signal: AbortSignal): Promise<ReadModelCall>
}

export interface CallReaderOptions {
  /** A longer request is work for the thread. */
  readonly shortChars: number
  /** The text of long requests in memory, of all sessions together; one alone may be longer. */
  readonly heldBytes: number
}

export const usualCallOptions: CallReaderOptions = {
  shortChars: 128 * 1024,
  heldBytes: 128 * 1024 * 1024,
}

export function createCallReader(
  threads: Pick<LongRequestThreads, 'readCall'>,
  { shortChars, heldBytes }: CallReaderOptions = usualCallOptions,
): CallReader {
  const room = createByteRoom({ allBytes: heldBytes, ownerBytes: heldBytes })
  async function readThere(request: ModelRequest, session: CallSession, signal: AbortSignal) {
    const asked = askedOf(request)
    const leave = await room.take(session, charsOf(asked), signal)
    try {
      const { body, letters } = await sharedText(asked, signal)
      const { canonical, written } = await threads.readCall(body, wishOf(request, session), {
        owner: session,
        signal,
      })
      signal.throwIfAborted()
      return { letters, canonical, ...(written ? { takeWritten: onceOf(written) } : {}) }
    } finally {
      leave()
    }
  }
  return {
    async read(request, session, signal) {
      const asked = askedOf(request)
      if (isLongerThan(asked, shortChars)) return await readThere(request, session, signal)
      const { messages, tools } = request
      const { tape, placeholders } = session
      return {
        letters: JSON.stringify(asked).length,
        canonical: tape ? canonicalCall({ messages, tools }, placeholders) : undefined,
      }
    },
  }
}

function wishOf(
  { messages: _messages, tools: _tools, takeWritten: _taken, ...target }: ModelRequest,
  { tape, placeholders }: CallSession,
): CallWish {
  const isReplay = tape?.mode === 'replay'
  return {
    placeholders: tape ? placeholders : null,
    isRecorded: tape?.mode === 'record',
    // What is answered from a recording goes to nobody.
    target: isReplay ? null : target,
  }
}

/** Gives it once, so that nobody keeps it. */
function onceOf(written: WrittenRequest): () => WrittenRequest | undefined {
  let left: WrittenRequest | undefined = written
  return () => {
    const taken = left
    left = undefined
    return taken
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** So much is written, or moved, in one turn of the event loop: a millisecond or less. */
const charsPerTurn = 256 * 1024
const bytesPerTurn = 1024 * 1024

/** Writes plain data as JSON into memory that threads share, letting other work pass. */
async function sharedText(
  value: unknown,
  signal: AbortSignal,
): Promise<{ readonly body: SharedBody; readonly letters: number }> {
  const parts: Buffer[] = []
  let letters = 0
  let sizeBytes = 0
  let inTurn = 0
  for (const piece of jsonPieces(value)) {
    const part = Buffer.from(piece)
    parts.push(part)
    letters += piece.length
    sizeBytes += part.length
    inTurn += piece.length
    if (inTurn < charsPerTurn) continue
    inTurn = 0
    await nextTurn()
    signal.throwIfAborted()
  }
  const block = new SharedArrayBuffer(sizeBytes)
  const all = Buffer.from(block)
  let at = 0
  let moved = 0
  for (const part of parts.splice(0)) {
    at += part.copy(all, at)
    moved += part.length
    if (moved < bytesPerTurn) continue
    moved = 0
    await nextTurn()
  }
  signal.throwIfAborted()
  return { body: { block, sizeBytes }, letters }
}

/** About how long the text will be; escapes come on top. */
function charsOf(value: unknown): number {
  let chars = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one === 'string') chars += one.length
    else if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) open.push(inner)
  }
  return chars
}
