import type { Fact, FactPayload } from '../../contract/events.ts'
import type { SessionRow, Usage } from '../../contract/session.ts'
import { attentionOf } from '../../domain/session/attention.ts'
import type { SessionExtras, SessionState } from '../../domain/session/state.ts'
import type { Db } from '../database.ts'

interface StoredSession {
  readonly row: string
  readonly extras: string
}

/** What a session was asked to do, as it was accepted. */
export interface SessionInput {
  readonly prompt: string
  readonly base: string | null
  readonly carryChanges: boolean
  readonly hosts: readonly string[]
  readonly acceptUnconfined: boolean
}

interface StoredInput {
  readonly prompt: string
  readonly base: string | null
  readonly carry_changes: number
  readonly hosts: string
  readonly accept_unconfined: number
}

/** Sessions kept in memory, so that a fact does not have to parse its session's row first. */
const mostCached = 512

function searchText(row: SessionRow): string {
  return [row.title, row.projectName, row.agent, row.model ?? '', row.branch ?? '', row.id]
    .join('\n')
    .toLowerCase()
}

function statements(db: Db) {
  return {
    read: db.prepare<[string], StoredSession>('SELECT row, extras FROM sessions WHERE id = ?'),
    insert: db.prepare(
      `INSERT INTO sessions (id, row, extras, changed_seq, attention, status, phase, project_id, agent, title, search,
         priority, workarea_id, continues, cost, created_at_ms, started_at_ms, ended_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare(
      `UPDATE sessions SET row = ?, extras = ?, changed_seq = ?, attention = ?, status = ?, phase = ?, search = ?,
         workarea_id = ?, cost = ?, started_at_ms = ?, ended_at_ms = ? WHERE id = ?`,
    ),
    touch: db.prepare('UPDATE sessions SET changed_seq = ? WHERE id = ?'),
    insertInput: db.prepare(
      `INSERT INTO session_inputs (session_id, prompt, base, carry_changes, hosts, accept_unconfined)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    readInput: db.prepare<[string], StoredInput>('SELECT * FROM session_inputs WHERE session_id = ?'),
    byWorkarea: db.prepare<[string], string>('SELECT id FROM sessions WHERE workarea_id = ?').pluck(),
  }
}

/** The sessions table: one state per session, with columns that lists are sorted and filtered by. */
export function createSessionTable(db: Db) {
  const sql = statements(db)
  const cache = new Map<string, SessionState>()
  const remember = (state: SessionState) => {
    if (cache.size >= mostCached) cache.delete(cache.keys().next().value ?? '')
    cache.set(state.row.id, state)
  }
  const read = (sessionId: string): SessionState | undefined => {
    const known = cache.get(sessionId)
    if (known) return known
    const stored = sql.read.get(sessionId)
    if (!stored) return undefined
    const state = {
      row: JSON.parse(stored.row) as SessionRow,
      extras: JSON.parse(stored.extras) as SessionExtras,
    }
    remember(state)
    return state
  }
  return {
    read,
    insert(state: SessionState, fact: Fact, accepted: FactPayload<'session.accepted'>): void {
      const { row, extras } = state
      sql.insert.run(
        row.id,
        JSON.stringify(row),
        JSON.stringify(extras),
        fact.seq,
        attentionOf(state),
        row.status,
        row.phase,
        row.projectId,
        row.agent,
        row.title,
        searchText(row),
        row.priority,
        row.workareaId,
        row.continues,
        row.usage.costUsdNanos,
        row.createdAtMs,
        row.startedAtMs,
        row.endedAtMs,
      )
      sql.insertInput.run(
        row.id,
        accepted.prompt,
        accepted.base,
        accepted.carryChanges ? 1 : 0,
        JSON.stringify(accepted.hosts),
        accepted.acceptUnconfined ? 1 : 0,
      )
      remember(state)
    },
    /** Stores what a fact made of a session; nothing is written for what did not change. */
    update(before: SessionState, state: SessionState, seq: number): void {
      if (before === state) return
      const { row, extras } = state
      sql.update.run(
        JSON.stringify(row),
        JSON.stringify(extras),
        seq,
        attentionOf(state),
        row.status,
        row.phase,
        searchText(row),
        row.workareaId,
        row.usage.costUsdNanos,
        row.startedAtMs,
        row.endedAtMs,
        row.id,
      )
      remember(state)
    },
    /** Sessions that used a workarea, this one's and those that went on in it. */
    withWorkarea: (workareaId: string): readonly string[] => sql.byWorkarea.all(workareaId),
    input(sessionId: string): SessionInput | undefined {
      const stored = sql.readInput.get(sessionId)
      if (!stored) return undefined
      return {
        prompt: stored.prompt,
        base: stored.base,
        carryChanges: stored.carry_changes === 1,
        hosts: JSON.parse(stored.hosts) as string[],
        acceptUnconfined: stored.accept_unconfined === 1,
      }
    },
    reload: () => cache.clear(),
  }
}

export type SessionTable = ReturnType<typeof createSessionTable>

/** Running totals of sessions that work; not facts, so that they may change many times a second. */
export function createLiveTable(db: Db) {
  const set = db.prepare(
    `INSERT INTO session_live (session_id, version, activities_digest, usage) VALUES (?, 1, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET version = version + 1, usage = excluded.usage`,
  )
  return {
    setUsage: (sessionId: string, usage: Usage, emptyDigest: string): void =>
      void set.run(sessionId, emptyDigest, JSON.stringify(usage)),
  }
}
