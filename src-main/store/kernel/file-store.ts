import { createHash } from 'node:crypto'
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import type { Store, StoreRecord } from '../../kernel/journal.ts'
import { acquireInstanceLock, type InstanceLock } from '../instance-lock.ts'
import { isAcknowledgement, isTorn, JournalError, parseRecord } from './record-text.ts'

const CHUNK_BYTES = 64 * 1024
/** A longer line is no record of ours. */
const MAX_LINE_BYTES = 256 * 1024 * 1024
const SYNC_AFTER_MS = 50
const SYNC_AFTER_RECORDS = 256
const NEWLINE = 10

export interface FileStoreOptions {
  /** Reads only, and takes no lock. */
  readonly isReadOnly?: boolean
  /** The caller keeps other writers away, by holding the folder: no lock is taken. */
  readonly isGuarded?: boolean
  /** Told of a torn last line that was dropped. */
  readonly warn?: (message: string) => void
}

/**
 * A kernel journal in a file: one JSON record per line, appended, by one writer at a time. What a driver waits for is
 * handed to the operating system at once, events within 256 records; all of it is on the disk after at most 50 ms or 256
 * records, and the outcome of a write before it is acknowledged. Errors: JournalError.
 */
export class FileStore implements Store {
  readonly file: string
  readonly #fd: number
  readonly #lock: InstanceLock | undefined
  readonly #isReadOnly: boolean
  readonly #hash = createHash('sha256')
  readonly #warn: (message: string) => void
  #pending: string[] = []
  #unsynced = 0
  #sizeBytes = 0
  #timer: NodeJS.Timeout | undefined
  #failure: JournalError | undefined
  #digest: string | undefined

  /** `journal_locked` when another writer holds it, `journal_failed` when it can't be opened. */
  constructor(file: string, options: FileStoreOptions = {}) {
    const { isReadOnly = false, isGuarded = false, warn = () => undefined } = options
    this.file = file
    this.#warn = warn
    this.#isReadOnly = isReadOnly
    this.#lock = isReadOnly || isGuarded ? undefined : lockFor(file)
    try {
      this.#fd = openSync(file, isReadOnly ? 'r' : 'a+', 0o600)
      if (!isReadOnly) this.#mend()
    } catch (error) {
      this.#lock?.release()
      throw toJournalError(error, file)
    }
  }

