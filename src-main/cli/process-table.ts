import type { ProcessRow, ResourceUse } from '../contract/process.ts'
import { fitTable } from './fit-table.ts'
import { formatDuration, formatUsd, oneLine } from './terminal.ts'

/** Orders of a process list, in the order in which `s` goes through them. */
export const sorts = ['tree', 'reductions', 'tokens', 'money', 'time', 'mailbox', 'memory'] as const
export type Sort = (typeof sorts)[number]

const amounts: Readonly<Record<Exclude<Sort, 'tree'>, (row: ProcessRow) => number>> = {
  reductions: (row) => row.reductionsPerSecond ?? row.reductions,
  tokens: (row) => row.use.tokens.spent,
  money: (row) => row.use.usdNanos.spent,
  time: (row) => row.use.wallMs.spent,
  mailbox: (row) => row.mailbox,
  memory: (row) => row.use.mem.spent,
}

/** A row and how deep it stands below the root. */
interface Placed {
  readonly row: ProcessRow
  readonly depth: number
}

/** Rows in their order: parents before their children, or by an amount, the largest first and then by pid. */
export function arrange(rows: readonly ProcessRow[], sort: Sort): readonly Placed[] {
  if (sort !== 'tree') {
    const of = amounts[sort]
    return [...rows].sort((a, b) => of(b) - of(a) || a.pid - b.pid).map((row) => ({ row, depth: 0 }))
  }
  const known = new Set(rows.map((row) => row.pid))
  const below = new Map<number, ProcessRow[]>()
  for (const row of [...rows].sort((a, b) => a.pid - b.pid)) {
    const parent = known.has(row.parent) ? row.parent : 0
    below.set(parent, [...(below.get(parent) ?? []), row])
  }
  const placed: Placed[] = []
  // The next to be placed lies on top, so that deep trees need no deep calls.
  const waiting = (below.get(0) ?? []).map((row): Placed => ({ row, depth: 0 })).reverse()
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    placed.push(next)
    const { depth } = next
    for (const row of (below.get(next.row.pid) ?? []).reverse()) waiting.push({ row, depth: depth + 1 })
  }
  return placed
}

const head = [
  'PID',
  'STATE',
  'PRI',
  'MBOX',
  'TOKENS',
  'MONEY',
  'CALLS',
  'TIME',
  'MEM',
  'RED/S',
  'CAPS',
  'PROCESS',
]
/** Deeper ones are indented no further, so that their names can still be read. */
const deepest = 8

/** What gives way first where a window is narrow: what a person asks for least. */
const dropped = ['CAPS', 'MEM', 'CALLS', 'PRI', 'MBOX', 'TIME', 'RED/S', 'MONEY', 'TOKENS', 'STATE']

/** Lines of a process list, for a window of `width` characters where there is one; names are text of programs. */
export function processLines(placed: readonly Placed[], width?: number): string[] {
  const cells = placed.map(({ row, depth }) => [
    String(row.pid),
    row.waitingOn === null ? row.state : `${row.state}:${row.waitingOn}`,
    String(row.priority),
    row.sendersParked > 0 ? `${row.mailbox}+${row.sendersParked}` : String(row.mailbox),
    usedOf(row.use.tokens, count),
    usedOf(row.use.usdNanos, formatUsd),
    usedOf(row.use.toolCalls, count),
    usedOf(row.use.wallMs, formatDuration),
    count(row.use.mem.spent),
    row.reductionsPerSecond === null ? '—' : count(row.reductionsPerSecond),
    String(row.caps),
    `${'  '.repeat(Math.min(depth, deepest))}${nameOf(row)}`,
  ])
  // One look alone measures no speed.
  const isMeasured = placed.some(({ row }) => row.reductionsPerSecond !== null)
  const rows = [head, ...cells]
  const at = head.indexOf('RED/S')
  return fitTable(isMeasured ? rows : rows.map((row) => row.toSpliced(at, 1)), width, dropped)
}

/** A session by its title, with as much of its id as names it to every command; anything else by its name. */
function nameOf(row: ProcessRow): string {
  if (row.kind !== 'session' || row.sessionId === null) return oneLine(row.name, 60)
  return `${oneLine(row.sessionTitle ?? '', 60)}  ${row.sessionId.slice(0, 12)}`.trimStart()
}

function usedOf({ spent, limit }: ResourceUse, format: (amount: number) => string): string {
  return limit === null ? format(spent) : `${format(spent)}/${format(limit)}`
}

/** `1234`, `12.3k`, `4.5M`. */
export function count(amount: number): string {
  if (amount < 10_000) return String(amount)
  return amount < 1_000_000 ? `${(amount / 1000).toFixed(1)}k` : `${(amount / 1_000_000).toFixed(1)}M`
}
