import Database from 'better-sqlite3'
import type { Store, StoreRecord } from '../../kernel/journal.ts'
import { acquireInstanceLock, type InstanceLock } from '../instance-lock.ts'
import { toJournalError } from './file-store.ts'
import { isAcknowledgement, JournalError, parseRecord } from './record-text.ts'

/** Marks a file as a kernel journal in its header: "SBkj". */
const APPLICATION_ID = 0x53426b6a
const SYNC_AFTER_MS = 50
const SYNC_AFTER_RECORDS = 256

/**
 * A kernel journal in a SQLite database of its own, by one writer at a time, with the same promises as the file: what a
 * driver waits for is committed at once and survives the process, all of it is on the disk after at most 50 ms or 256
 * records, and the outcome of a write before it is acknowledged. Errors: JournalError.
 */
export class SqliteStore implements Store {
  readonly file: string
  readonly #db: Database.Database
  readonly #lock: InstanceLock
  readonly #insert: Database.Statement<[number, string]>
  readonly #page: Database.Statement<[number], { seq: number; body: string }>
  #pending: StoreRecord[] = []
  #unsynced = 0
  #timer: NodeJS.Timeout | undefined
  #failure: JournalError | undefined
  #isClosed = false

  /** `journal_locked` when another writer holds it, `journal_corrupt` for another program's database, `journal_failed`. */
  constructor(file: string) {
    this.file = file
    const lock = acquireInstanceLock(`${file}.lock`)
    if (!lock) throw new JournalError('journal_locked', `${file} is being written already`)
    this.#lock = lock
    try {
      this.#db = openJournal(file)
      this.#insert = this.#db.prepare('INSERT INTO records (seq, body) VALUES (?, ?)')
      this.#page = this.#db.prepare('SELECT seq, body FROM records WHERE seq > ? ORDER BY seq LIMIT 1000')
    } catch (error) {
      lock.release()
      throw errorOf(error, file)
    }
  }

  append(record: StoreRecord): void {
    if (this.#failure) throw this.#failure
    if (this.#isClosed) throw new JournalError('journal_failed', 'the journal is closed')
    this.#pending.push(record)
    this.#unsynced++
    if (isAcknowledgement(record) || this.#unsynced >= SYNC_AFTER_RECORDS) this.#sync()
    else if (record.type !== 'event') this.#commit('NORMAL')
    if (this.#unsynced > 0) this.#timer ??= setTimeout(() => this.#syncQuietly(), SYNC_AFTER_MS).unref()
  }

  /** The records in order. `journal_corrupt` names the number of a bad one; without a number the file itself is damaged. */
  *read(): Generator<StoreRecord> {
    if (!this.#failure) this.#commit('NORMAL')
    // In pieces, so that whoever reads may write on the same connection.
    for (let after = 0; ; ) {
      const page = this.#pageAfter(after)
      for (const { seq, body } of page) {
        const record = parseRecord(body)
        if (record?.seq !== seq)
          throw new JournalError('journal_corrupt', `bad record ${seq} of ${this.file}`, { offset: seq })
        yield record
      }
      const last = page.at(-1)
      if (!last) return
      after = last.seq
    }
  }

  /** Brings everything to the disk and lets go of the database. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      if (!this.#failure) this.#sync()
    } finally {
      clearTimeout(this.#timer)
      this.#db.close()
      this.#lock.release()
    }
  }

  #pageAfter(after: number): { seq: number; body: string }[] {
    try {
      return this.#page.all(after)
    } catch (error) {
      throw errorOf(error, this.file)
    }
  }

  #commit(synchronous: 'NORMAL' | 'FULL'): void {
    if (this.#pending.length === 0) return
    const batch = this.#pending
    this.#pending = []
    this.#orFail(() => {
      this.#db.pragma(`synchronous = ${synchronous}`)
      this.#db.transaction(() => {
        for (const record of batch) this.#insert.run(record.seq, JSON.stringify(record))
      })()
    })
  }

  #sync(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const wasCommitted = this.#pending.length === 0
    this.#commit('FULL')
    // Nothing new to commit: what was committed before is still to be brought to the disk.
    if (wasCommitted && this.#unsynced > 0) this.#orFail(() => this.#db.pragma('wal_checkpoint(PASSIVE)'))
    this.#unsynced = 0
  }

  #orFail(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#failure = errorOf(error, this.file)
      throw this.#failure
    }
  }

  #syncQuietly(): void {
    try {
      if (!this.#isClosed && !this.#failure) this.#sync()
    } catch {
      // Kept, and thrown at the next record.
    }
  }
}

/** An error of this store: a file that is damaged, or is none of SQLite's, is told from a disk that fails. */
function errorOf(cause: unknown, file: string): JournalError {
  const isDamaged = cause instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(cause.code)
  if (!isDamaged) return toJournalError(cause, file)
  return new JournalError('journal_corrupt', `${file}: ${cause.message}`, { cause })
}

function openJournal(file: string): Database.Database {
  const db = new Database(file, { timeout: 5000 })
  try {
    const owner = Number(db.pragma('application_id', { simple: true }))
    const tables = Number(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get())
    if (tables > 0 && owner !== APPLICATION_ID)
      throw new JournalError('journal_corrupt', `${file} belongs to another program`)
    db.pragma('journal_mode = WAL')
    db.pragma('trusted_schema = OFF')
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.exec('CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
