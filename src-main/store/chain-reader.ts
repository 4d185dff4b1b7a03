import { formatOccurredAt, sessionOfChain } from '../domain/audit/body.ts'
import type { StoredEntry } from '../domain/audit/check-entry.ts'
import { eventKinds, isFactType } from '../domain/audit/event-kind.ts'
import type { Db } from './database.ts'
import { entryHash } from './entry-hash.ts'

interface EntryRow {
  readonly chain_seq: number
  readonly type: string
  readonly at_ms: number
  readonly actor: string
  readonly subject: string
  readonly body: string
  readonly prev_hash: string
  readonly hash: string
}

/** Reading chains for verification, on a connection that can't write. Rows are given one by one; memory stays flat. */
export function createChainReader(db: Db) {
  const columns = 'chain_seq, type, at_ms, actor, subject, body, prev_hash, hash'
  const range = db.prepare<[string, number, number], EntryRow>(
    `SELECT ${columns} FROM events WHERE chain = ? AND chain_seq > ? AND chain_seq <= ? ORDER BY chain_seq`,
  )
  const one = db.prepare<[string, number], EntryRow>(
    `SELECT ${columns} FROM events WHERE chain = ? AND chain_seq = ?`,
  )
  const noted = db.prepare<[string], { length: number; head: string }>(
    'SELECT length, head FROM chains WHERE chain = ?',
  )
  const list = db.prepare<[], { chain: string; length: number }>(
    `SELECT chain, length FROM chains
     UNION ALL SELECT DISTINCT chain, 0 FROM events WHERE chain NOT IN (SELECT chain FROM chains)
     ORDER BY chain`,
  )
  return {
    /** Every chain with the length that it should have. */
    list: () => list.all(),
    /** Where the chain was left by its writer. */
    noted: (chain: string) => noted.get(chain),
    /** The entries of a chain after `from` up to `to`, both as stored. */
    *entries(chain: string, from: number, to: number): Generator<StoredEntry> {
      const session = sessionOfChain(chain)
      for (const row of range.iterate(chain, from, to)) {
        yield {
          body: row.body,
          previousHash: row.prev_hash,
          entryHash: row.hash,
          shown: {
            sequence: row.chain_seq,
            eventKind: isFactType(row.type) ? eventKinds[row.type] : row.type,
            actorId: row.actor,
            occurredAt: formatOccurredAt(row.at_ms),
            ...(session === '' ? {} : { sessionId: row.subject }),
          },
        }
      }
    },
    /** What a part that begins after `sequence` has to follow. */
    position(chain: string, sequence: number) {
      const row = one.get(chain, sequence)
      if (!row) return undefined
      const rightHash = entryHash(row.prev_hash, row.body)
      return { sequence, entryHash: row.hash, rightHash, occurredAtMs: row.at_ms }
    },
    /** Runs `read` on one state of the file, whatever is written meanwhile. */
    atOnce<T>(read: () => T): T {
      return db.transaction(read).deferred()
    },
    close: () => void db.close(),
  }
}

export type ChainReader = ReturnType<typeof createChainReader>
