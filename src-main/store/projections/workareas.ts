import type { Fact } from '../../contract/events.ts'
import type { Db } from '../database.ts'

/** What is needed to find a workarea again; the shape of the port's record. */
export interface StoredWorkarea {
  readonly workareaId: string
  readonly sessionId: string
  readonly repositoryPath: string
  readonly path: string
  readonly branch: string
  readonly baseRef: string
  readonly baseCommit: string
  readonly mode: 'shared' | 'copied'
  readonly carriedChanges: boolean
  readonly notes: readonly string[]
  readonly borrowedObjectStores: readonly string[]
}

/** Workareas by id, with the session that they were made for. */
export function createWorkareaTable(db: Db) {
  const insert = db.prepare(
    'INSERT INTO workareas (workarea_id, session_id, record) VALUES (?, ?, ?) ON CONFLICT (workarea_id) DO NOTHING',
  )
  const release = db.prepare('UPDATE workareas SET is_released = 1 WHERE workarea_id = ?')
  const read = db.prepare<[string], string>('SELECT record FROM workareas WHERE workarea_id = ?').pluck()
  const owners = db
    .prepare<[], string>(
      `SELECT session_id FROM workareas
       WHERE is_released = 0 OR 'discard:' || workarea_id IN (SELECT key FROM outbox)`,
    )
    .pluck()
  const all = db.prepare<[], { record: string; is_released: number }>(
    'SELECT record, is_released FROM workareas',
  )
  return {
    add(fact: Extract<Fact, { type: 'workarea.acquired' }>, repositoryPath: string): void {
      const { mode, ...payload } = fact.payload
      if (mode === 'continued') return
      const record: StoredWorkarea = { ...payload, mode, sessionId: fact.subject, repositoryPath }
      insert.run(payload.workareaId, fact.subject, JSON.stringify(record))
    },
    release: (workareaId: string): void => void release.run(workareaId),
    read(workareaId: string): StoredWorkarea | undefined {
      const text = read.get(workareaId)
      return text === undefined ? undefined : (JSON.parse(text) as StoredWorkarea)
    },
    /** Sessions whose own workareas are not given up, or whose removal is owed and will be done in order. */
    owners: (): readonly string[] => owners.all(),
    list: (): readonly { readonly record: StoredWorkarea; readonly isReleased: boolean }[] =>
      all.all().map((row) => ({
        record: JSON.parse(row.record) as StoredWorkarea,
        isReleased: row.is_released === 1,
      })),
  }
}
