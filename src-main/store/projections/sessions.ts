import type { Fact, FactPayload } from '../../contract/events.ts'
import { lampOf } from '../../contract/lamp.ts'
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

/** When the session came to where it stands. */
function sinceOf(row: SessionRow): number {
  return row.track.find((block) => block.phase === row.phase)?.enteredAtMs ?? row.createdAtMs
}

/** The columns that facts may change and no index holds, in the order of their values. */
const plain = ['row', 'extras', 'changed_seq', 'since_ms', 'tone', 'priority'] as const
/** Those that indexes hold. SQLite writes an index anew for a column that is set, even to what it was. */
const indexed = [
  'attention',
  'status',
  'phase',
  'search',
  'workarea_id',
  'cost',
  'started_at_ms',
  'ended_at_ms',
] as const
const changing = [...plain, ...indexed]

const setting = (names: readonly string[]): string => names.map((name) => `${name} = ?`).join(', ')

function statements(db: Db) {
  return {
    read: db.prepare<[string], StoredSession>('SELECT row, extras FROM sessions WHERE id = ?'),
    insert: db.prepare(
      `INSERT INTO sessions (id, ${changing.join(', ')}, project_id, agent, title, continues, created_at_ms)
       VALUES (?, ${changing.map(() => '?').join(', ')}, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare(`UPDATE sessions SET ${setting(changing)} WHERE id = ?`),
    updatePlain: db.prepare(`UPDATE sessions SET ${setting(plain)} WHERE id = ?`),
    insertInput: db.prepare(
      `INSERT INTO session_inputs (session_id, prompt, base, carry_changes, hosts, accept_unconfined)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    title: db.prepare<[string], string>('SELECT title FROM sessions WHERE id = ?').pluck(),
    readInput: db.prepare<[string], StoredInput>('SELECT * FROM session_inputs WHERE session_id = ?'),
    byWorkarea: db.prepare<[string], string>('SELECT id FROM sessions WHERE workarea_id = ?').pluck(),
  }
}

/** Values of the columns above, in the order of their names. */
function plainValues({ row, extras }: SessionState, seq: number) {
  return [
    JSON.stringify(row),
    JSON.stringify(extras),
    seq,
    sinceOf(row),
    lampOf(row).tone,
    row.priority,
  ] as const
}

function indexedValues(state: SessionState) {
  const { row } = state
  const place = [attentionOf(state), row.status, row.phase, searchText(row)] as const
  return [...place, row.workareaId, row.usage.costUsdNanos, row.startedAtMs, row.endedAtMs] as const
}

function toInput(stored: StoredInput): SessionInput {
  return {
    prompt: stored.prompt,
    base: stored.base,
    carryChanges: stored.carry_changes === 1,
    hosts: JSON.parse(stored.hosts) as string[],
    acceptUnconfined: stored.accept_unconfined === 1,
  }
}

function insertSession(
  sql: ReturnType<typeof statements>,
  state: SessionState,
  seq: number,
  accepted: FactPayload<'session.accepted'>,
): void {
  const { row } = state
  const fixed = [row.projectId, row.agent, row.title, row.continues, row.createdAtMs] as const
  sql.insert.run(row.id, ...plainValues(state, seq), ...indexedValues(state), ...fixed)
  const { prompt, base, carryChanges, hosts, acceptUnconfined } = accepted
  const flags = [carryChanges ? 1 : 0, JSON.stringify(hosts), acceptUnconfined ? 1 : 0] as const
  sql.insertInput.run(row.id, prompt, base, ...flags)
}

/**
 * Which rows changed since the store was opened, counted: what lists compare to see whether a row is still the one that
 * they know. Reading it from the table would mean to read every row in sight, many times a second. A change that was
 * rolled back counts too, which costs no more than one look at an unchanged row.
 */
export function createRowVersions() {
  const versions = new Map<string, number>()
  return {
    bump: (sessionId: string): void => void versions.set(sessionId, (versions.get(sessionId) ?? 0) + 1),
    of: (sessionId: string): number => versions.get(sessionId) ?? 0,
  }
}

export type RowVersions = ReturnType<typeof createRowVersions>

/** The sessions table: one state per session, with columns that lists are sorted and filtered by. */
export function createSessionTable(db: Db, versions: RowVersions) {
  const sql = statements(db)
  const cache = new Map<string, SessionState>()
  const remember = (state: SessionState): SessionState => {
    if (cache.size >= mostCached) cache.delete(cache.keys().next().value ?? '')
    cache.set(state.row.id, state)
    return state
  }
  return {
    read(sessionId: string): SessionState | undefined {
      const known = cache.get(sessionId)
      if (known) return known
      const stored = sql.read.get(sessionId)
      if (!stored) return undefined
      const row = JSON.parse(stored.row) as SessionRow
      return remember({ row, extras: JSON.parse(stored.extras) as SessionExtras })
    },
    insert(state: SessionState, fact: Fact, accepted: FactPayload<'session.accepted'>): void {
      insertSession(sql, state, fact.seq, accepted)
      versions.bump(state.row.id)
      remember(state)
    },
    /** Stores what a fact made of a session; nothing is written for what did not change. */
    update(before: SessionState, state: SessionState, seq: number): void {
      if (before === state) return
      const known = indexedValues(before)
      const found = indexedValues(state)
      const isInPlace = found.every((value, index) => value === known[index])
      const plainFound = plainValues(state, seq)
      if (isInPlace) sql.updatePlain.run(...plainFound, state.row.id)
      else sql.update.run(...plainFound, ...found, state.row.id)
      versions.bump(state.row.id)
      remember(state)
    },
    /** Sessions that used a workarea, this one's and those that went on in it. */
    withWorkarea: (workareaId: string): readonly string[] => sql.byWorkarea.all(workareaId),
    input(sessionId: string): SessionInput | undefined {
      const stored = sql.readInput.get(sessionId)
      return stored && toInput(stored)
    },
    /** Only the title, for lists of other things that belong to sessions. */
    title: (sessionId: string): string | undefined =>
      cache.get(sessionId)?.row.title ?? sql.title.get(sessionId),
    reload: () => cache.clear(),
  }
}

/** Running totals of sessions that work; not facts, so that they may change many times a second. */
export function createLiveTable(db: Db, versions: RowVersions) {
  const set = db.prepare(
    `INSERT INTO session_live (session_id, version, activities_digest, usage) VALUES (?, 1, ?, ?)
     ON CONFLICT (session_id) DO UPDATE SET version = version + 1, usage = excluded.usage`,
  )
  return {
    setUsage(sessionId: string, usage: Usage, emptyDigest: string): void {
      set.run(sessionId, emptyDigest, JSON.stringify(usage))
      versions.bump(sessionId)
    },
  }
}
