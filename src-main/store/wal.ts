import type { Db } from './database.ts'

/** Pages of the write-ahead log, and how many of them have been copied into the database file. */
export interface WalSize {
  readonly pages: number
  readonly copied: number
}

/** What SQLite does by itself: a commit that finds so many pages copies them before it returns. */
const ownPages = 1000
/** When somebody else copies them, a commit still does so at 128 MB, so that whatever happens the log has an end. */
const mostPages = 32_768

interface CheckpointRow {
  readonly log: number
  readonly checkpointed: number
}

/** The write-ahead log of the one connection that writes, and who copies it into the file. */
export function createWal(db: Db) {
  const noop = db.prepare<[], CheckpointRow>('PRAGMA wal_checkpoint(NOOP)')
  let onCommit: (() => void) | undefined
  const passive = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  const limit = (pages: number) => void db.pragma(`wal_autocheckpoint = ${pages}`)
  return {
    /** Commits leave the copying to somebody who is told of each, from inside it and so must only take note. */
    leaveTo(listener: () => void, most = mostPages): void {
      limit(most)
      onCommit = listener
    },
    /** Commits copy again, as at the start. */
    takeBack(): void {
      onCommit = undefined
      if (db.open) limit(ownPages)
    },
    /** Looks without changing or waiting for anything. A database in memory has no log: nothing and nothing. */
    size(): WalSize {
      const row = noop.get()
      return { pages: Math.max(0, row?.log ?? 0), copied: Math.max(0, row?.checkpointed ?? 0) }
    },
    /** Copies what is left, here and now: two waits for the disk. With nothing left the next commit starts the log anew. */
    finish: (): void => void passive.get(),
    noteCommit: () => onCommit?.(),
  }
}
