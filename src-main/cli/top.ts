import type { ProcessRow } from '../contract/process.ts'
import { exitCodes, readArgs, readDuration, text, UsageError } from './args.ts'
import type { CliCommand, CliContext } from './command.ts'
import { sessionOf } from './kernel-commands.ts'
import { arrange, processLines, type Sort, sorts } from './process-table.ts'
import { oneLine, type Screen } from './terminal.ts'

/** What a live list shows, and what the person is in the middle of. */
export interface TopState {
  readonly sort: Sort
  /** Digits of a pid that is being written, or a pid whose end is to be confirmed. */
  readonly kill: { readonly digits: string } | { readonly pid: number } | undefined
  readonly message: string
}

/** What a key asks for beyond another picture. */
export type TopWish = { readonly kind: 'quit' } | { readonly kind: 'kill'; readonly pid: number } | undefined

export const firstState: TopState = { sort: 'tree', kill: undefined, message: '' }

/** Takes one key: q or Ctrl-C quits, s sorts, k kills after a pid and a yes. Anything else leaves what was begun. */
export function pressKey(state: TopState, key: string): { readonly state: TopState; readonly wish: TopWish } {
  const calm: TopState = { ...state, kill: undefined, message: '' }
  if (key === '\u0003') return { state: calm, wish: { kind: 'quit' } }
  const { kill } = state
  if (kill === undefined) return pressCommand(calm, key)
  if ('pid' in kill)
    return key === 'y'
      ? { state: calm, wish: { kind: 'kill', pid: kill.pid } }
      : { state: { ...calm, message: 'Nothing was ended.' }, wish: undefined }
  const { digits } = kill
  if (/^\d$/.test(key))
    return { state: { ...state, kill: { digits: (digits + key).slice(0, 15) } }, wish: undefined }
  if (key === '\u007f' || key === '\b')
    return { state: { ...state, kill: { digits: digits.slice(0, -1) } }, wish: undefined }
  if (key === '\r' && digits !== '')
    return { state: { ...state, kill: { pid: Number(digits) } }, wish: undefined }
  return { state: calm, wish: undefined }
}

function pressCommand(state: TopState, key: string): { readonly state: TopState; readonly wish: TopWish } {
  if (key === 'q') return { state, wish: { kind: 'quit' } }
  if (key === 'k') return { state: { ...state, kill: { digits: '' } }, wish: undefined }
  if (key !== 's') return { state, wish: undefined }
  const next = sorts[(sorts.indexOf(state.sort) + 1) % sorts.length] ?? 'tree'
  return { state: { ...state, sort: next }, wish: undefined }
}

/** The lines of one picture: a line of what goes on, the list, cut to the window. */
export function picture(
  state: TopState,
  rows: readonly ProcessRow[],
  size: { readonly columns: number; readonly rows: number },
): string[] {
  const sessions = rows.filter((row) => row.kind === 'session').length
  const stopped = rows.filter((row) => row.state === 'stopped').length
  const first = `${many(rows.length, 'process', 'processes')}, ${many(sessions, 'session', 'sessions')}, ${stopped} stopped — by ${state.sort}   q quit  s sort  k kill`
  const all = [first, questionOf(state, rows), ...processLines(arrange(rows, state.sort))]
  return all.slice(0, size.rows).map((line) => line.slice(0, size.columns))
}

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`

function questionOf({ kill, message }: TopState, rows: readonly ProcessRow[]): string {
  if (kill === undefined) return message
  if ('digits' in kill) return `End which pid? ${kill.digits}_`
  const row = rows.find((one) => one.pid === kill.pid)
  if (!row) return `No process ${kill.pid} is here. Any key goes back.`
  const what =
    row.kind === 'session'
      ? `the session "${oneLine(row.sessionTitle ?? row.name, 60)}"`
      : oneLine(row.name, 60)
  return `End ${what} (pid ${row.pid}) at once? y/n`
}

export const top: CliCommand = {
  usage: 'top [--session <session>] [--every 2s]',
  about: 'kernel processes, live; q quits, s sorts, k kills',
  async run(args, context) {
    const parsed = readArgs(args, { session: { type: 'string', short: 's' }, every: { type: 'string' } })
    if (parsed.words.length > 0) throw new UsageError(`usage: signalbox ${top.usage}`)
    const intervalMs = Math.min(10_000, readDuration(text(parsed, 'every')) ?? 1000)
    const input = { ...(await sessionOf(context, parsed)), intervalMs }
    const screen = context.terminal.openScreen()
    if (!screen) return follow(context, input)
    try {
      return await live(context, screen, input)
    } finally {
      screen.close()
    }
  },
}

type WatchInput = Parameters<CliContext['client']['process']['watch']>[0]

/** Where nobody sits at a terminal: each change as it comes, as plain lines or as JSON. */
async function follow({ client, terminal, signal }: CliContext, input: WatchInput): Promise<number> {
  const rows = new Map<number, ProcessRow>()
  for await (const item of client.process.watch(input, { signal })) {
    if (terminal.isJson) terminal.out(JSON.stringify(item))
    else {
      apply(rows, item)
      for (const line of processLines(arrange([...rows.values()], 'tree'))) terminal.out(line)
      terminal.out('')
    }
  }
  return exitCodes.ok
}

interface Item {
  readonly isWhole: boolean
  readonly changed: readonly ProcessRow[]
  readonly gone: readonly number[]
}

/** Brings the rows up to a sample. */
export function apply(rows: Map<number, ProcessRow>, { isWhole, changed, gone }: Item): void {
  if (isWhole) rows.clear()
  for (const pid of gone) rows.delete(pid)
  for (const row of changed) rows.set(row.pid, row)
}

async function live({ client, signal }: CliContext, screen: Screen, input: WatchInput): Promise<number> {
  const rows = new Map<number, ProcessRow>()
  const quit = new AbortController()
  let state = firstState
  const draw = () => screen.draw(picture(state, [...rows.values()], screen.size()))
  const say = (message: string) => {
    state = { ...state, message }
    draw()
  }
  const stopKeys = screen.onKey((key) => {
    const pressed = pressKey(state, key)
    state = pressed.state
    if (pressed.wish?.kind === 'quit') return quit.abort()
    if (pressed.wish) {
      const { pid } = pressed.wish
      if (!rows.has(pid)) return say(`No process ${pid} is here.`)
      void client.process.kill({ pid }).then(
        () => say(`${pid} was ended.`),
        (error: unknown) =>
          say(error instanceof Error ? oneLine(error.message, 100) : 'It could not be ended.'),
      )
    }
    draw()
  })
  try {
    const signals = { signal: AbortSignal.any([signal, quit.signal]) }
    for await (const item of client.process.watch(input, signals)) {
      apply(rows, item)
      draw()
    }
  } catch (error) {
    if (!quit.signal.aborted) throw error
  } finally {
    stopKeys()
  }
  return exitCodes.ok
}
