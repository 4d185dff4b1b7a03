import type { Usage } from '../../contract/session.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'
import type { RowVersions } from '../projections/sessions.ts'
import { createMarks } from './marks.ts'

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

interface WorkingRow {
  readonly project_id: string
  readonly budget: number | null
  readonly payment: string
  readonly usage: string | null
}

/** A session that works: what it may spend, and what it is known to have used. */
export interface WorkingUse {
  readonly projectId: string
  readonly budgetUsdNanos: number | null
  /** Nobody pays for its model. */
  readonly isFree: boolean
  readonly usdNanos: number
  readonly tokens: number
}

function toWorkingUse({ project_id, budget, payment, usage }: WorkingRow): WorkingUse {
  const used = usage === null ? undefined : (JSON.parse(usage) as Usage)
  return {
    projectId: project_id,
    budgetUsdNanos: budget,
    isFree: payment === 'none',
    usdNanos: used?.costUsdNanos ?? 0,
    tokens: (used?.inputTokens ?? 0) + (used?.outputTokens ?? 0),
  }
}

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
    .prepare<[string, number], string>(
      `SELECT id FROM sessions WHERE attention = ${attention.queued} AND status = 'queued'
         AND project_id NOT IN (SELECT value FROM json_each(?))
       ORDER BY priority, created_at_ms, rowid LIMIT ?`,
    )
    .pluck()
  const unended = db
    .prepare<[], string>(
      `SELECT id FROM sessions WHERE attention IN (${attention.asks}, ${attention.working}, ${attention.queued}) ORDER BY rowid`,
    )
    .pluck()
  const queuedByProject = db.prepare<[], { project_id: string; count: number }>(
    `SELECT project_id, count(*) AS count FROM sessions WHERE attention = ${attention.queued} AND status = 'queued'
     GROUP BY project_id`,
  )
  const working = db.prepare<[], WorkingRow>(
    `SELECT s.project_id, json_extract(s.row, '$.budget.usdNanos') AS budget,
       json_extract(s.row, '$.payment') AS payment, l.usage
     FROM sessions s LEFT JOIN session_live l ON l.session_id = s.id WHERE ${occupied}`,
  )
  return { counts, liveUsage, used, queue, unended, queuedByProject, working }
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
export function createFleetQueries(db: Db, versions: RowVersions) {
  const { counts, liveUsage, used, queue, unended, queuedByProject, working } = statements(db)
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
    /** Queued sessions in the order of admission, but for those of some projects. */
    queue: (limit: number, exceptProjects: readonly string[] = []): readonly string[] =>
      queue.all(JSON.stringify(exceptProjects), limit),
    /** How many sessions of each project wait in the queue. */
    queuedByProject: (): ReadonlyMap<string, number> =>
      new Map(queuedByProject.all().map((row) => [row.project_id, row.count])),
    /** What each session that works was granted and what is known of its use; few, for there is one slot each. */
    working: (): readonly WorkingUse[] => working.all().map(toWorkingUse),
    /** Sessions that have not ended, oldest first. */
    unended: (): readonly string[] => unended.all(),
    /** The sessions that move or wait, in steps; see there. */
    markSteps: createMarks(db, versions).steps,
  }
}
