import type { Db } from './database.ts'

/** A child process as it is remembered: opaque to the store. */
export interface StoredChild {
  readonly sessionId: string
  readonly identity: unknown
  readonly resume: Readonly<Record<string, string | number>>
}

/** Plain state that is no fact: it helps to go on after a restart and may be lost. */
export function createNotes(db: Db) {
  const readMeta = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck()
  const setMeta = db.prepare(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  )
  const setChild = db.prepare(
    `INSERT INTO child_processes (session_id, identity, resume) VALUES (?, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET identity = excluded.identity, resume = excluded.resume`,
  )
  const removeChild = db.prepare('DELETE FROM child_processes WHERE session_id = ?')
  const children = db.prepare<[], { session_id: string; identity: string; resume: string }>(
    'SELECT session_id, identity, resume FROM child_processes',
  )
  const child = db.prepare<[string], { session_id: string; identity: string; resume: string }>(
    'SELECT session_id, identity, resume FROM child_processes WHERE session_id = ?',
  )
  const setExternal = db.prepare(
    `INSERT INTO external_ids (session_id, external_id) VALUES (?, ?)
     ON CONFLICT (session_id) DO UPDATE SET external_id = excluded.external_id`,
  )
  const external = db
    .prepare<[string], string>('SELECT external_id FROM external_ids WHERE session_id = ?')
    .pluck()
  const toChild = (row: { session_id: string; identity: string; resume: string }): StoredChild => ({
    sessionId: row.session_id,
    identity: JSON.parse(row.identity) as unknown,
    resume: JSON.parse(row.resume) as Record<string, string | number>,
  })
  return {
    /** The name of this machine in its daemon chain; made once. */
    machineId(newId: () => string): string {
      const known = readMeta.get('machine-id')
      if (known !== undefined) return known
      const made = newId()
      setMeta.run('machine-id', made)
      return made
    },
    rememberChild: (sessionId: string, identity: unknown, resume: StoredChild['resume']): void =>
      void setChild.run(sessionId, JSON.stringify(identity), JSON.stringify(resume)),
    forgetChild: (sessionId: string): void => void removeChild.run(sessionId),
    childOf(sessionId: string): StoredChild | undefined {
      const row = child.get(sessionId)
      return row && toChild(row)
    },
    children: (): StoredChild[] => children.all().map(toChild),
    rememberExternalId: (sessionId: string, id: string): void => void setExternal.run(sessionId, id),
    externalIdOf: (sessionId: string): string | null => external.get(sessionId) ?? null,
  }
}