  append(record: StoreRecord): void {
    if (this.#failure) throw this.#failure
    if (this.#isReadOnly || this.#digest !== undefined)
      throw new JournalError('journal_failed', 'the journal is closed')
    this.#pending.push(`${JSON.stringify(record)}\n`)
    this.#unsynced++
    if (isAcknowledgement(record)) this.#syncNow()
    else if (record.type !== 'event' || this.#pending.length >= SYNC_AFTER_RECORDS) this.#write()
    if (this.#unsynced >= SYNC_AFTER_RECORDS) this.#syncSoon()
    else if (this.#unsynced > 0) this.#timer ??= setTimeout(() => this.#syncSoon(), SYNC_AFTER_MS).unref()
  }

  /** The records in order. A torn last line is passed over; `journal_corrupt` names the byte of any other bad one. */
  *read(): Generator<StoreRecord> {
    if (this.#digest === undefined && !this.#failure) this.#write()
    const bad = (offset: number): JournalError =>
      new JournalError('journal_corrupt', `bad record at byte ${offset} of ${this.file}`, { offset })
    let tornAt: number | undefined
    for (const { text, offset } of this.#lines()) {
      if (tornAt !== undefined) throw bad(tornAt)
      const record = parseRecord(text)
      if (record) yield record
      else if (offset > 0 && isTorn(text)) tornAt = offset
      else throw bad(offset)
    }
    if (tornAt !== undefined) this.#warn(`passed over a torn record at byte ${tornAt} of ${this.file}`)
  }

  /** Brings everything to the disk and lets go of the file. Idempotent. */
  close(): void {
    if (this.#digest !== undefined) return
    try {
      if (!this.#isReadOnly && !this.#failure) this.#syncNow()
    } finally {
      clearTimeout(this.#timer)
      this.#digest = this.#hash.digest('hex')
      closeSync(this.#fd)
      this.#lock?.release()
    }
  }

  /** SHA-256 of the file's bytes as hex, once it was written and closed. */
  get digest(): string {
    if (this.#digest === undefined) throw new JournalError('journal_failed', 'the journal is not closed yet')
    return this.#digest
  }

  /** Takes a torn end off a file that is to be continued, and hashes the rest. */
  #mend(): void {
    const { size } = fstatSync(this.#fd)
    const end = this.#wholeEnd(size)
    if (end < size) {
      this.#warn(`dropped ${size - end} bytes of a torn record at byte ${end} of ${this.file}`)
      ftruncateSync(this.#fd, end)
    }
    for (const { bytes } of this.#blocks(end)) this.#hash.update(bytes)
    this.#sizeBytes = end
  }

  /** Behind the last whole record. A power cut may keep a line's end and lose what stands before it. */
  #wholeEnd(size: number): number {
    let start = 0
    let end = 0
    for (const { offset, bytes } of this.#blocks(size)) {
      const last = bytes.lastIndexOf(NEWLINE)
      if (last < 0) continue
      const before = last === 0 ? -1 : bytes.lastIndexOf(NEWLINE, last - 1)
      start = before < 0 ? end : offset + before + 1
      end = offset + last + 1
    }
    // The only line of a file is nobody's torn record: it may be another program's.
    if (start === 0 || end - start > MAX_LINE_BYTES) return end
    const line = [...this.#blocks(end - 1, start)].map(({ bytes }) => bytes)
    return isTorn(Buffer.concat(line).toString('utf8')) ? start : end
  }

  *#blocks(size: number, from = 0): Generator<{ offset: number; bytes: Buffer }> {
    for (let offset = from; offset < size; ) {
      const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - offset))
      const count = readSync(this.#fd, bytes, 0, bytes.length, offset)
      if (count === 0) return
      yield { offset, bytes: bytes.subarray(0, count) }
      offset += count
    }
  }

  *#lines(): Generator<{ text: string; offset: number }> {
    let rest: Buffer[] = []
    let lineStart = 0
    let held = 0
    for (const { offset, bytes } of this.#blocks(fstatSync(this.#fd).size)) {
      let from = 0
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
        const line = Buffer.concat([...rest, bytes.subarray(from, at)])
        yield { text: line.toString('utf8'), offset: lineStart }
        rest = []
        held = 0
        from = at + 1
        lineStart = offset + from
      }
      held += bytes.length - from
      if (held > MAX_LINE_BYTES)
        throw new JournalError('journal_corrupt', `endless record at byte ${lineStart}`, {
          offset: lineStart,
        })
      if (from < bytes.length) rest.push(bytes.subarray(from))
    }
    if (held > 0)
      this.#warn(`passed over ${held} bytes of a torn record at byte ${lineStart} of ${this.file}`)
  }

  #write(): void {
    if (this.#pending.length === 0) return
    const bytes = Buffer.from(this.#pending.join(''), 'utf8')
    this.#pending = []
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
      this.#sizeBytes += bytes.length
      this.#hash.update(bytes)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #syncNow(): void {
    this.#write()
    try {
      fdatasyncSync(this.#fd)
    } catch (error) {
      throw this.#fail(error)
    }
    this.#unsynced = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Without holding up the kernel; a failure shows at the next record. */
  #syncSoon(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#digest !== undefined || this.#failure) return
    try {
      this.#write()
    } catch {
      // Kept, and thrown at the next record.
      return
    }
    this.#unsynced = 0
    fdatasync(this.#fd, (error) => {
      if (error && this.#digest === undefined) this.#fail(error)
    })
  }

  /** What was half written goes, so that the file ends with a whole record. */
  #fail(cause: unknown): JournalError {
    this.#failure ??= toJournalError(cause, this.file)
    clearTimeout(this.#timer)
    try {
      ftruncateSync(this.#fd, this.#sizeBytes)
    } catch {
      // A torn last line is dropped when it is read.
    }
    return this.#failure
  }
}

function lockFor(file: string): InstanceLock {
  const lock = acquireInstanceLock(`${file}.lock`)
  if (!lock) throw new JournalError('journal_locked', `${file} is being written already`)
  return lock
}

/** An error of this store, with what the operating system said as its cause. */
export function toJournalError(cause: unknown, file: string): JournalError {
  if (cause instanceof JournalError) return cause
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new JournalError('journal_failed', `${file}: ${detail}`, { cause })
}
