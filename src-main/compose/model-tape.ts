import { inflateRawSync } from 'node:zlib'
import * as z from 'zod'
import type { JobOwner } from '../gateway/long-requests.ts'
import type {
  CallOpening,
  CallOutcome,
  CallRecorder,
  Tape,
  TapedCall,
  TapedChunk,
  TapedHead,
} from '../ports/gateway.ts'
import { createAnswerMemory, type SharedAnswer } from './answer-memory.ts'
import { partChars, unpackAnswer } from './packed-answer.ts'
import { longestTextChars, packedText } from './packed-text.ts'

/** Notes one operation in the session's recording; `end` once, with what it came to. undefined: nobody records. */
export type NoteOperation = (
  driver: string,
  request: { readonly title: string; readonly hash: string },
) => { end(outcome: { readonly value: unknown } | { readonly error: string }): void } | undefined

/** The driver name under which calls through the gateway stand in a recording. */
export const tapedDriver = 'gateway'

/** The driver name of the parts of long answers, which come before their call's end. */
export const partDriver = 'gateway-part'

/** An answer longer than this is not kept whole, and can't be played. */
const maxAnswerBytes = 64 * 1024 ** 2
/** A longer one is masked and packed on another thread, and noted in parts. */
const shortAnswerBytes = 128 * 1024

/** Masks and packs a long answer on a thread; the bytes of its Base64. */
export type PackAnswer = (answer: SharedAnswer, by: JobOwner) => Promise<Uint8Array<ArrayBuffer>>

interface TapeParts {
  readonly note: NoteOperation
  readonly mask: (text: string) => string
  readonly pack: PackAnswer | undefined
  /** A name for the parts of one answer that no other answer of the recording has. */
  readonly newName: (callId: string) => string
}

/**
 * Takes down every call of a session, in the session's kernel recording. Without `pack`, long answers are noted like short
 * ones, all at once.
 */
export function createRecordingTape(
  note: NoteOperation,
  mask: (text: string) => string,
  pack?: PackAnswer,
): Tape {
  let names = 0
  const newName = (callId: string) => `${callId}.${++names}`
  return {
    mode: 'record',
    record({ title, hash, text, packed: given }, opening) {
      const packed = given ?? packedText(mask(text))
      const noted = note(tapedDriver, { title, hash })
      return createRecorder({ title, hash, packed, opening }, noted, { note, mask, pack, newName })
    },
  }
}

interface TapedRequest {
  readonly title: string
  readonly hash: string
  readonly packed: string
  readonly opening: CallOpening
}

function createRecorder(
  request: TapedRequest,
  noted: ReturnType<NoteOperation>,
  { note, mask, pack, newName }: TapeParts,
): CallRecorder {
  let head: TapedHead | undefined
  let bytes = 0
  const answer = createAnswerMemory(pack ? shortAnswerBytes : Number.POSITIVE_INFINITY)
  return {
    head(given) {
      head = given
    },
    chunk(piece) {
      bytes += piece.bytes.length
      if (noted && bytes <= maxAnswerBytes) answer.add(piece)
      else answer.forget()
    },
    end(outcome) {
      if (!noted) return
      if (bytes > maxAnswerBytes) return noted.end({ error: 'the answer was too long to be recorded' })
      const common = { ...request, head: head ?? noAnswer, outcome }
      const endWhole = () => noted.end(wholeAnswer(common, answer.chunks(), mask))
      const long = answer.shared()
      if (!long || !pack) return endWhole()
      const name = newName(request.opening.callId)
      const packing = pack(long, { owner: answer, signal: new AbortController().signal })
      void noteParts(note, name, packing)
        .then((count) => noted.end({ value: { ...common, parts: { name, count } } }), endWhole)
        .finally(() => answer.forget())
    },
  }
}

function wholeAnswer(
  common: object,
  chunks: readonly TapedChunk[],
  mask: (text: string) => string,
): { readonly value: unknown } | { readonly error: string } {
  try {
    return { value: { ...common, chunks: withoutSecrets(chunks, mask).map(stored) } }
  } catch {
    // Made so that the mask runs out of stack: better not kept than kept with a secret in it.
    return { error: 'the answer could not be masked' }
  }
}

