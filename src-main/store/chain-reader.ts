import { sessionOfChain } from '../domain/audit/body.ts'
import type { StoredEntry } from '../domain/audit/check-entry.ts'
import { eventKinds, isFactType } from '../domain/audit/event-kind.ts'
import type { Db } from './database.ts'
import { entryHash } from './entry-hash.ts'

/** Columns as arrays: an object per row would cost as much as its hash. */
type EntryRow = readonly [
  sequence: number,
  type: string,
  atMs: number,
  actor: string,
  subject: string,
  body: string,
  previousHash: string,
  entryHash: string,
]

/** Rows that are read at once. */
const pageSize = 500

function toEntry(row: EntryRow, isSession: boolean): StoredEntry {
  const [sequence, type, atMs, actorId, subject, body, previousHash, hash] = row
  const eventKind = isFactType(type) ? eventKinds[type] : type
  const shown = isSession
    ? { sequence, eventKind, actorId, atMs, sessionId: subject }
    : { sequence, eventKind, actorId, atMs }
  return { body, previousHash, entryHash: hash, shown }
}

/** Reading chains for verification, on a connection that can't write. Rows are given one by one; memory stays flat. */
export function createChainReader(db: Db) {
  const columns = 'chain_seq, type, at_ms, actor, subject, body, prev_hash, hash'
  const range = db
    .prepare<[string, number, number], EntryRow>(
      `SELECT ${columns} FROM events WHERE chain = ? AND chain_seq > ? AND chain_seq <= ?
       ORDER BY chain_seq LIMIT ${pageSize}`,
    )
    .raw()
  const one = db
    .prepare<[string, number], EntryRow>(`SELECT ${columns} FROM events WHERE chain = ? AND chain_seq = ?`)
    .raw()
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
    /** Gives the entries of a chain after `from` up to `to` as stored, one by one. */
    each(chain: string, from: number, to: number, take: (entry: StoredEntry) => void): void {
      const isSession = sessionOfChain(chain) !== ''
      for (let after = from; ; ) {
        const rows = range.all(chain, after, to)
        for (const row of rows) take(toEntry(row, isSession))
        if (rows.length < pageSize) return
        after = rows.at(-1)?.[0] ?? to
      }
    },
    /** What a part that begins after `sequence` has to follow. */
    position(chain: string, sequence: number) {
      const row = one.get(chain, sequence)
      if (!row) return undefined
      const { body, previousHash, entryHash: stored } = toEntry(row, false)
      const rightHash = entryHash(previousHash, body)
      return { sequence, entryHash: stored, rightHash, occurredAtMs: row[2] }
    },
    /** Runs `read` on one state of the file, whatever is written meanwhile. */
    atOnce<T>(read: () => T): T {
      return db.transaction(read).deferred()
    },
    close: () => void db.close(),
  }
}

export type ChainReader = ReturnType<typeof createChainReader>
