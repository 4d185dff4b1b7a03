import type { ProjectId } from '../../contract/ids.ts'
import type { Usage } from '../../contract/session.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'

/** Money and sessions, with those that did not say what they cost counted apart. */
export interface Spent {
  readonly usdNanos: number
  readonly sessions: number
  readonly unknown: number
}

/** What the sessions of one agent in one project cost. */
export interface SpentShare extends Spent {
  readonly agent: string
  readonly projectId: ProjectId
  readonly projectName: string
}

interface ShareRow {
  readonly agent: string
  readonly project_id: ProjectId
  readonly name: string | null
  readonly usd_nanos: number
  readonly sessions: number
  readonly unknown: number
}

interface DayRow {
  readonly day: string
  readonly usd_nanos: number
  readonly sessions: number
  readonly unknown_session: number
}

function statements(db: Db) {
  const days = db.prepare<[string], DayRow>('SELECT * FROM cost_days WHERE day >= ? ORDER BY day')
  const ended = db.prepare<[number], ShareRow>(
    `SELECT c.*, p.name FROM (
       SELECT agent, project_id, sum(coalesce(cost, 0)) AS usd_nanos, count(*) AS sessions, sum(cost IS NULL) AS unknown
       FROM sessions WHERE ended_at_ms >= ? GROUP BY agent, project_id
     ) c LEFT JOIN projects p ON p.id = c.project_id`,
  )
  const working = db.prepare<
    [],
    { agent: string; project_id: ProjectId; name: string | null; usage: string | null }
  >(
    `SELECT s.agent, s.project_id, p.name, l.usage FROM sessions s
     LEFT JOIN session_live l ON l.session_id = s.id LEFT JOIN projects p ON p.id = s.project_id
     WHERE s.attention IN (${attention.asks}, ${attention.working})`,
  )
  return { days, ended, working }
}

/** Reading what was spent. */
export function createCostQueries(db: Db) {
  const { days, ended, working } = statements(db)
  return {
    /** Of sessions that ended, by UTC day, from `day` (`YYYY-MM-DD`) on; a day without an end has no line. */
    daysSince: (day: string): readonly (Spent & { readonly day: string })[] =>
      days.all(day).map((row) => ({
        day: row.day,
        usdNanos: row.usd_nanos,
        sessions: row.sessions,
        unknown: row.unknown_session,
      })),
    /** Of sessions that ended at `fromMs` or later, by agent and project. */
    endedSince: (fromMs: number): readonly SpentShare[] =>
      ended.all(fromMs).map(({ project_id, name, usd_nanos, ...row }) => ({
        ...row,
        projectId: project_id,
        projectName: name ?? project_id,
        usdNanos: usd_nanos,
      })),
    /** Of sessions that work now, one each; what nobody metered yet is nothing, not unknown. */
    working: (): readonly SpentShare[] =>
      working.all().map(({ agent, project_id, name, usage }) => {
        const cost = usage === null ? 0 : (JSON.parse(usage) as Usage).costUsdNanos
        const spent = { usdNanos: cost ?? 0, sessions: 1, unknown: cost === null ? 1 : 0 }
        return { agent, projectId: project_id, projectName: name ?? project_id, ...spent }
      }),
  }
}
