import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as z from 'zod'
import type {
  CallOpening,
  CallOutcome,
  CallRecorder,
  ModelUse,
  Tape,
  TapedCall,
  TapedChunk,
  TapedHead,
} from '../ports/gateway.ts'

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
    record({ title, hash, text }, opening) {
      const packed = packedText(mask(text))
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
  let chunks: StoredChunk[] = []
  return {
    head(given) {
      head = given
    },
    chunk({ bytes: part, use }) {
      bytes += part.length
      if (noted && bytes <= maxAnswerBytes) chunks.push([base64(part), ...columns(use)])
    },
    end(outcome) {
      if (bytes > maxAnswerBytes) noted?.end({ error: 'the answer was too long to be recorded' })
      else
        noted?.end({
          value: { ...request, head: head ?? noAnswer, chunks: withoutSecrets(chunks, mask), outcome },
        })
      chunks = []
    },
  }
}

/** An answer with a known secret in it is kept without, and then in one piece: a secret does not keep to pieces. */
function withoutSecrets(
  chunks: readonly StoredChunk[],
  mask: (text: string) => string,
): readonly StoredChunk[] {
  const last = chunks.at(-1)
  if (!last) return chunks
  const text = Buffer.concat(chunks.map(([part]) => Buffer.from(part, 'base64'))).toString('utf8')
  const masked = mask(text)
  const [, ...use] = last
  return masked === text ? chunks : [[Buffer.from(masked).toString('base64'), ...use]]
}

const noAnswer: TapedHead = { status: 502, headers: {} }

/** The request in short, so that a replay that leaves the recording can say where; a very long one is left out. */
function packedText(text: string): string {
  return text.length > longestTextChars ? '' : deflateRawSync(text, { level: 1 }).toString('base64')
}

const longestTextChars = 256 * 1024

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

function columns(use: ModelUse): [number, number, number, number | null] {
  return [use.inputTokens, use.cachedTokens, use.outputTokens, use.costUsdNanos]
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
  return { bytes: fromBase64(text), use: { inputTokens, cachedTokens, outputTokens, costUsdNanos } }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}
