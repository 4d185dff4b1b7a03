import { copyFileSync, readFileSync } from 'node:fs'
import { applicationId, type Db } from './database.ts'

/** Numbered, forward only; `user_version` counts those that were applied. */
const files = [
  '0001-journal.sql',
  '0002-projections.sql',
  '0003-cost-index.sql',
  '0004-budgets-and-calls.sql',
] as const

/** The format that this version writes. */
export const knownVersion = files.length

/** Brings a database to the known format, one transaction per step, after a copy of the whole file beside it. */
export function migrate(db: Db, file: string): void {
  const from = Number(db.pragma('user_version', { simple: true }))
  if (from >= knownVersion) return
  if (from > 0 && file !== ':memory:') {
    db.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(file, `${file}.v${from}.backup`)
  }
  const folder = new URL('./migrations/', import.meta.url)
  for (const [index, name] of files.entries()) {
    if (index < from) continue
    const sql = readFileSync(new URL(name, folder), 'utf8')
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`application_id = ${applicationId}`)
      db.pragma(`user_version = ${index + 1}`)
    })()
  }
}