/** Notes a packed answer part by part, letting other work pass. Rejects when it could not be packed: nothing was noted then. */
async function noteParts(
  note: NoteOperation,
  name: string,
  packing: ReturnType<PackAnswer>,
): Promise<number> {
  const packed = Buffer.from((await packing).buffer)
  let parts = 0
  for (let at = 0; at < packed.length; at += partChars) {
    parts += 1
    const text = packed.toString('latin1', at, at + partChars)
    const title = `part ${parts} of ${name}`
    note(partDriver, { title, hash: '' })?.end({ value: { name, part: parts, text } satisfies AnswerPart })
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return parts
}

/** An answer with a known secret in it is kept without, and then in one piece: a secret does not keep to pieces. */
function withoutSecrets(
  chunks: readonly TapedChunk[],
  mask: (text: string) => string,
): readonly TapedChunk[] {
  const last = chunks.at(-1)
  if (!last) return chunks
  const text = Buffer.concat(chunks.map(({ bytes }) => bytes)).toString('utf8')
  const masked = mask(text)
  return masked === text ? chunks : [{ bytes: Buffer.from(masked), use: last.use }]
}

const noAnswer: TapedHead = { status: 502, headers: {} }

const StoredChunk = z.tuple([z.string(), z.number(), z.number(), z.number(), z.number().nullable()])
type StoredChunk = z.infer<typeof StoredChunk>

/** Our own writing comes back as it was; what is checked is only that it is there. */
const record = <T extends object>() => z.custom<T>((value) => typeof value === 'object' && value !== null)

const StoredCall = z.object({
  title: z.string(),
  hash: z.string(),
  packed: z.string(),
  head: z.object({ status: z.number(), headers: z.record(z.string(), z.string()) }),
  opening: record<CallOpening>(),
  outcome: record<CallOutcome>(),
})
const StoredAnswer = z.union([
  z.object({ chunks: z.array(StoredChunk) }),
  z.object({ parts: z.object({ name: z.string(), count: z.number() }) }),
])

/** A part of a long answer, as it is noted. */
export interface AnswerPart {
  readonly name: string
  /** From 1 on. */
  readonly part: number
  readonly text: string
}

const StoredPart = z.object({ name: z.string(), part: z.number(), text: z.string() })

function stored({ bytes, use }: TapedChunk): StoredChunk {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return [text, use.inputTokens, use.cachedTokens, use.outputTokens, use.costUsdNanos]
}

/** A part of an answer, from the value that was noted for it; undefined when it is none. */
export function readAnswerPart(value: unknown): AnswerPart | undefined {
  return StoredPart.safeParse(value).data
}

/** Gives the texts of an answer's parts, all of them or undefined. To be asked once for each. */
export type PartsOf = (name: string, count: number) => readonly string[] | undefined

/** One call of a recording, from the value that was noted for it; undefined when it is none, or parts of it are missing. */
export function readTapedCall(
  value: unknown,
  step: number,
  partsOf: PartsOf = noParts,
): TapedCall | undefined {
  const call = StoredCall.safeParse(value)
  const answer = StoredAnswer.safeParse(value)
  if (!call.success || !answer.success) return undefined
  const { title, hash, packed, ...rest } = call.data
  const chunks = chunksOf(answer.data, partsOf)
  if (!chunks) return undefined
  const text = packed === '' ? '' : inflateRawSync(Buffer.from(packed, 'base64'), atMostText).toString('utf8')
  return { ...rest, step, request: { title, hash, text }, chunks }
}

/** What was packed was no longer than this; each letter is up to three bytes. */
const atMostText = { maxOutputLength: 3 * longestTextChars }

const noParts: PartsOf = () => undefined

function chunksOf(answer: z.infer<typeof StoredAnswer>, partsOf: PartsOf): TapedChunk[] | undefined {
  if ('chunks' in answer) return answer.chunks.map(chunkOf)
  const { name, count } = answer.parts
  const parts = partsOf(name, count)
  return parts && unpackAnswer(parts.join(''), maxAnswerBytes)
}

function chunkOf([text, inputTokens, cachedTokens, outputTokens, costUsdNanos]: StoredChunk): TapedChunk {
  return {
    bytes: new Uint8Array(Buffer.from(text, 'base64')),
    use: { inputTokens, cachedTokens, outputTokens, costUsdNanos },
  }
}
