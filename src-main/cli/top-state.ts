import type { ProcessRow } from '../contract/process.ts'
import { arrange, processLines, type Sort, sorts } from './process-table.ts'
import { oneLine } from './terminal.ts'

type EndVerb = 'kill' | 'terminate'

/** What the person is in the middle of. */
type Mode =
  | { readonly kind: 'list' }
  /** Writes what the list is to hold. */
  | { readonly kind: 'filter' }
  /** Writes a pid; one that was offered goes with the first digit. */
  | { readonly kind: 'pid'; readonly verb: EndVerb; readonly digits: string; readonly isOffered: boolean }
  | { readonly kind: 'sure'; readonly verb: EndVerb; readonly pid: number }

/** What a live list shows, and what the person is in the middle of. */
export interface TopState {
  readonly sort: Sort
  readonly filter: string
  /** The row that the arrows went to; acts are offered for it. */
  readonly picked: number | undefined
  readonly mode: Mode
  readonly message: string
}

/** What a key asks for beyond another picture. */
export type TopWish =
  | { readonly kind: 'quit' }
  | { readonly kind: EndVerb | 'suspend'; readonly pid: number }
  | { readonly kind: 'prioritise'; readonly pid: number; readonly by: 1 | -1 }
  | undefined

interface Pressed {
  readonly state: TopState
  readonly wish: TopWish
}

const list: Mode = { kind: 'list' }

export const firstState: TopState = { sort: 'tree', filter: '', picked: undefined, mode: list, message: '' }

const help = 'q quit  ↑↓ pick  s sort  / filter  k kill  t terminate  z suspend  + - priority'

const still = (state: TopState): Pressed => ({ state, wish: undefined })
const wishing = (state: TopState, wish: TopWish): Pressed => ({ state, wish })

/** Takes one key; `pids` are the rows as they stand. Ctrl-C always quits, and anything unknown leaves what was begun. */
export function pressKey(state: TopState, key: string, pids: readonly number[] = []): Pressed {
  const calm: TopState = { ...state, mode: list, message: '' }
  if (key === '\u0003') return wishing(calm, { kind: 'quit' })
  const { mode } = state
  if (mode.kind === 'filter') return pressInFilter(state, calm, key)
  if (mode.kind === 'pid') return pressInPid(state, calm, mode, key)
  if (mode.kind === 'list') return pressInList(calm, key, pids)
  if (key === 'y') return wishing(calm, { kind: mode.verb, pid: mode.pid })
  return still({ ...calm, message: 'Nothing was ended.' })
}

const isErasing = (key: string) => key === '\u007f' || key === '\b'

function pressInFilter(state: TopState, calm: TopState, key: string): Pressed {
  if (key === '\r') return still(calm)
  if (key === '\u001b') return still({ ...calm, filter: '' })
  if (isErasing(key)) return still({ ...state, filter: state.filter.slice(0, -1) })
  if ([...key].length !== 1 || key < ' ') return still(state)
  return still({ ...state, filter: (state.filter + key).slice(0, 80) })
}

function pressInPid(
  state: TopState,
  calm: TopState,
  mode: Extract<Mode, { kind: 'pid' }>,
  key: string,
): Pressed {
  const { digits, isOffered, verb } = mode
  const write = (next: string) =>
    still({ ...state, mode: { ...mode, digits: next.slice(0, 15), isOffered: false } })
  if (/^\d$/.test(key)) return write((isOffered ? '' : digits) + key)
  if (isErasing(key)) return write(isOffered ? '' : digits.slice(0, -1))
  if (key === '\r' && digits !== '')
    return still({ ...state, mode: { kind: 'sure', verb, pid: Number(digits) } })
  return still(calm)
}

const verbs: Readonly<Record<string, EndVerb>> = { k: 'kill', t: 'terminate' }
/** What arrows and the keys beside them send, and how far they go. */
const moves: Readonly<Record<string, number>> = {
  '\u001b[A': -1,
  '\u001bOA': -1,
  '\u001b[B': 1,
  '\u001bOB': 1,
  '\u001b[5~': -10,
  '\u001b[6~': 10,
  '\u001b[H': Number.NEGATIVE_INFINITY,
  '\u001b[F': Number.POSITIVE_INFINITY,
}

