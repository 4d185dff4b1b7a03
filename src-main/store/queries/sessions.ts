import type { Activity } from '../../contract/activity.ts'
import type { SessionRow, Usage } from '../../contract/session.ts'
import type { Db } from '../database.ts'
import type { RowVersions } from '../projections/sessions.ts'
import { createWindows } from './windows.ts'

interface RowRecord {
  readonly row: string
  readonly last_line: string | null
  readonly last_heard_ms: number | null
  readonly usage: string | null
}

/** Reads a row as lists show it: what its facts say, with what was heard since. */
function toRow(record: RowRecord): SessionRow {
  const row = JSON.parse(record.row) as SessionRow
  return {
    ...row,
    usage: row.endedAtMs === null && record.usage !== null ? (JSON.parse(record.usage) as Usage) : row.usage,
    lastLine: record.last_line,
    lastHeardAtMs: record.last_heard_ms,
  }
}

/** Reading sessions: windows of long lists by their marks, single rows in full. */
export function createSessionQueries(db: Db, versions: RowVersions) {
  const row = db.prepare<[string], RowRecord>(
    `SELECT s.row, l.last_line, l.last_heard_ms, l.usage
     FROM sessions s LEFT JOIN session_live l ON l.session_id = s.id WHERE s.id = ?`,
  )
  const transcript = db
    .prepare<[string, number], string>(
      `SELECT body FROM (SELECT cursor, body FROM activities WHERE session_id = ? ORDER BY cursor DESC LIMIT ?)
       ORDER BY cursor`,
    )
    .pluck()
  const inWorkarea = db
    .prepare<[{ area: string; except: string }], string>(
      `SELECT id FROM sessions WHERE ended_at_ms IS NULL
         AND (workarea_id = :area OR continues IN (SELECT id FROM sessions WHERE workarea_id = :area))
         AND id <> :except LIMIT 1`,
    )
    .pluck()
  return {
    /** The ids of a window in order with their marks, and how many rows the filter lets through. */
    marks: createWindows(db, versions),
    read(id: string): SessionRow | undefined {
      const record = row.get(id)
      return record && toRow(record)
    },
    /** The last `limit` activities' bodies, oldest first. */
    transcript: (sessionId: string, limit: number): Activity['body'][] =>
      transcript.all(sessionId, limit).map((text) => JSON.parse(text) as Activity['body']),
    /** A session that has not ended and works, or is going to, in this workarea; not `except`. */
    occupant: (workareaId: string, except: string): string | undefined =>
      inWorkarea.get({ area: workareaId, except }),
  }
}
