import Database from 'better-sqlite3'

/** The tables that one `session.prompt` of a working session touches, with constant values: no hash, no JSON, no validation. */
export function openReference(file: string, body: string, row: string) {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  return { db, ...statements(db), body, row }
}

function statements(db: Database.Database) {
  return {
    event: db.prepare(
      `INSERT INTO events (seq, chain, chain_seq, type, version, at_ms, actor, subject, command_id, command_facts, body, prev_hash, hash)
       VALUES (?, 'session:ses-reference', ?, 'session.prompted', 1, 1, 'operator', 'ses-reference', ?, 1, ?, ?, ?)`,
    ),
    head: db.prepare(
      `INSERT INTO chains (chain, length, head, last_at_ms) VALUES ('session:ses-reference', ?, ?, 1)
       ON CONFLICT (chain) DO UPDATE SET length = excluded.length, head = excluded.head, last_at_ms = excluded.last_at_ms`,
    ),
    prompt: db.prepare(
      "INSERT INTO prompts (id, session_id, seq, text) VALUES (?, 'ses-reference', ?, 'text')",
    ),
    effect: db.prepare(
      "INSERT INTO outbox (key, kind, session_id, payload) VALUES (?, 'session.prompt', 'x', '{}')",
    ),
  }
}

const hash = 'a'.repeat(64)

/** Writes one command's rows in one transaction. `id` is new each time. */
export function writeReference(reference: ReturnType<typeof openReference>, seq: number, id: string): void {
  const { db, event, head, prompt, effect, body } = reference
  db.transaction(() => {
    event.run(seq, seq, id, body, hash, hash)
    head.run(seq, hash)
    prompt.run(id, seq)
    effect.run(id)
  }).immediate()
}

/** A bare insert of one row, in a transaction of its own. */
export function writeBare(reference: ReturnType<typeof openReference>, seq: number, id: string): void {
  reference.event.run(seq, seq, id, reference.body, hash, hash)
}
