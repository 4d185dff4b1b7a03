import { existsSync, rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { SignalboxError } from '../contract/errors.ts'

/** A connection to the store's SQLite file. */
export type Db = Database.Database

/** Marks a file as ours in its header: "SBox". */
export const applicationId = 0x53426f78

/** Larger files are not read through at every start; their pages are checked when they are read. */
const largestCheckedBytes = 32 * 1024 * 1024

/** Turns what SQLite throws into an error of the contract where people can do something about it; else gives it back. */
export function toStoreError(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const { code } = error
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_WRITE')
    return new SignalboxError(
      'disk_full',
      { path: file, detail: error.message },
      { message: 'There is no space left to store this. What was stored before is untouched.', cause: error },
    )
  if (/^SQLITE_(?:NOTADB|CORRUPT|CANTOPEN|IOERR|READONLY|PERM|AUTH)/.test(code))
    return unreadable(file, error.message, error)
  return error
}

/** The error for a file that can't be used as our store; nothing in it was changed. */
export function unreadable(file: string, detail: string, cause?: unknown): SignalboxError {
  return new SignalboxError(
    'database_unreadable',
    { path: file, detail },
    { message: `The database ${file} can't be read: ${detail}. It was left as it is.`, cause },
  )
}

/**
 * Opens for reading and writing: WAL, foreign keys, strict waiting. An existing file is looked at through a read-only
 * connection first, so that one that is damaged, newer or not ours stays untouched.
 * Errors: `database_unreadable`, `database_newer`, `disk_full`.
 */
export function openDatabase(file: string, knownVersion: number): Db {
  try {
    if (file !== ':memory:' && existsSync(file)) leavingNoTrace(file, () => inspectFile(file, knownVersion))
    const db = new Database(file, { timeout: 5000 })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma('foreign_keys = ON')
    db.pragma('trusted_schema = OFF')
    db.pragma('cache_size = -16000')
    return db
  } catch (error) {
    throw toStoreError(error, file)
  }
}

/** A second connection that can't write, for workers. Errors: `database_unreadable`. */
export function openReadOnly(file: string): Db {
  try {
    const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 5000 })
    db.pragma('query_only = ON')
    return db
  } catch (error) {
    throw toStoreError(error, file)
  }
}

/**
 * A connection that only copies the WAL into the database file, for the thread that does so. It waits for nobody.
 * Errors: `database_unreadable`.
 */
export function openForCheckpoints(file: string): Db {
  try {
    const db = new Database(file, { fileMustExist: true, timeout: 0 })
    db.pragma('synchronous = NORMAL')
    return db
  } catch (error) {
    throw toStoreError(error, file)
  }
}

/** Even a reader makes the two files of a WAL beside a database; when it is refused they go again, if they are empty. */
function leavingNoTrace(file: string, look: () => void): void {
  const isNew = !existsSync(`${file}-wal`) && !existsSync(`${file}-shm`)
  try {
    look()
  } catch (error) {
    if (isNew && (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0)
      for (const part of ['-wal', '-shm']) rmSync(`${file}${part}`, { force: true })
    throw error
  }
}

function inspectFile(file: string, knownVersion: number): void {
  const db = openReadOnly(file)
  try {
    const version = Number(db.pragma('user_version', { simple: true }))
    const tables = Number(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get())
    const owner = Number(db.pragma('application_id', { simple: true }))
    if (tables > 0 && owner !== applicationId) throw unreadable(file, 'it belongs to another program')
    if (version > knownVersion)
      throw new SignalboxError(
        'database_newer',
        { found: version, known: knownVersion },
        {
          message: `The database was written by a newer Signalbox (format ${version}, this one knows ${knownVersion}). Start the newer one again; the data is untouched.`,
        },
      )
    const bytes =
      Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }))
    if (bytes > largestCheckedBytes) return
    const found = String(db.pragma('quick_check(1)', { simple: true }))
    if (found !== 'ok') throw unreadable(file, found)
  } finally {
    db.close()
  }
}
