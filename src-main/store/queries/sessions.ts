import type { Activity, SessionFilter, SessionRow, Usage } from '../../contract/session.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'

/** What is wanted of a list: filter, order and window. */
export type WindowInput = SessionFilter & { readonly from: number; readonly count: number }

/** A row's place in a window and a mark that differs whenever the row does. */
export interface RowMark {
  readonly id: SessionRow['id']
  readonly version: string
}

interface RowRecord {
  readonly row: string
  readonly last_line: string | null
  readonly last_heard_ms: number | null
  readonly usage: string | null
}

const views: Readonly<Record<SessionFilter['view'], string>> = {
  all: '',
  'needs-you': `s.attention = ${attention.asks}`,
  working: `s.attention IN (${attention.asks}, ${attention.working})`,
  'to-review': `s.attention IN (${attention.failed}, ${attention.review})`,
  queue: `s.attention = ${attention.queued}`,
  ended: `s.attention IN (${attention.failed}, ${attention.review}, ${attention.ended})`,
}

const elapsed = '(coalesce(s.ended_at_ms, :now) - coalesce(s.started_at_ms, s.created_at_ms))'

/** Of a session that works, what it spent so far; unknown stands before nothing. */
const cost = `CASE WHEN s.ended_at_ms IS NOT NULL THEN s.cost ELSE
  (SELECT json_extract(l.usage, '$.costUsdNanos') FROM session_live l WHERE l.session_id = s.id) END`

/** The columns of each order, ascending; newest and attention read as their names say. */
const orders: Readonly<Record<SessionFilter['sort'], readonly (readonly [string, 'ASC' | 'DESC'])[]>> = {
  attention: [
    ['s.attention', 'ASC'],
    ['s.created_at_ms', 'DESC'],
  ],
  newest: [['s.created_at_ms', 'DESC']],
  elapsed: [[elapsed, 'ASC']],
  cost: [[`coalesce(${cost}, -1)`, 'ASC']],
  title: [['s.title COLLATE NOCASE', 'ASC']],
  state: [
    ['s.status', 'ASC'],
    ['s.phase', 'ASC'],
  ],
  agent: [['s.agent', 'ASC']],
}

const groups: Readonly<Record<SessionFilter['group'], string | undefined>> = {
  project: 'p.name COLLATE NOCASE',
  state: 's.attention',
  agent: 's.agent',
  none: undefined,
}

function orderOf(input: SessionFilter): string {
  const flip = (way: 'ASC' | 'DESC') => (input.descending ? (way === 'ASC' ? 'DESC' : 'ASC') : way)
  const group = groups[input.group]
  const own = orders[input.sort]
    .filter(([column]) => column !== group)
    .map(([column, way]) => `${column} ${flip(way)}`)
  const hasTime = input.sort === 'attention' || input.sort === 'newest'
  const tail = [...(hasTime ? [] : [`s.created_at_ms ${flip('DESC')}`]), `s.id ${flip('ASC')}`]
  return [...(group ? [`${group} ASC`] : []), ...own, ...tail].join(', ')
}

function whereOf(input: SessionFilter): string {
  const conditions = [
    views[input.view],
    input.projectId === undefined ? '' : 's.project_id = :project',
    input.text.trim() === '' ? '' : 'instr(s.search, :text) > 0',
  ].filter((condition) => condition !== '')
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

/** Reads a row as lists show it: what its facts say, with what was heard since. */
function toRow(record: RowRecord): SessionRow {
  const row = JSON.parse(record.row) as SessionRow
  return {
    ...row,
    usage: row.endedAtMs === null && record.usage !== null ? (JSON.parse(record.usage) as Usage) : row.usage,
    lastLine: record.last_line,
    lastHeardAtMs: record.last_heard_ms,
  }
}

/** The statements of one filter and order. */
function prepareWindow(db: Db, input: WindowInput) {
  const where = whereOf(input)
  const from = `FROM sessions s ${input.group === 'project' ? 'LEFT JOIN projects p ON p.id = s.project_id' : ''} ${where}`
  return {
    total: db.prepare<[object], number>(`SELECT count(*) FROM sessions s ${where}`).pluck(),
    marks: db.prepare<[object], { id: RowMark['id']; seq: number; live: number | null }>(
      `SELECT w.id, r.changed_seq AS seq, l.version AS live
       FROM (SELECT s.id, row_number() OVER () AS place FROM (
         SELECT s.id ${from} ORDER BY ${orderOf(input)} LIMIT :count OFFSET :from) s) w
       JOIN sessions r ON r.id = w.id
       LEFT JOIN session_live l ON l.session_id = w.id ORDER BY w.place`,
    ),
  }
}

/** Windows of long lists; statements are kept by what they filter and sort. */
function createWindows(db: Db) {
  const prepared = new Map<string, ReturnType<typeof prepareWindow>>()
  const statementOf = (input: WindowInput) => {
    const key = `${whereOf(input)}|${orderOf(input)}`
    const known = prepared.get(key) ?? prepareWindow(db, input)
    prepared.set(key, known)
    return known
  }
  return (input: WindowInput, nowMs: number) => {
    const { total, marks } = statementOf(input)
    const named = {
      ...(input.projectId === undefined ? {} : { project: input.projectId }),
      ...(input.text.trim() === '' ? {} : { text: input.text.trim().toLowerCase() }),
    }
    const now = input.sort === 'elapsed' ? { now: nowMs } : {}
    const found = marks.all({ ...named, ...now, count: input.count, from: input.from })
    return {
      total: Number(total.get(named) ?? 0),
      marks: found.map(({ id, seq, live }): RowMark => ({ id, version: `${seq}.${live ?? 0}` })),
    }
  }
}

/** Reading sessions: windows of long lists by their marks, single rows in full. */
export function createSessionQueries(db: Db) {
  const row = db.prepare<[string], RowRecord>(
    `SELECT s.row, l.last_line, l.last_heard_ms, l.usage
     FROM sessions s LEFT JOIN session_live l ON l.session_id = s.id WHERE s.id = ?`,
  )
  const transcript = db
    .prepare<[string, number], string>(
      `SELECT body FROM (SELECT cursor, body FROM activities WHERE session_id = ? ORDER BY cursor DESC LIMIT ?)
       ORDER BY cursor`,
    )
    .pluck()
  const inWorkarea = db
    .prepare<[{ area: string; except: string }], string>(
      `SELECT id FROM sessions WHERE ended_at_ms IS NULL
         AND (workarea_id = :area OR continues IN (SELECT id FROM sessions WHERE workarea_id = :area))
         AND id <> :except LIMIT 1`,
    )
    .pluck()
  return {
    /** The ids of a window in order with their marks, and how many rows the filter lets through. */
    marks: createWindows(db),
    read(id: string): SessionRow | undefined {
      const record = row.get(id)
      return record && toRow(record)
    },
    /** The last `limit` activities' bodies, oldest first. */
    transcript: (sessionId: string, limit: number): Activity['body'][] =>
      transcript.all(sessionId, limit).map((text) => JSON.parse(text) as Activity['body']),
    /** A session that has not ended and works, or is going to, in this workarea; not `except`. */
    occupant: (workareaId: string, except: string): string | undefined =>
      inWorkarea.get({ area: workareaId, except }),
  }
}
