import type { MessagePort } from 'node:worker_threads'
import { createChainReader } from '../store/chain-reader.ts'
import { openReadOnly } from '../store/database.ts'
import { performVerify, type VerifyJob, type VerifyReply } from './verify.ts'

/** Serves verification jobs on a thread: one request, one reply, each with the same `id`. */
export function serveVerify(port: MessagePort | null, file: unknown): void {
  if (!port || typeof file !== 'string') throw new Error('a verifying thread needs a port and a file')
  const reader = createChainReader(openReadOnly(file))
  port.on('message', ({ id, job }: { id: number; job: VerifyJob }) => {
    port.postMessage(answer(id, () => performVerify(reader, job, Date.now)))
  })
}

function answer(id: number, perform: () => unknown): VerifyReply {
  try {
    return { id, value: perform() }
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : String(error) }
  }
}
