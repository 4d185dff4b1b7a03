import type { NewEffect } from '../domain/decision.ts'
import type { Db } from './database.ts'

/** Outside work that is owed, with its place in the order. */
export type OwedEffect = NewEffect & { readonly id: number; readonly attempts: number }

interface OutboxRow {
  readonly id: number
  readonly key: string
  readonly kind: string
  readonly session_id: string
  readonly payload: string
  readonly attempts: number
}

function toEffect(row: OutboxRow): OwedEffect {
  // What was stored has been an effect of this kind when it was written.
  return {
    id: row.id,
    attempts: row.attempts,
    kind: row.kind,
    key: row.key,
    sessionId: row.session_id,
    payload: JSON.parse(row.payload) as unknown,
  } as OwedEffect
}

/** Effects that committed facts owe; a row leaves when its work is done. */
export function createOutbox(db: Db) {
  const insert = db.prepare(
    'INSERT INTO outbox (key, kind, session_id, payload) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING',
  )
  const columns = 'id, key, kind, session_id, payload, attempts'
  const owed = db.prepare<[number, number], OutboxRow>(
    `SELECT ${columns} FROM outbox WHERE state = 'owed' AND id > ? ORDER BY id LIMIT ?`,
  )
  const remove = db.prepare('DELETE FROM outbox WHERE id = ?')
  const retry = db.prepare('UPDATE outbox SET attempts = attempts + 1, error = ? WHERE id = ?')
  const fail = db.prepare(
    "UPDATE outbox SET attempts = attempts + 1, state = 'failed', error = ? WHERE id = ?",
  )
  const isOwed = db
    .prepare<[string], number>("SELECT count(*) FROM outbox WHERE key = ? AND state = 'owed'")
    .pluck()
  const removeSession = db.prepare("DELETE FROM outbox WHERE session_id = ? AND kind LIKE 'session.%'")
  const revive = db.prepare("UPDATE outbox SET state = 'owed', attempts = 0 WHERE state = 'failed'")
  return {
    owe: (effect: NewEffect): void =>
      void insert.run(effect.key, effect.kind, effect.sessionId, JSON.stringify(effect.payload)),
    owed: (afterId: number, limit: number): OwedEffect[] => owed.all(afterId, limit).map(toEffect),
    isOwed: (key: string): boolean => Number(isOwed.get(key)) > 0,
    done: (id: number): void => void remove.run(id),
    retry: (id: number, error: string): void => void retry.run(error, id),
    fail: (id: number, error: string): void => void fail.run(error, id),
    /** Gives work that was given up another chance, after a restart. */
    revive: (): void => void revive.run(),
    /** What is owed to a session that has ended is owed no more. */
    forgive: (sessionId: string): void => void removeSession.run(sessionId),
  }
}
