import type { SessionFilter, SessionRow } from '../../contract/session.ts'
import { attention } from '../../domain/session/attention.ts'
import type { Db } from '../database.ts'
import type { RowVersions } from '../projections/sessions.ts'

/** What is wanted of a list: filter, order and window. */
export type WindowInput = SessionFilter & { readonly from: number; readonly count: number }

/** A row's place in a window and a number that differs whenever the row does. */
export interface RowMark {
  readonly id: SessionRow['id']
  readonly version: number
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

/** Groups that are a column of the session's own; projects are told apart by their names, see {@link projectWalk}. */
const groups: Readonly<Record<SessionFilter['group'], string | undefined>> = {
  project: undefined,
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

type Values = Readonly<Record<string, string | number>>
type Ids = readonly RowMark['id'][]

/** A window and how many rows the filter lets through. */
interface Found {
  readonly ids: Ids
  readonly total: number
}

/** One list in one order: a walk along an index where there is one for it, and never a look at the wide rows. */
function plainWalk(db: Db, input: SessionFilter) {
  const where = whereOf(input)
  const total = db.prepare<[object], number>(`SELECT count(*) FROM sessions s ${where}`).pluck()
  const walk = db
    .prepare<[object], RowMark['id']>(
      `SELECT s.id FROM sessions s ${where} ORDER BY ${orderOf(input)} LIMIT :count OFFSET :from`,
    )
    .pluck()
  return (named: Values, now: Values, from: number, count: number): Found => ({
    ids: walk.all({ ...named, ...now, from, count }),
    total: Number(total.get(named) ?? 0),
  })
}

interface ProjectCount {
  readonly project_id: string
  readonly name: string | null
  readonly count: number
}

/**
 * A list grouped by project: the counts tell in which projects the window lies, and only those are walked. Projects of
 * one name are one group.
 */
function projectWalk(db: Db, input: SessionFilter) {
  const where = whereOf(input)
  const and = where === '' ? 'WHERE' : `${where} AND`
  const counts = db.prepare<[object], ProjectCount>(
    `SELECT c.project_id, lower(p.name) AS name, c.count FROM (
       SELECT s.project_id, count(*) AS count FROM sessions s ${where} GROUP BY s.project_id) c
     LEFT JOIN projects p ON p.id = c.project_id ORDER BY p.name COLLATE NOCASE`,
  )
  const walk = (condition: string) =>
    db
      .prepare<[object], RowMark['id']>(
        `SELECT s.id FROM sessions s ${and} ${condition} ORDER BY ${orderOf(input)} LIMIT :count OFFSET :from`,
      )
      .pluck()
  // A group that is the whole list has an index for each order.
  const all = plainWalk(db, input)
  const one = walk('s.project_id = :group')
  const several = walk('s.project_id IN (SELECT value FROM json_each(:group))')
  return (named: Values, now: Values, from: number, count: number): Found => {
    const ids: RowMark['id'][] = []
    const joined = joinNames(counts.all(named))
    if (joined.length === 1) return all(named, now, from, count)
    let before = 0
    for (const group of joined) {
      const start = Math.max(0, from - before)
      const wanted = Math.min(from + count - before, group.count) - start
      before += group.count
      if (wanted <= 0) continue
      const [first = '', ...others] = group.projects
      const place = { ...named, ...now, from: start, count: wanted }
      const found =
        others.length === 0
          ? one.all({ ...place, group: first })
          : several.all({ ...place, group: JSON.stringify(group.projects) })
      for (const id of found) ids.push(id)
    }
    return { ids, total: before }
  }
}

/** Neighbours of one name together; a project that is not known has none. */
function joinNames(rows: readonly ProjectCount[]) {
  const joined: { name: string | null; count: number; projects: string[] }[] = []
  for (const { project_id, name, count } of rows) {
    const last = joined.at(-1)
    if (last && last.name === name) {
      last.projects.push(project_id)
      last.count += count
    } else joined.push({ name, count, projects: [project_id] })
  }
  return joined
}

type Walk = ReturnType<typeof plainWalk>

/**
 * Windows of long lists: the ids in order with their marks, and how many rows the filter lets through. Statements are
 * kept by what they filter and sort.
 */
export function createWindows(db: Db, versions: RowVersions) {
  const prepared = new Map<string, Walk>()
  const walkOf = (input: WindowInput): Walk => {
    const key = `${input.group}|${whereOf(input)}|${orderOf(input)}`
    const known = prepared.get(key) ?? (input.group === 'project' ? projectWalk : plainWalk)(db, input)
    prepared.set(key, known)
    return known
  }
  return (input: WindowInput, nowMs: number) => {
    const named: Values = {
      ...(input.projectId === undefined ? {} : { project: input.projectId }),
      ...(input.text.trim() === '' ? {} : { text: input.text.trim().toLowerCase() }),
    }
    const now: Values = input.sort === 'elapsed' ? { now: nowMs } : {}
    const { ids, total } = walkOf(input)(named, now, input.from, input.count)
    return { total, marks: ids.map((id): RowMark => ({ id, version: versions.of(id) })) }
  }
}
