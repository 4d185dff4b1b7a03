import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { ModelUse, TapedChunk } from '../ports/gateway.ts'

/**
 * A long answer as a recording keeps it: how many pieces, five numbers for each (its length, and what had been used by
 * then), the bytes of all pieces, deflated. Numbers are little-endian, as on every machine that we run on.
 */
export interface AnswerBytes {
  readonly counts: Float64Array
  readonly bytes: Buffer
}

const countsPerPiece = 5
const headBytes = 8

/** The numbers of one piece. Unknown money is no number. */
export function countsOf(lengthBytes: number, use: ModelUse): readonly number[] {
  const { inputTokens, cachedTokens, outputTokens, costUsdNanos } = use
  return [lengthBytes, inputTokens, cachedTokens, outputTokens, costUsdNanos ?? Number.NaN]
}

/** An answer with a known secret in it is kept without, and then in one piece: a secret does not keep to pieces. */
export function withoutSecrets({ counts, bytes }: AnswerBytes, mask: (text: string) => string): AnswerBytes {
  if (counts.length === 0) return { counts, bytes }
  const text = bytes.toString('utf8')
  const masked = mask(text)
  if (masked === text) return { counts, bytes }
  const hidden = Buffer.from(masked)
  return { bytes: hidden, counts: Float64Array.of(hidden.length, ...counts.subarray(1 - countsPerPiece)) }
}

/** Letters of one part of a packed answer: so much is noted in a recording at once. */
export const partChars = 128 * 1024

/** From the fastest on: the first whose text is no secret by chance. */
const levels = [1, 4, 6, 9] as const

/**
 * Packs an answer as Base64. A recording hides secrets in every text that it keeps: where one part looked like a key by
 * chance, packing harder makes another text of it. Throws when nothing helps.
 */
export function packAnswer(answer: AnswerBytes, mask: (text: string) => string): Uint8Array<ArrayBuffer> {
  const { counts, bytes } = withoutSecrets(answer, mask)
  const head = Buffer.alloc(headBytes)
  head.writeUInt32LE(counts.length / countsPerPiece)
  const numbers = Buffer.from(counts.buffer, counts.byteOffset, counts.byteLength)
  const whole = Buffer.concat([head, numbers, bytes])
  for (const level of levels) {
    const text = deflateRawSync(whole, { level }).toString('base64')
    if (partsOf(text).every((part) => mask(part) === part)) return ownBytes(text)
  }
  throw new Error('the packed answer looks like a secret')
}

/** In memory of its own, which can be handed over to another thread. */
function ownBytes(base64: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(base64.length)
  Buffer.from(bytes.buffer).write(base64, 'latin1')
  return bytes
}

function partsOf(text: string): readonly string[] {
  const count = Math.ceil(text.length / partChars)
  return Array.from({ length: count }, (_, at) => text.slice(at * partChars, (at + 1) * partChars))
}

/** Reads what {@link packAnswer} wrote, of at most `mostBytes`; undefined for anything else. */
export function unpackAnswer(base64: string, mostBytes: number): TapedChunk[] | undefined {
  const whole = inflated(base64, 2 * mostBytes)
  if (!whole || whole.length < headBytes) return undefined
  const countsLength = whole.readUInt32LE(0) * countsPerPiece
  const bytesAt = headBytes + countsLength * Float64Array.BYTES_PER_ELEMENT
  if (bytesAt > whole.length) return undefined
  const counts = new Float64Array(countsLength)
  new Uint8Array(counts.buffer).set(whole.subarray(headBytes, bytesAt))
  return piecesOf({ counts, bytes: whole.subarray(bytesAt) })
}

/** The pieces of an answer, each with bytes of its own; undefined when the numbers do not add up. */
export function piecesOf({ counts, bytes }: AnswerBytes): TapedChunk[] | undefined {
  const chunks: TapedChunk[] = []
  let at = 0
  for (let first = 0; first < counts.length; first += countsPerPiece) {
    const [length = -1, inputTokens = 0, cachedTokens = 0, outputTokens = 0, cost = Number.NaN] =
      counts.subarray(first, first + countsPerPiece)
    if (!Number.isInteger(length) || length < 0 || at + length > bytes.length) return undefined
    const costUsdNanos = Number.isNaN(cost) ? null : cost
    const use = { inputTokens, cachedTokens, outputTokens, costUsdNanos }
    chunks.push({ bytes: new Uint8Array(bytes.subarray(at, at + length)), use })
    at += length
  }
  return at === bytes.length ? chunks : undefined
}

function inflated(base64: string, maxOutputLength: number): Buffer | undefined {
  try {
    return inflateRawSync(Buffer.from(base64, 'base64'), { maxOutputLength })
  } catch {
    // Cut off, changed by hand, or larger than any answer of ours.
    return undefined
  }
}
