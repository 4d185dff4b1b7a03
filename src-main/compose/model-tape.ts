import { inflateRawSync } from 'node:zlib'
import * as z from 'zod'
import type {
  CallOpening,
  CallOutcome,
  CallRecorder,
  Tape,
  TapedCall,
  TapedChunk,
  TapedHead,
} from '../ports/gateway.ts'
import { packedText } from './packed-text.ts'

/** Notes one operation in the session's recording; `end` once, with what it came to. undefined: nobody records. */
export type NoteOperation = (
  driver: string,
  request: { readonly title: string; readonly hash: string },
) => { end(outcome: { readonly value: unknown } | { readonly error: string }): void } | undefined

/** The driver name under which calls through the gateway stand in a recording. */
export const tapedDriver = 'gateway'

/** An answer longer than this is not kept whole, and can't be played. */
const maxAnswerBytes = 64 * 1024 ** 2

/** Takes down every call of a session, in the session's kernel recording. */
export function createRecordingTape(note: NoteOperation, mask: (text: string) => string): Tape {
  return {
    mode: 'record',
    record({ title, hash, text, packed: given }, opening) {
      const packed = given ?? packedText(mask(text))
      return createRecorder({ title, hash, packed, opening }, note(tapedDriver, { title, hash }), mask)
    },
  }
}

function createRecorder(
  request: {
    readonly title: string
    readonly hash: string
    readonly packed: string
    readonly opening: CallOpening
  },
  noted: ReturnType<NoteOperation>,
  mask: (text: string) => string,
): CallRecorder {
  let head: TapedHead | undefined
  let bytes = 0
  let chunks: TapedChunk[] = []
  return {
    head(given) {
      head = given
    },
    chunk(piece) {
      bytes += piece.bytes.length
      if (noted && bytes <= maxAnswerBytes) chunks.push(piece)
    },
    end(outcome) {
      if (bytes > maxAnswerBytes) noted?.end({ error: 'the answer was too long to be recorded' })
      else
        noted?.end({
          value: {
            ...request,
            head: head ?? noAnswer,
            chunks: withoutSecrets(chunks, mask).map(stored),
            outcome,
          },
        })
      chunks = []
    },
  }
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
  chunks: z.array(StoredChunk),
  opening: record<CallOpening>(),
  outcome: record<CallOutcome>(),
})

function stored({ bytes, use }: TapedChunk): StoredChunk {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return [text, use.inputTokens, use.cachedTokens, use.outputTokens, use.costUsdNanos]
}

/** One call of a recording, from the value that was noted for it; undefined when it is none. */
export function readTapedCall(value: unknown, step: number): TapedCall | undefined {
  const parsed = StoredCall.safeParse(value)
  if (!parsed.success) return undefined
  const { title, hash, packed, chunks, ...rest } = parsed.data
  const text = packed === '' ? '' : inflateRawSync(Buffer.from(packed, 'base64')).toString('utf8')
  return { ...rest, step, request: { title, hash, text }, chunks: chunks.map(chunkOf) }
}

function chunkOf([text, inputTokens, cachedTokens, outputTokens, costUsdNanos]: StoredChunk): TapedChunk {
  return {
    bytes: new Uint8Array(Buffer.from(text, 'base64')),
    use: { inputTokens, cachedTokens, outputTokens, costUsdNanos },
  }
}
