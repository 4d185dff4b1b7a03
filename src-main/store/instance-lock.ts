import Database from 'better-sqlite3'

/** Holds one state directory for this process. */
export interface InstanceLock {
  release(): void
}

/**
 * Takes the lock of a state directory, or gives undefined when another process holds it. It is a lock of the operating
 * system on a file of its own, so it is free again the moment its holder dies, however it dies.
 */
export function acquireInstanceLock(file: string): InstanceLock | undefined {
  const database = new Database(file, { timeout: 0 })
  try {
    database.pragma('journal_mode = DELETE')
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined
    throw error
  }
  return { release: () => void database.close() }
}
