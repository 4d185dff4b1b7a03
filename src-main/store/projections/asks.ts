import type { Fact } from '../../contract/events.ts'
import type { Ask } from '../../contract/session.ts'
import type { KnownAsk } from '../../domain/session/answer.ts'
import type { Db } from '../database.ts'

interface AskRow {
  readonly ask: string
  readonly is_open: number
  readonly answered_by: string | null
}

/** Questions to people, open ones first to be read. */
export function createAskTable(db: Db) {
  const insert = db.prepare('INSERT INTO asks (id, session_id, ask, asked_at_ms) VALUES (?, ?, ?, ?)')
  const settle = db.prepare(
    'UPDATE asks SET is_open = 0, outcome = ?, answered_by = ? WHERE id = ? AND is_open = 1',
  )
  const withdraw = db.prepare(
    "UPDATE asks SET is_open = 0, outcome = 'withdrawn' WHERE session_id = ? AND is_open = 1",
  )
  const read = db.prepare<[string], AskRow>('SELECT ask, is_open, answered_by FROM asks WHERE id = ?')
  const open = db
    .prepare<[number], string>('SELECT ask FROM asks WHERE is_open = 1 ORDER BY asked_at_ms LIMIT ?')
    .pluck()
  const ofSession = db
    .prepare<[string], string>(
      'SELECT ask FROM asks WHERE session_id = ? AND is_open = 1 ORDER BY asked_at_ms',
    )
    .pluck()
  const parse = (text: string) => JSON.parse(text) as Ask
  return {
    add(fact: Extract<Fact, { type: 'session.asked' }>, sessionTitle: string, agent: string): void {
      const ask = { ...fact.payload, sessionId: fact.subject, sessionTitle, agent }
      insert.run(ask.id, fact.subject, JSON.stringify(ask), ask.askedAtMs)
    },
    settle: (askId: string, outcome: string, answeredBy: string): void =>
      void settle.run(outcome, answeredBy, askId),
    /** Closes what was still open when its session ended. */
    withdrawAll: (sessionId: string): void => void withdraw.run(sessionId),
    read(askId: string): KnownAsk | undefined {
      const row = read.get(askId)
      return row && { ask: parse(row.ask), isOpen: row.is_open === 1, answeredBy: row.answered_by }
    },
    open: (limit: number): Ask[] => open.all(limit).map(parse),
    openOf: (sessionId: string): Ask[] => ofSession.all(sessionId).map(parse),
  }
}
