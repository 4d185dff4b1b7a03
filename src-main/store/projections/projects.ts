import { ProjectId } from '../../contract/ids.ts'
import type { Project, ProjectBudget } from '../../contract/project.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'

interface ProjectRow {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly added_at_ms: number
  readonly sessions: number
  readonly working: number
  readonly daily_usd_nanos: number | null
  readonly daily_tokens: number | null
}

/** A project as its facts tell it; what was used today is another reading. */
export type StoredProject = Omit<Project, 'usedToday'>

function statements(db: Db) {
  return {
    insert: db.prepare(
      `INSERT INTO projects (id, path, name, added_at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET is_removed = 0, path = excluded.path, name = excluded.name`,
    ),
    remove: db.prepare('UPDATE projects SET is_removed = 1 WHERE id = ?'),
    setBudget: db.prepare('UPDATE projects SET daily_usd_nanos = ?, daily_tokens = ? WHERE id = ?'),
    list: db.prepare<[], ProjectRow>(
      `SELECT p.id, p.name, p.path, p.added_at_ms, p.daily_usd_nanos, p.daily_tokens,
         (SELECT count(*) FROM sessions s WHERE s.project_id = p.id) AS sessions,
         (SELECT count(*) FROM sessions s WHERE s.project_id = p.id
            AND s.attention IN (${attention.asks}, ${attention.working})) AS working
       FROM projects p WHERE p.is_removed = 0 ORDER BY p.name, p.id`,
    ),
    read: db.prepare<[string], { name: string; path: string; is_removed: number } & BudgetRow>(
      'SELECT name, path, is_removed, daily_usd_nanos, daily_tokens FROM projects WHERE id = ?',
    ),
    limited: db.prepare<[], { id: string; name: string } & BudgetRow>(
      `SELECT id, name, daily_usd_nanos, daily_tokens FROM projects
       WHERE daily_usd_nanos IS NOT NULL OR daily_tokens IS NOT NULL`,
    ),
    byPath: db.prepare<[string], string>('SELECT id FROM projects WHERE path = ? AND is_removed = 0').pluck(),
    live: db
      .prepare<[string], number>('SELECT count(*) FROM sessions WHERE project_id = ? AND ended_at_ms IS NULL')
      .pluck(),
  }
}

type BudgetRow = Pick<ProjectRow, 'daily_usd_nanos' | 'daily_tokens'>

const budgetOf = (row: BudgetRow): ProjectBudget => ({
  dailyUsdNanos: row.daily_usd_nanos,
  dailyTokens: row.daily_tokens,
})

/** Repositories that the user chose. A removed one keeps its row: its sessions still name it. */
export function createProjectTable(db: Db) {
  const sql = statements(db)
  return {
    add: (projectId: string, path: string, name: string, atMs: number): void =>
      void sql.insert.run(projectId, path, name, atMs),
    remove: (projectId: string): void => void sql.remove.run(projectId),
    setBudget: (projectId: string, budget: ProjectBudget): void =>
      void sql.setBudget.run(budget.dailyUsdNanos, budget.dailyTokens, projectId),
    list: (): StoredProject[] =>
      sql.list.all().map((row) => ({
        id: ProjectId.parse(row.id),
        name: row.name,
        path: row.path,
        addedAtMs: row.added_at_ms,
        sessions: row.sessions,
        working: row.working,
        budget: budgetOf(row),
      })),
    read(projectId: string) {
      const row = sql.read.get(projectId)
      return row && { name: row.name, path: row.path, isRemoved: row.is_removed === 1, budget: budgetOf(row) }
    },
    /** Projects with a limit of any kind, removed ones too: their sessions may still wait. */
    limited: () => sql.limited.all().map((row) => ({ id: row.id, name: row.name, budget: budgetOf(row) })),
    byPath(path: string): ProjectId | undefined {
      const id = sql.byPath.get(path)
      return id === undefined ? undefined : ProjectId.parse(id)
    },
    liveSessions: (projectId: string): number => Number(sql.live.get(projectId) ?? 0),
  }
}
