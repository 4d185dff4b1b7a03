import type { SessionId } from '../../contract/ids.ts'
import type { Usage } from '../../contract/session.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'

interface CountRow {
  readonly attention: number
  readonly phase: string
  readonly count: number
}

/** How many sessions stand where. `phases` counts those that move or wait; ended ones only while they wait to be read. */
export interface FleetCounts {
  readonly running: number
  readonly needsYou: number
  readonly queued: number
  readonly toReview: number
  readonly total: number
  readonly phases: Readonly<Record<string, number>>
}

const moving = [attention.asks, attention.failed, attention.review, attention.working, attention.queued]

function statements(db: Db) {
  const counts = db.prepare<[], CountRow>(
    'SELECT attention, phase, count(*) AS count FROM sessions GROUP BY attention, phase',
  )
  const occupied = `s.attention IN (${attention.asks}, ${attention.working})`
  const liveUsage = db
    .prepare<[], string | null>(
      `SELECT l.usage FROM sessions s LEFT JOIN session_live l ON l.session_id = s.id WHERE ${occupied}`,
    )
    .pluck()
  const used = db.prepare<[], number>(`SELECT count(*) FROM sessions s WHERE ${occupied}`).pluck()
  const queue = db
    .prepare<[number], string>(
      `SELECT id FROM sessions WHERE attention = ${attention.queued} AND status = 'queued'
       ORDER BY priority, created_at_ms, rowid LIMIT ?`,
    )
    .pluck()
  const unended = db
    .prepare<[], string>(
      `SELECT id FROM sessions WHERE attention IN (${attention.asks}, ${attention.working}, ${attention.queued}) ORDER BY rowid`,
    )
    .pluck()
  const marks = db.prepare<
    [number],
    { id: SessionId; title: string; phase: string; since_ms: number; tone: string }
  >(
    `SELECT id, title, phase, since_ms, tone FROM sessions WHERE attention IN (${moving.join(', ')}) ORDER BY attention, created_at_ms DESC LIMIT ?`,
  )
  return { counts, liveUsage, used, queue, unended, marks }
}

function sumCounts(rows: readonly CountRow[]): FleetCounts {
  const sum = (...groups: readonly number[]) =>
    rows.filter((row) => groups.includes(row.attention)).reduce((total, row) => total + row.count, 0)
  const phases: Record<string, number> = {}
  for (const row of rows) {
    if (row.attention !== attention.ended) phases[row.phase] = (phases[row.phase] ?? 0) + row.count
  }
  return {
    running: sum(attention.asks, attention.working),
    needsYou: sum(attention.asks),
    queued: sum(attention.queued),
    toReview: sum(attention.failed, attention.review),
    total: sum(...Object.values(attention)),
    phases,
  }
}

/** Reading the fleet as a whole; each is one walk over an index. */
export function createFleetQueries(db: Db) {
  const { counts, liveUsage, used, queue, unended, marks } = statements(db)
  return {
    counts: (): FleetCounts => sumCounts(counts.all()),
    /** Money of sessions that work now: what is known of it, and how many did not say. */
    runningCost(): { readonly usdNanos: number; readonly unknown: number } {
      let usdNanos = 0
      let unknown = 0
      for (const text of liveUsage.all()) {
        const cost = text === null ? 0 : (JSON.parse(text) as Usage).costUsdNanos
        if (cost === null) unknown += 1
        else usdNanos += cost
      }
      return { usdNanos, unknown }
    },
    /** Slots in use. */
    used: (): number => Number(used.get() ?? 0),
    /** Queued sessions in the order of admission. */
    queue: (limit: number): readonly string[] => queue.all(limit),
    /** Sessions that have not ended, oldest first. */
    unended: (): readonly string[] => unended.all(),
    /** At most `limit` sessions that move or wait, those that need somebody first. */
    marks: (limit: number) =>
      marks.all(limit).map(({ since_ms, ...mark }) => ({ ...mark, sinceMs: since_ms })),
  }
}