function pressInList(calm: TopState, key: string, pids: readonly number[]): Pressed {
  const { picked } = calm
  const move = Object.hasOwn(moves, key) ? moves[key] : undefined
  if (move !== undefined) return still({ ...calm, picked: pidAfter(pids, picked, move) })
  const verb = Object.hasOwn(verbs, key) ? verbs[key] : undefined
  if (verb) {
    const digits = picked === undefined ? '' : String(picked)
    return still({ ...calm, mode: { kind: 'pid', verb, digits, isOffered: picked !== undefined } })
  }
  if (key === 'q') return wishing(calm, { kind: 'quit' })
  if (key === 's')
    return still({ ...calm, sort: sorts[(sorts.indexOf(calm.sort) + 1) % sorts.length] ?? 'tree' })
  if (key === '/') return still({ ...calm, mode: { kind: 'filter' } })
  if (key === '\u001b') return still({ ...calm, filter: '', picked: undefined })
  if (key !== 'z' && key !== '+' && key !== '=' && key !== '-') return still(calm)
  if (picked === undefined) return still({ ...calm, message: 'Pick a process with the arrows first.' })
  if (key === 'z') return wishing(calm, { kind: 'suspend', pid: picked })
  return wishing(calm, { kind: 'prioritise', pid: picked, by: key === '-' ? -1 : 1 })
}

function pidAfter(pids: readonly number[], picked: number | undefined, by: number): number | undefined {
  const at = picked === undefined ? -1 : pids.indexOf(picked)
  const from = at < 0 ? (by > 0 ? -1 : pids.length) : at
  return pids[Math.max(0, Math.min(pids.length - 1, from + by))]
}

/** The rows that a list shows, in their order. */
export function placedOf({ sort, filter }: TopState, rows: readonly ProcessRow[]) {
  const words = filter.toLowerCase().split(/\s+/)
  const placed = arrange(rows, sort)
  if (filter.trim() === '') return placed
  return placed.filter(({ row }) => {
    const text =
      `${row.pid} ${row.name} ${row.sessionId ?? ''} ${row.sessionTitle ?? ''} ${row.state} ${row.waitingOn ?? ''}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** The lines of one picture: what goes on, what is asked, and as much of the list around the picked row as fits. */
export function picture(
  state: TopState,
  rows: readonly ProcessRow[],
  size: { readonly columns: number; readonly rows: number },
): string[] {
  const placed = placedOf(state, rows)
  // One character at the left marks what is picked.
  const [head = '', ...lines] = processLines(placed, Math.max(9, size.columns - 1))
  const marked = lines.map((line, index) => `${placed[index]?.row.pid === state.picked ? '>' : ' '}${line}`)
  const room = Math.max(0, size.rows - 3)
  const isCut = marked.length > room
  const shown = Math.max(0, isCut ? room - 1 : room)
  const at = placed.findIndex(({ row }) => row.pid === state.picked)
  const first = Math.max(0, Math.min(at - Math.floor(shown / 2), marked.length - shown))
  const above = isCut ? first : 0
  const below = Math.max(0, marked.length - above - shown)
  return [
    summaryOf(state, rows),
    questionOf(state, rows),
    ` ${head}`,
    ...marked.slice(above, above + shown),
    ...(isCut ? [` … ${above > 0 ? `${above} above, ` : ''}${below} below`] : []),
  ]
    .slice(0, size.rows)
    .map((line) => line.slice(0, size.columns))
}

function summaryOf({ sort, filter }: TopState, rows: readonly ProcessRow[]): string {
  const sessions = rows.filter((row) => row.kind === 'session').length
  const stopped = rows.filter((row) => row.state === 'stopped').length
  const found = filter === '' ? '' : `, with “${oneLine(filter, 40)}”`
  return `${many(rows.length, 'process', 'processes')}, ${many(sessions, 'session', 'sessions')}, ${stopped} stopped — by ${sort}${found}`
}

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`

function questionOf({ mode, message, filter }: TopState, rows: readonly ProcessRow[]): string {
  if (mode.kind === 'list') return message === '' ? help : message
  if (mode.kind === 'filter') return `Show only what has: ${oneLine(filter, 60)}_   Enter keeps, Esc clears`
  const word = mode.verb === 'kill' ? 'End' : 'Terminate'
  if (mode.kind === 'pid') return `${word} which pid? ${mode.digits}_   Enter goes on, Esc leaves`
  const row = rows.find((one) => one.pid === mode.pid)
  if (!row) return `No process ${mode.pid} is here. Any key goes back.`
  const what =
    row.kind === 'session'
      ? `the session "${oneLine(row.sessionTitle ?? row.name, 60)}"`
      : oneLine(row.name, 60)
  const how = mode.verb === 'kill' ? ' at once' : ''
  return `${word} ${what} (pid ${row.pid})${how}? y/n`
}
