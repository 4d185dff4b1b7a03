import { ProjectId } from '../../contract/ids.ts'
import type { Project } from '../../contract/project.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'

interface ProjectRow {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly added_at_ms: number
  readonly sessions: number
  readonly working: number
}

/** Repositories that the user chose. A removed one keeps its row: its sessions still name it. */
export function createProjectTable(db: Db) {
  const insert = db.prepare(
    `INSERT INTO projects (id, path, name, added_at_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET is_removed = 0, path = excluded.path, name = excluded.name`,
  )
  const remove = db.prepare('UPDATE projects SET is_removed = 1 WHERE id = ?')
  const list = db.prepare<[], ProjectRow>(
    `SELECT p.id, p.name, p.path, p.added_at_ms,
       (SELECT count(*) FROM sessions s WHERE s.project_id = p.id) AS sessions,
       (SELECT count(*) FROM sessions s WHERE s.project_id = p.id
          AND s.attention IN (${attention.asks}, ${attention.working})) AS working
     FROM projects p WHERE p.is_removed = 0 ORDER BY p.name, p.id`,
  )
  const read = db.prepare<[string], { name: string; path: string; is_removed: number }>(
    'SELECT name, path, is_removed FROM projects WHERE id = ?',
  )
  const byPath = db
    .prepare<[string], string>('SELECT id FROM projects WHERE path = ? AND is_removed = 0')
    .pluck()
  const live = db
    .prepare<[string], number>('SELECT count(*) FROM sessions WHERE project_id = ? AND ended_at_ms IS NULL')
    .pluck()
  return {
    add: (projectId: string, path: string, name: string, atMs: number): void =>
      void insert.run(projectId, path, name, atMs),
    remove: (projectId: string): void => void remove.run(projectId),
    list: (): Project[] =>
      list.all().map((row) => ({
        id: ProjectId.parse(row.id),
        name: row.name,
        path: row.path,
        addedAtMs: row.added_at_ms,
        sessions: row.sessions,
        working: row.working,
      })),
    read(projectId: string) {
      const row = read.get(projectId)
      return row && { name: row.name, path: row.path, isRemoved: row.is_removed === 1 }
    },
    byPath(path: string): ProjectId | undefined {
      const id = byPath.get(path)
      return id === undefined ? undefined : ProjectId.parse(id)
    },
    liveSessions: (projectId: string): number => Number(live.get(projectId) ?? 0),
  }
}
