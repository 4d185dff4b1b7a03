import type { Activity, ActivityBody } from '../contract/activity.ts'
import { noHash } from '../domain/audit/body.ts'
import type { Db } from './database.ts'
import { activityDigest } from './entry-hash.ts'
import type { RowVersions } from './projections/sessions.ts'

/** One activity as it is to be stored. */
export interface NewActivity {
  readonly atMs: number
  readonly body: ActivityBody
}

interface LiveRow {
  readonly activity_count: number
  readonly activities_digest: string
}

/** What sessions say and do: durable, in order, read by cursor, their digest chained. */
export function createActivities(db: Db, versions: RowVersions) {
  const insert = db.prepare('INSERT INTO activities (session_id, cursor, at_ms, body) VALUES (?, ?, ?, ?)')
  const head = db.prepare<[string], LiveRow>(
    'SELECT activity_count, activities_digest FROM session_live WHERE session_id = ?',
  )
  const setHead = db.prepare(
    `INSERT INTO session_live (session_id, version, activity_count, activities_digest, last_line, last_heard_ms)
     VALUES (?, 1, ?, ?, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET version = version + 1, activity_count = excluded.activity_count,
       activities_digest = excluded.activities_digest, last_line = coalesce(excluded.last_line, last_line),
       last_heard_ms = excluded.last_heard_ms`,
  )
  const range = db.prepare<[string, number, number], { cursor: number; at_ms: number; body: string }>(
    'SELECT cursor, at_ms, body FROM activities WHERE session_id = ? AND cursor > ? ORDER BY cursor LIMIT ?',
  )

  const readHead = (sessionId: string) => {
    const row = head.get(sessionId)
    return { count: row?.activity_count ?? 0, digest: row?.activities_digest ?? noHash }
  }
  return {
    /** Stores a batch behind what the session said before. `lastLine` null keeps the one shown. */
    append(sessionId: string, batch: readonly NewActivity[], lastLine: string | null): void {
      const last = batch.at(-1)
      if (!last) return
      let { count, digest } = readHead(sessionId)
      for (const { atMs, body } of batch) {
        const text = JSON.stringify(body)
        count += 1
        digest = activityDigest(digest, count, atMs, text)
        insert.run(sessionId, count, atMs, text)
      }
      setHead.run(sessionId, count, digest, lastLine, last.atMs)
      versions.bump(sessionId)
    },
    /** Count and digest of everything stored of a session. */
    head: readHead,
    /** At most `limit` activities after `cursor` (exclusive), oldest first. */
    after(sessionId: string, cursor: number, limit: number): Activity[] {
      return range.all(sessionId, cursor, limit).map((row) => ({
        cursor: row.cursor,
        atMs: row.at_ms,
        body: JSON.parse(row.body) as ActivityBody,
      }))
    },
  }
}
