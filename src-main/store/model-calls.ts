import type { ModelCall, ModelCallState } from '../contract/process.ts'
import type { Db } from './database.ts'

/** Which calls are read; an absent part lets all through. */
export interface CallFilter {
  readonly sessionId?: string | undefined
  readonly state?: ModelCallState | undefined
}

/** Sums over calls; `withoutCost` are those whose cost nobody knows. */
export interface CallTotals {
  readonly calls: number
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly costUsdNanos: number
  readonly withoutCost: number
  readonly refused: number
  readonly cut: number
  readonly failed: number
}

interface CallRow {
  readonly call: string
  readonly title: string | null
  readonly agent: string | null
}

/** The sums of {@link CallTotals}; the two tables differ in how they count. */
const sums = (count: string, unknown: string) => `
  coalesce(sum(${count}), 0) AS calls, coalesce(sum(input_tokens), 0) AS inputTokens,
  coalesce(sum(cached_tokens), 0) AS cachedTokens, coalesce(sum(output_tokens), 0) AS outputTokens,
  coalesce(sum(cost), 0) AS costUsdNanos, coalesce(sum((${unknown}) * (state <> 'refused')), 0) AS withoutCost,
  coalesce(sum((${count}) * (state = 'refused')), 0) AS refused, coalesce(sum((${count}) * (state = 'cut')), 0) AS cut,
  coalesce(sum((${count}) * (state = 'failed')), 0) AS failed`

function statements(db: Db) {
  const columns = 'c.call, s.title, s.agent FROM model_calls c LEFT JOIN sessions s ON s.id = c.session_id'
  return {
    remove: db.prepare('DELETE FROM model_calls WHERE id = ?'),
    put: db.prepare(
      `INSERT INTO model_calls (id, session_id, state, started_at_ms, input_tokens, cached_tokens, output_tokens, cost, call)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    list: db.prepare<[object], CallRow>(
      `SELECT ${columns} WHERE (:state IS NULL OR c.state = :state)
         AND (:before IS NULL OR c.started_at_ms < :before) ORDER BY c.started_at_ms DESC, c.id LIMIT :limit`,
    ),
    ofSession: db.prepare<[object], CallRow>(
      `SELECT ${columns} WHERE c.session_id = :session AND (:state IS NULL OR c.state = :state)
         AND (:before IS NULL OR c.started_at_ms < :before) ORDER BY c.started_at_ms DESC, c.id LIMIT :limit`,
    ),
    totals: db.prepare<[object], CallTotals>(
      `SELECT ${sums('calls', 'unknown_cost')} FROM model_call_totals WHERE :state IS NULL OR state = :state`,
    ),
    sessionTotals: db.prepare<[object], CallTotals>(
      `SELECT ${sums('1', 'cost IS NULL')} FROM model_calls INDEXED BY model_calls_sums
       WHERE session_id = :session AND (:state IS NULL OR state = :state)`,
    ),
    open: db.prepare<[], CallRow>(`SELECT ${columns} WHERE c.state IN ('waiting', 'streaming')`),
    trim: db.prepare(
      `DELETE FROM model_calls WHERE started_at_ms < coalesce(
         (SELECT started_at_ms FROM model_calls ORDER BY started_at_ms DESC, id LIMIT 1 OFFSET ?), -1)`,
    ),
  }
}

/** Telemetry of model calls, one row each; what is written may be lost and never is a fact. */
export function createModelCalls(db: Db) {
  const sql = statements(db)
  const toCall = ({ call, title, agent }: CallRow): ModelCall => {
    // Written by `put` below.
    const stored = JSON.parse(call) as ModelCall
    return { ...stored, sessionTitle: title ?? stored.sessionTitle, agent: agent ?? stored.agent }
  }
  const named = ({ sessionId, state }: CallFilter) => ({ session: sessionId ?? null, state: state ?? null })
  return {
    /** Writes calls as they stand now; a known id is replaced. */
    put(calls: readonly ModelCall[]): void {
      for (const call of calls) {
        const { id, sessionId, state, startedAtMs, inputTokens, cachedTokens, outputTokens, costUsdNanos } =
          call
        const amounts = [inputTokens, cachedTokens, outputTokens, costUsdNanos] as const
        // Written anew, so that the totals see what it was before go.
        sql.remove.run(id)
        sql.put.run(id, sessionId, state, startedAtMs, ...amounts, JSON.stringify(call))
      }
    },
    /** Newest first; `before` lets only calls through that started earlier. */
    list(filter: CallFilter, before: number | undefined, limit: number): ModelCall[] {
      const statement = filter.sessionId === undefined ? sql.list : sql.ofSession
      return statement.all({ ...named(filter), before: before ?? null, limit }).map(toCall)
    },
    /** Sums over all calls that match. */
    totals(filter: CallFilter): CallTotals {
      const statement = filter.sessionId === undefined ? sql.totals : sql.sessionTotals
      // An aggregate without GROUP BY always gives one row.
      return statement.get(named(filter)) as CallTotals
    },
    /** Calls that an earlier run left under way. */
    open: (): ModelCall[] => sql.open.all().map(toCall),
    /** Keeps the newest `most`; calls of one millisecond stay together. */
    trim: (most: number): number => sql.trim.run(most - 1).changes,
  }
}
