import type { SessionId } from '../../contract/ids.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'
import type { RowVersions } from '../projections/sessions.ts'

/** A session as the shared diagram draws it. */
export interface FleetMark {
  readonly id: SessionId
  readonly title: string
  readonly phase: string
  readonly sinceMs: number
  readonly tone: string
}

/** Where a session stands in the walk: all of it is in the index. */
interface Place {
  readonly id: SessionId
  readonly created_at_ms: number
}

interface Known {
  readonly version: number
  readonly mark: FleetMark
}

/** Sessions of one step: well below a millisecond. */
const stepRows = 125
const moving = [attention.asks, attention.failed, attention.review, attention.working, attention.queued]

function isSame(one: FleetMark, other: FleetMark): boolean {
  return (
    one.phase === other.phase &&
    one.sinceMs === other.sinceMs &&
    one.tone === other.tone &&
    one.title === other.title
  )
}

/**
 * The sessions that move or wait. What was read of one is kept and read again only when its row has changed: the rows
 * are wide, and thousands of them a second would push everything else out of the page cache.
 */
export function createMarks(db: Db, versions: RowVersions) {
  const walk = db.prepare<[{ group: number; before: number; id: string; limit: number }], Place>(
    `SELECT id, created_at_ms FROM sessions
     WHERE attention = :group AND created_at_ms <= :before AND (created_at_ms < :before OR id > :id)
     ORDER BY created_at_ms DESC, id LIMIT :limit`,
  )
  const row = db.prepare<[string], FleetMark>(
    'SELECT id, title, phase, since_ms AS sinceMs, tone FROM sessions WHERE id = ?',
  )
  let known = new Map<string, Known>()
  const read = (id: SessionId): Known | undefined => {
    const before = known.get(id)
    const version = versions.of(id)
    if (before?.version === version) return before
    const mark = row.get(id)
    if (!mark) return undefined
    return { version, mark: before && isSame(before.mark, mark) ? before.mark : mark }
  }
  return {
    /**
     * At most `limit` of them, those that need somebody first, in steps between which others may work. A mark that says
     * the same as at the last walk is the same object.
     */
    *steps(limit: number): Generator<readonly FleetMark[]> {
      const seen = new Map<string, Known>()
      let left = limit
      for (const group of moving) {
        let before = Number.MAX_SAFE_INTEGER
        let id = ''
        for (let isMore = true; isMore && left > 0; ) {
          const places = walk.all({ group, before, id, limit: Math.min(left, stepRows) })
          const last = places.at(-1)
          if (last) ({ created_at_ms: before, id } = last)
          isMore = places.length === stepRows
          left -= places.length
          const found = places.map((place) => read(place.id)).filter((one) => one !== undefined)
          for (const one of found) seen.set(one.mark.id, one)
          yield found.map(({ mark }) => mark)
        }
      }
      known = seen
    },
  }
}
