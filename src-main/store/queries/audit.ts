import type { AuditEntry } from '../../contract/audit.ts'
import { SessionId } from '../../contract/ids.ts'
import { formatOccurredAt, sessionOfChain } from '../../domain/audit/body.ts'
import { describeFact } from '../../domain/audit/describe.ts'
import { eventKinds, isFactType } from '../../domain/audit/event-kind.ts'
import type { Db } from '../database.ts'

interface EntryRow {
  readonly seq: number
  readonly chain_seq: number
  readonly type: string
  readonly at_ms: number
  readonly actor: string
  readonly body: string
  readonly prev_hash: string
  readonly hash: string
}

interface ChainRow {
  readonly chain: string
  readonly length: number
  readonly head: string
  readonly last_at_ms: number
  readonly title: string | null
}

function toEntry(row: EntryRow): AuditEntry {
  const { summary, tone } = describeFact(row.type, row.body)
  return {
    seq: row.seq,
    sequence: row.chain_seq,
    eventKind: isFactType(row.type) ? eventKinds[row.type] : row.type,
    actorId: row.actor,
    summary,
    tone,
    body: row.body,
    previousHash: row.prev_hash,
    entryHash: row.hash,
    occurredAt: formatOccurredAt(row.at_ms),
  }
}

/** Reading chains as people look at them. */
export function createAuditQueries(db: Db) {
  const entries = db.prepare<[string, number, number], EntryRow>(
    `SELECT seq, chain_seq, type, at_ms, actor, body, prev_hash, hash FROM events
     WHERE chain = ? AND chain_seq > ? ORDER BY chain_seq LIMIT ?`,
  )
  const length = db.prepare<[string], number>('SELECT length FROM chains WHERE chain = ?').pluck()
  const from = `FROM chains c LEFT JOIN sessions s ON s.id = substr(c.chain, 9)
    WHERE :wanted = '' OR instr(lower(coalesce(s.title, '') || char(10) || c.chain), :wanted) > 0`
  const chains = db.prepare<[{ wanted: string; count: number; first: number }], ChainRow>(
    `SELECT c.chain, c.length, c.head, c.last_at_ms, s.title ${from} ORDER BY c.last_at_ms DESC, c.chain LIMIT :count OFFSET :first`,
  )
  const total = db.prepare<[{ wanted: string }], number>(`SELECT count(*) ${from}`).pluck()
  return {
    /** Length of a chain; undefined when there is none of that name. */
    length: (chain: string): number | undefined => length.get(chain),
    entries: (chain: string, after: number, limit: number): AuditEntry[] =>
      entries.all(chain, after, limit).map(toEntry),
    chains(text: string, first: number, count: number) {
      const wanted = text.trim().toLowerCase()
      const found = chains.all({ wanted, count, first }).map((row) => {
        const sessionId = SessionId.safeParse(sessionOfChain(row.chain))
        return {
          chain: row.chain,
          sessionId: sessionId.success ? sessionId.data : null,
          title: row.title ?? (row.chain.startsWith('daemon:') ? 'This machine' : row.chain),
          entries: row.length,
          head: row.head,
          lastAtMs: row.last_at_ms,
        }
      })
      return { chains: found, total: Number(total.get({ wanted }) ?? 0) }
    },
  }
}
