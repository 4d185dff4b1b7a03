import type { ProcessRow } from '@contract/process.ts'
import { formatBytes, formatCount, formatTokens, formatUsd, plural, shareOf } from '../../format/amounts.ts'
import { formatDuration } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import type { ProcessSort } from '../../stores/kernel-view.ts'
import type { LampShape, LampTone } from '../../ui/Lamp.tsx'

/** How the list is looked at. */
export interface ProcessFilter {
  readonly isTree: boolean
  readonly sort: ProcessSort
  readonly isDescending: boolean
  readonly text: string
  readonly state: ProcessRow['state'] | 'any'
  readonly folded: ReadonlySet<number>
}

/** One place of the list. `isPath` is a row that is here only because something below it matches. */
export interface Place {
  readonly pid: number
  readonly depth: number
  readonly below: number
  readonly isFolded: boolean
  readonly isPath: boolean
}

/** What a row draws. A row that has gone keeps its place, greyed, while the order is held. */
export interface ProcessView extends Place {
  readonly row: ProcessRow
  readonly isGone: boolean
  /** Share of one core that its program uses. */
  readonly cpu: number | null
}

type Rows = ReadonlyMap<number, ProcessRow>

const stateOrder: readonly ProcessRow['state'][] = [
  'running',
  'ready',
  'foreign',
  'waiting',
  'stopped',
  'new',
]

const values: Readonly<Record<Exclude<ProcessSort, 'name'>, (row: ProcessRow) => number>> = {
  pid: (row) => row.pid,
  state: (row) => -stateOrder.indexOf(row.state),
  priority: (row) => row.priority,
  mailbox: (row) => row.mailbox,
  tokens: (row) => row.use.tokens.spent,
  money: (row) => row.use.usdNanos.spent,
  tools: (row) => row.use.toolCalls.spent,
  wall: (row) => row.use.wallMs.spent,
  memory: (row) => row.use.mem.spent,
  speed: (row) => row.reductionsPerSecond ?? -1,
  caps: (row) => row.caps,
  program: (row) => row.program?.memoryBytes ?? -1,
}

/** Order by one column; equals stay in the order in which they were started. */
export function comparerFor(sort: ProcessSort, isDescending: boolean) {
  const sign = isDescending ? -1 : 1
  if (sort === 'name')
    return (a: ProcessRow, b: ProcessRow) =>
      sign * (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0) || a.pid - b.pid
  const value = values[sort]
  return (a: ProcessRow, b: ProcessRow) => sign * (value(a) - value(b)) || a.pid - b.pid
}

/** The places of the list, filtered and in order: as a tree with siblings sorted, or flat. */
export function arrange(rows: Rows, filter: ProcessFilter): readonly Place[] {
  const matches = matcherFor(filter)
  const compare = comparerFor(filter.sort, filter.isDescending)
  if (!filter.isTree)
    return [...rows.values()]
      .filter(matches)
      .sort(compare)
      .map(({ pid }) => ({ pid, depth: 0, below: 0, isFolded: false, isPath: false }))
  return arrangeTree(rows, filter, matches, compare)
}

function arrangeTree(
  rows: Rows,
  filter: ProcessFilter,
  matches: (row: ProcessRow) => boolean,
  compare: (a: ProcessRow, b: ProcessRow) => number,
): readonly Place[] {
  const children = childrenOf(rows)
  const isFiltered = filter.text.trim() !== '' || filter.state !== 'any'
  const shown = isFiltered ? pathsTo(rows, matches) : null
  const places: Place[] = []
  // Not recursive: a chain of parents can be as long as there are processes.
  const open: { row: ProcessRow; depth: number }[] = []
  const push = (list: readonly ProcessRow[], depth: number) => {
    for (const row of [...list].sort(compare).reverse()) open.push({ row, depth })
  }
  push(children.get(null) ?? [], 0)
  for (let at = open.pop(); at; at = open.pop()) {
    const { row, depth } = at
    if (shown && !shown.has(row.pid)) continue
    const below = children.get(row.pid) ?? []
    const isFolded = !isFiltered && below.length > 0 && filter.folded.has(row.pid)
    places.push({ pid: row.pid, depth, below: below.length, isFolded, isPath: isFiltered && !matches(row) })
    if (!isFolded) push(below, depth + 1)
  }
  return places
}

