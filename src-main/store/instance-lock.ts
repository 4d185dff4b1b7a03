import Database from 'better-sqlite3'
import { SignalboxError } from '../contract/errors.ts'

/** Holds one state directory for this process. */
export interface InstanceLock {
  release(): void
}

/**
 * Takes the lock of a state directory, or gives undefined when another process holds it. It is a lock of the operating
 * system on a file of its own, so it is free again the moment its holder dies, however it dies. Errors:
 * `path_not_writable`, `disk_full`.
 */
export function acquireInstanceLock(file: string): InstanceLock | undefined {
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout: 0 })
    database.pragma('journal_mode = DELETE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined
    throw lockError(error, file)
  }
  const held = database
  return { release: () => void held.close() }
}

function lockError(cause: unknown, path: string): unknown {
  if (!(cause instanceof Database.SqliteError)) return cause
  const isFull = cause.code === 'SQLITE_FULL' || cause.code === 'SQLITE_IOERR_WRITE'
  return new SignalboxError(
    isFull ? 'disk_full' : 'path_not_writable',
    { path, detail: cause.message },
    { cause },
  )
}
