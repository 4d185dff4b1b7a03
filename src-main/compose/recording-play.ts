import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { TapedCall, TapedChunk } from '../ports/gateway.ts'
import { UnplayableRecording } from './recording-reader.ts'
import { apart, type ReadingJob, type RecordingPart } from './recording-thread.ts'

/** A longer recording is refused before it is read. */
export const mostRecordingBytes = 1024 ** 3

/** Reads a recording through on a thread and tells what keeps it from being played; null when nothing does. */
export async function problemOf(file: string): Promise<string | null> {
  try {
    await read({ file, isCheck: true }, () => undefined)
    return null
  } catch (error) {
    if (error instanceof UnplayableRecording) return error.message
    throw error
  }
}

/** The model calls of a recording, in the order in which they were begun. Throws `UnplayableRecording`. */
export async function readRecording(file: string): Promise<readonly TapedCall[]> {
  const calls = new Map<number, TapedCall>()
  let chunks: TapedChunk[] = []
  await read({ file, isCheck: false }, (part) => {
    if (part.type === 'call') {
      chunks = []
      calls.set(part.call.step, { ...part.call, chunks })
    } else if (part.type === 'chunks') chunks.push(...apart(part))
    else {
      const first = calls.get(part.same)
      if (first) calls.set(part.step, { ...first, step: part.step })
    }
  })
  return [...calls.values()].toSorted((a, b) => a.step - b.step)
}

type Piece = Exclude<RecordingPart, { type: 'end' | 'problem' }>

/** Asks for one part after another, each in a turn of its own. */
async function read(job: ReadingJob, take: (part: Piece) => void): Promise<void> {
  const { size } = await stat(job.file).catch(() => missing())
  if (size > mostRecordingBytes)
    throw new UnplayableRecording(
      `Its recording is too long to be played: ${Math.ceil(size / 1024 ** 2)} MiB of at most ${mostRecordingBytes / 1024 ** 2}.`,
    )
  const worker = new Worker(new URL('./recording.worker.ts', import.meta.url), { workerData: job })
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', () => reject(new Error('the reading thread ended')))
      worker.on('message', (part: RecordingPart) => {
        if (part.type === 'end') return resolve()
        if (part.type === 'problem') return reject(new UnplayableRecording(part.reason))
        take(part)
        worker.postMessage(null)
      })
      worker.postMessage(null)
    })
  } finally {
    await worker.terminate()
  }
}

function missing(): never {
  throw new UnplayableRecording('It was not recorded, or its recording was removed.')
}
