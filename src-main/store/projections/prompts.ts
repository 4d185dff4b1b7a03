import { PromptId } from '../../contract/ids.ts'
import type { Db } from '../database.ts'

interface PromptRow {
  readonly id: string
  readonly text: string
  readonly is_delivered: number
}

/** Follow-up prompts in their order. Delivery is a note, not a fact: the activity says it. */
export function createPromptTable(db: Db) {
  const insert = db.prepare('INSERT INTO prompts (id, session_id, seq, text) VALUES (?, ?, ?, ?)')
  const deliver = db.prepare('UPDATE prompts SET is_delivered = 1 WHERE id = ?')
  const list = db.prepare<[string], PromptRow>(
    'SELECT id, text, is_delivered FROM prompts WHERE session_id = ? ORDER BY seq',
  )
  return {
    add: (promptId: string, sessionId: string, seq: number, text: string): void =>
      void insert.run(promptId, sessionId, seq, text),
    deliver: (promptId: string): void => void deliver.run(promptId),
    of: (sessionId: string) =>
      list.all(sessionId).map((row) => ({
        promptId: PromptId.parse(row.id),
        text: row.text,
        delivered: row.is_delivered === 1,
      })),
  }
}
