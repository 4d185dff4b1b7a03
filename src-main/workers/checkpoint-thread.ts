import type { MessagePort } from 'node:worker_threads'
import { type Db, openForCheckpoints } from '../store/database.ts'

/**
 * `PASSIVE` copies what no reader needs any more and stands in nobody's way. `CHASE` does so until nothing is left, for a
 * while: a log of which nothing is left when somebody writes starts anew. `TRUNCATE` also gives the log's room on the
 * disk back; it is refused while anybody writes or reads, and for its moment a writer has to wait.
 */
export type CheckpointMode = 'PASSIVE' | 'CHASE' | 'TRUNCATE'

export type CheckpointReply = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/** Copies the write-ahead log into the database file, as often as asked. */
export function serveCheckpoints(port: MessagePort | null, file: unknown): void {
  if (!port || typeof file !== 'string') throw new Error('a thread for checkpoints needs a port and a file')
  const db = openForCheckpoints(file)
  port.on('message', (message: CheckpointMode | 'close') => {
    if (message === 'close') {
      db.close()
      port.close()
      return
    }
    port.postMessage(attempt(() => (message === 'CHASE' ? chase(db) : copy(db, message))))
  })
}

/** Passes of one chase, each of which waits for the disk twice. */
const mostPasses = 20

function chase(db: Db): void {
  for (let pass = 0; pass < mostPasses; pass++) {
    const { log, checkpointed } = copy(db, 'PASSIVE')
    if (checkpointed >= log) return
  }
}

function copy(db: Db, mode: 'PASSIVE' | 'TRUNCATE'): CheckpointRow {
  return db.prepare<[], CheckpointRow>(`PRAGMA wal_checkpoint(${mode})`).get() ?? nothing
}

interface CheckpointRow {
  readonly log: number
  readonly checkpointed: number
}

const nothing: CheckpointRow = { log: 0, checkpointed: 0 }

function attempt(work: () => unknown): CheckpointReply {
  try {
    work()
    return { ok: true }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}
