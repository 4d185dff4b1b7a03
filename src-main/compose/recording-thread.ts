import type { MessagePort } from 'node:worker_threads'
import type { ModelUse, TapedCall, TapedChunk } from '../ports/gateway.ts'
import { FileStore } from '../store/kernel/file-store.ts'
import { readCalls, UnplayableRecording } from './recording-reader.ts'

/** What a reading thread is to read. */
export interface ReadingJob {
  readonly file: string
  /** Only whether it can be played. */
  readonly isCheck: boolean
}

/** One piece of a recording: a call begins, goes on, or was answered like an earlier one; or the reading is over. */
export type RecordingPart =
  | { readonly type: 'call'; readonly call: Omit<TapedCall, 'chunks'> }
  /** Chunks that follow each other: their bytes as one block, the length of each, and what had been used by then. */
  | {
      readonly type: 'chunks'
      readonly block: Uint8Array<ArrayBuffer>
      readonly lengths: readonly number[]
      readonly uses: readonly ModelUse[]
    }
  | { readonly type: 'same'; readonly step: number; readonly same: number }
  | { readonly type: 'end' }
  | { readonly type: 'problem'; readonly reason: string }

/** So few that whoever takes a part is not held up by it. */
const chunksPerPart = 256

/** Serves one recording on a thread of its own: one part for each message, so that the reader sets the pace. */
export function serveRecording(port: MessagePort | null, job: unknown): void {
  if (!port || !isJob(job)) throw new Error('a reading thread needs a port and a file')
  const parts = partsOf(job)
  port.on('message', () => {
    const { value = { type: 'end' } } = parts.next()
    port.postMessage(value, value.type === 'chunks' ? [value.block.buffer] : [])
  })
}

function isJob(job: unknown): job is ReadingJob {
  return typeof job === 'object' && job !== null && 'file' in job && typeof job.file === 'string'
}

function* partsOf({ file, isCheck }: ReadingJob): Generator<RecordingPart, undefined> {
  let store: FileStore | undefined
  try {
    store = new FileStore(file, { isReadOnly: true })
    for (const found of readCalls(store.read())) {
      if (isCheck) continue
      if ('same' in found) yield { type: 'same', ...found }
      else yield* partsOfCall(found.call)
    }
  } catch (error) {
    yield { type: 'problem', reason: reasonOf(error) }
  } finally {
    store?.close()
  }
}

function* partsOfCall({ chunks, ...call }: TapedCall): Generator<RecordingPart> {
  yield { type: 'call', call }
  for (let at = 0; at < chunks.length; at += chunksPerPart)
    yield together(chunks.slice(at, at + chunksPerPart))
}

function together(chunks: readonly TapedChunk[]): RecordingPart {
  const lengths = chunks.map(({ bytes }) => bytes.length)
  const block = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const { bytes } of chunks) {
    block.set(bytes, at)
    at += bytes.length
  }
  return { type: 'chunks', block, lengths, uses: chunks.map(({ use }) => use) }
}

/** Takes apart what came together. */
export function apart({ block, lengths, uses }: Extract<RecordingPart, { type: 'chunks' }>): TapedChunk[] {
  let at = 0
  return uses.map((use, index) => {
    const from = at
    at += lengths[index] ?? 0
    return { bytes: block.subarray(from, at), use }
  })
}

function reasonOf(error: unknown): string {
  if (error instanceof UnplayableRecording) return error.message
  const detail = error instanceof Error ? error.message : String(error)
  return `Its recording can't be read: ${detail}`
}
