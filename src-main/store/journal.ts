import type { Fact, FactNotice, NewFact } from '../contract/events.ts'
import { buildBody, noHash } from '../domain/audit/body.ts'
import { isFactType, isSessionFact } from '../domain/audit/event-kind.ts'
import type { Db } from './database.ts'
import { entryHash } from './entry-hash.ts'

/** Who wrote a fact and when. Only the first fact of a command carries `command`. */
export interface FactStamp {
  readonly actor: string
  readonly atMs: number
  readonly command: { readonly id: string; readonly facts: number } | null
}

/** A break at the end of a chain, seen when it was to be continued. */
export interface HeadProblem {
  readonly chain: string
  readonly sequence: number
  readonly detail: string
}

interface Head {
  length: number
  hash: string
}

interface EventRow {
  readonly seq: number
  readonly chain: string
  readonly chain_seq: number
  readonly type: string
  readonly at_ms: number
  readonly actor: string
  readonly subject: string
  readonly body: string
  readonly command_facts: number | null
}

type NoticeRow = Pick<EventRow, 'seq' | 'type' | 'subject' | 'chain' | 'at_ms'>

function toNotice({ seq, type, subject, chain, at_ms }: NoticeRow): FactNotice | undefined {
  return isFactType(type) ? { seq, type, subject, chain, atMs: at_ms } : undefined
}

/** Version of the payloads that are written; older ones are lifted when read. */
const payloadVersion = 1

function toFact(row: EventRow): Fact | undefined {
  if (!isFactType(row.type)) return undefined
  const { payload } = JSON.parse(row.body) as { payload: unknown }
  // What was stored has been a Fact of this type when it was written.
  return {
    seq: row.seq,
    type: row.type,
    subject: row.subject,
    payload,
    chain: row.chain,
    chainSeq: row.chain_seq,
    atMs: row.at_ms,
    actor: row.actor,
  } as Fact
}

function statements(db: Db) {
  const columns = 'seq, chain, chain_seq, type, at_ms, actor, subject, body, command_facts'
  return {
    insert: db.prepare(
      `INSERT INTO events (seq, chain, chain_seq, type, version, at_ms, actor, subject, command_id, command_facts, body, prev_hash, hash)
       VALUES (?, ?, ?, ?, ${payloadVersion}, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    setHead: db.prepare(
      `INSERT INTO chains (chain, length, head, last_at_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (chain) DO UPDATE SET length = excluded.length, head = excluded.head, last_at_ms = excluded.last_at_ms`,
    ),
    last: db.prepare<[string], { chain_seq: number; body: string; prev_hash: string; hash: string }>(
      'SELECT chain_seq, body, prev_hash, hash FROM events WHERE chain = ? ORDER BY chain_seq DESC LIMIT 1',
    ),
    head: db.prepare<[string], { length: number; head: string }>(
      'SELECT length, head FROM chains WHERE chain = ?',
    ),
    maxSeq: db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM events').pluck(),
    receipt: db.prepare<[string], EventRow>(`SELECT ${columns} FROM events WHERE command_id = ?`),
    notices: db.prepare<[number, number], NoticeRow>(
      'SELECT seq, type, subject, chain, at_ms FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
    ),
    range: db.prepare<[number, number], EventRow>(
      `SELECT ${columns} FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
    ),
  }
}

interface JournalState {
  readonly sql: ReturnType<typeof statements>
  readonly daemonChain: string
  readonly heads: Map<string, Head>
  readonly problems: HeadProblem[]
  lastSeq: number
}

/** Where a chain stands: from memory, else from what is stored, which is checked on the way. */
function readHead({ sql, heads, problems }: JournalState, chain: string): Head {
  const known = heads.get(chain)
  if (known) return known
  const last = sql.last.get(chain)
  const noted = sql.head.get(chain)
  if (last && entryHash(last.prev_hash, last.body) !== last.hash)
    problems.push({ chain, sequence: last.chain_seq, detail: 'the last entry is not what was hashed' })
  if (noted && (noted.length !== (last?.chain_seq ?? 0) || noted.head !== last?.hash))
    problems.push({ chain, sequence: noted.length, detail: 'the chain does not end where it was left' })
  const head = { length: last?.chain_seq ?? 0, hash: last?.hash ?? noHash }
  heads.set(chain, head)
  return head
}

function appendFact(state: JournalState, fact: NewFact, stamp: FactStamp): Fact {
  const { type, subject, payload } = fact
  const { actor, atMs, command } = stamp
  const chain = isSessionFact(type) ? `session:${subject}` : state.daemonChain
  const head = readHead(state, chain)
  const seq = state.lastSeq + 1
  const chainSeq = head.length + 1
  const body = buildBody({ actor, chain, type, version: payloadVersion, atMs, payload, chainSeq })
  const hash = entryHash(head.hash, body)
  const place = [seq, chain, chainSeq, type, atMs, actor, subject] as const
  state.sql.insert.run(...place, command?.id ?? null, command?.facts ?? null, body, head.hash, hash)
  state.sql.setHead.run(chain, chainSeq, hash, atMs)
  state.lastSeq = seq
  head.length = chainSeq
  head.hash = hash
  return { ...fact, seq, chain, chainSeq, atMs, actor }
}

/** The append-only journal. Appending is only allowed inside a transaction of the store. */
export function createJournal(db: Db, machineId: string) {
  const sql = statements(db)
  const state: JournalState = {
    sql,
    daemonChain: `daemon:${machineId}`,
    heads: new Map(),
    problems: [],
    lastSeq: Number(sql.maxSeq.get() ?? 0),
  }
  return {
    /** Writes one fact behind its chain's last. Throws `NotCanonical`, a defect, for a payload that can't be hashed. */
    append: (fact: NewFact, stamp: FactStamp): Fact => appendFact(state, fact, stamp),
    /** Position of the last fact. */
    lastSeq: () => state.lastSeq,
    /** The facts that a command led to, when it was carried out before. */
    receipt(commandId: string): readonly Fact[] | undefined {
      const first = sql.receipt.get(commandId)
      if (!first) return undefined
      return sql.range
        .all(first.seq - 1, first.command_facts ?? 1)
        .map(toFact)
        .filter((fact) => fact !== undefined)
    },
    /**
     * Reads facts in sequence order, oldest first, after `afterSeq` (exclusive; 0 = from the start), at most `limit`.
     * Facts of types that this version does not know are left out; `nextSeq` is where to go on from.
     */
    after(afterSeq: number, limit: number): { readonly facts: readonly Fact[]; readonly nextSeq: number } {
      const rows = sql.range.all(afterSeq, limit)
      return {
        facts: rows.map(toFact).filter((fact) => fact !== undefined),
        nextSeq: rows.at(-1)?.seq ?? afterSeq,
      }
    },
    /** What {@link after} gives without the payloads, which are not even read: for those who only want to know that. */
    noticesAfter(afterSeq: number, limit: number) {
      const rows = sql.notices.all(afterSeq, limit)
      const facts = rows.map(toNotice).filter((notice) => notice !== undefined)
      return { facts, nextSeq: rows.at(-1)?.seq ?? afterSeq }
    },
    daemonChain: state.daemonChain,
    /** Checks where a chain stands without writing to it. */
    checkHead: (chain: string): void => void readHead(state, chain),
    problems: (): readonly HeadProblem[] => state.problems,
    /** Forgets what was held in memory, after a transaction that was rolled back. */
    reload(): void {
      state.heads.clear()
      state.lastSeq = Number(sql.maxSeq.get() ?? 0)
    },
  }
}