/** Children by parent; under null those whose parent is not here. A process that is its own ancestor counts as such a root. */
function childrenOf(rows: Rows): ReadonlyMap<number | null, readonly ProcessRow[]> {
  const children = new Map<number | null, ProcessRow[]>()
  for (const row of rows.values()) {
    const parent = row.parent !== row.pid && rows.has(row.parent) ? row.parent : null
    const list = children.get(parent)
    if (list) list.push(row)
    else children.set(parent, [row])
  }
  return children
}

/** Every match with all above it, so that a match is never shown without its place. */
function pathsTo(rows: Rows, matches: (row: ProcessRow) => boolean): ReadonlySet<number> {
  const shown = new Set<number>()
  for (const row of rows.values()) {
    if (!matches(row)) continue
    for (let at: ProcessRow | undefined = row; at && !shown.has(at.pid); at = rows.get(at.parent))
      shown.add(at.pid)
  }
  return shown
}

function matcherFor(filter: ProcessFilter): (row: ProcessRow) => boolean {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return (row) => {
    if (filter.state !== 'any' && row.state !== filter.state) return false
    if (words.length === 0) return true
    const text = `${row.pid} ${row.name} ${row.sessionTitle ?? ''} ${row.waitingOn ?? ''}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
}

/** Makes rows to draw; what did not change keeps its identity, so that it draws nothing. */
export function createViewMaker(): (
  place: Place,
  now: Pick<ProcessView, 'row' | 'isGone' | 'cpu'>,
) => ProcessView {
  const made = new Map<number, ProcessView>()
  return (place, now) => {
    const before = made.get(place.pid)
    const isSame =
      before &&
      before.row === now.row &&
      before.isGone === now.isGone &&
      before.cpu === now.cpu &&
      before.depth === place.depth &&
      before.below === place.below &&
      before.isFolded === place.isFolded &&
      before.isPath === place.isPath
    if (isSame) return before
    const view = { ...place, ...now }
    made.set(place.pid, view)
    return view
  }
}

/** A process as people know it: a session's own by the title of its session. */
export function nameOf(row: ProcessRow): string {
  if (row.kind === 'fleet') return 'Fleet'
  return row.kind === 'session' && row.sessionTitle !== null ? row.sessionTitle : row.name
}

const waits: Readonly<Record<string, readonly [word: string, sentence: string]>> = {
  recv: ['waits: mail', 'Waits for a message.'],
  send: ['waits: send', 'Waits until there is room in the mailbox it sends to.'],
  sleep: ['sleeps', 'Sleeps until its time has come.'],
  waitpid: ['waits: exit', 'Waits for another process to end.'],
  page: ['waits: memory', 'Waits until its memory has been made room in.'],
}

const states: Readonly<Record<ProcessRow['state'], readonly [LampTone, LampShape, string, string]>> = {
  new: ['idle', 'ring', 'new', 'Was started and has not run yet.'],
  ready: ['clear', 'disc', 'ready', 'Can run and waits for its turn.'],
  running: ['clear', 'disc', 'runs', 'Runs now.'],
  waiting: ['idle', 'ring', 'waits', 'Waits.'],
  foreign: ['idle', 'ring', 'outside', 'Waits for something outside the kernel, such as its own program.'],
  stopped: ['idle', 'ring', 'suspended', 'Suspended: nothing of it runs until it is resumed.'],
}

const inCall = {
  tone: 'clear',
  shape: 'disc',
  word: 'in a call',
  sentence: 'A call to a device is under way.',
} as const

/** The process of a sub-agent ends when its work does, and waits for nothing else. */
const atWork = {
  tone: 'clear',
  shape: 'disc',
  word: 'at work',
  sentence: 'A sub-agent is at work on its piece; its process ends with that.',
} as const

/** The process of a program only stands for it. */
const outside = {
  tone: 'idle',
  shape: 'ring',
  word: 'outside',
  sentence: 'Its program runs outside the kernel.',
} as const

function isInCall(row: ProcessRow): boolean {
  return row.state === 'waiting' && row.waitingOn === 'io'
}

function isSubAgentAtWork(row: ProcessRow): boolean {
  return row.kind === 'sub_agent' && row.state === 'waiting'
}

/** Every state with its word, for filters. */
export const stateNames = (Object.keys(states) as ProcessRow['state'][]).map(
  (state) => [state, states[state][2]] as const,
)

/** Lamp, word and sentence of a process's state. */
export function stateOf(row: ProcessRow, isGone = false) {
  if (isGone) return { tone: 'idle', shape: 'ring', word: 'ended', sentence: 'Has ended.' } as const
  const [tone, shape, word, sentence] = states[row.state]
  // A device call is work under way, only not in the kernel.
  if (isInCall(row)) return inCall
  if (isSubAgentAtWork(row)) return atWork
  if (row.program && row.state === 'waiting') return outside
  const wait = row.state === 'waiting' && row.waitingOn !== null ? waits[row.waitingOn] : undefined
  return { tone, shape, word: wait?.[0] ?? word, sentence: wait?.[1] ?? sentence }
}

/** Speed of a row; what is suspended stands still, measured or not. */
export function speedOf(row: ProcessRow): number | null {
  return row.state === 'stopped' ? (row.reductionsPerSecond ?? 0) : row.reductionsPerSecond
}

/** Reductions per second in a few characters; nothing measured yet is a dash. */
export function formatSpeed(rate: number | null): string {
  if (rate === null) return '—'
  return rate > 0 && rate < 1 ? '<1' : formatTokens(Math.round(rate))
}

/** Share of a core, `140 %` for more than one; what is next to nothing is not nothing. */
export function formatProcessor(share: number | null): string {
  if (share === null) return '—'
  return share > 0 && share < 0.01 ? '<1 %' : `${Math.round(share * 100)} %`
}

/** A row as a sentence, for screen readers. */
export function describeProcess({ row, isGone, below, cpu }: ProcessView): string {
  const { word } = stateOf(row, isGone)
  return [
    `Process ${row.pid}, ${visibleLine(nameOf(row))}, ${word}`,
    `priority ${row.priority}`,
    `${formatTokens(row.use.tokens.spent)} tokens${shareText(row.use.tokens)}`,
    `${formatUsd(row.use.usdNanos.spent)}${shareText(row.use.usdNanos)}`,
    row.mailbox > 0 ? plural(row.mailbox, 'message') : '',
    row.program ? `program ${formatBytes(row.program.memoryBytes)}` : '',
    row.program && cpu !== null ? `${formatProcessor(cpu)} of a core` : '',
    below > 0 ? `${formatCount(below)} below it` : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function shareText(use: ProcessRow['use']['tokens']): string {
  const share = shareOf(use.spent, use.limit)
  return share === null ? '' : `, ${Math.round(share * 100)} % of its limit`
}

/** What all processes together do, in one line. */
export function summaryOf(rows: Rows): string {
  let running = 0
  let suspended = 0
  let speed = 0
  for (const row of rows.values()) {
    if (row.state === 'running' || row.state === 'ready' || isInCall(row) || isSubAgentAtWork(row))
      running += 1
    if (row.state === 'stopped') suspended += 1
    if (row.kind !== 'fleet') speed += row.reductionsPerSecond ?? 0
  }
  return [
    plural(rows.size, 'process', 'processes'),
    `${formatCount(running)} at work`,
    suspended > 0 ? `${formatCount(suspended)} suspended` : '',
    `${formatSpeed(speed)} reductions/s`,
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** Processes below one, at any depth. */
export function countBelow(rows: Rows, pids: ReadonlySet<number>): number {
  let count = 0
  for (const row of rows.values()) {
    const seen = new Set<number>([row.pid])
    let at = rows.get(row.parent)
    while (at && !seen.has(at.pid) && !pids.has(at.pid)) {
      seen.add(at.pid)
      at = rows.get(at.parent)
    }
    if (at && pids.has(at.pid) && !pids.has(row.pid)) count += 1
  }
  return count
}

/** Which acts a process allows now; the daemon has the last word. */
export function possibleWith(row: ProcessRow) {
  const isFree = row.kind !== 'fleet'
  return {
    suspend: isFree && row.state !== 'stopped',
    resume: isFree && row.state === 'stopped',
    end: isFree,
    prioritise: isFree,
    budget: isFree,
  }
}

/** Age of a process. */
export function ageText(row: ProcessRow, nowMs: number): string {
  return formatDuration(nowMs - row.startedAtMs)
}
