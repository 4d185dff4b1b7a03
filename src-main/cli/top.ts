import { SignalboxError } from '../contract/errors.ts'
import type { ProcessRow } from '../contract/process.ts'
import { exitCodes, readArgs, readDuration, text, UsageError } from './args.ts'
import type { CliCommand, CliContext } from './command.ts'
import { sessionOf } from './process-commands.ts'
import { arrange, processLines } from './process-table.ts'
import { oneLine, type Screen } from './terminal.ts'
import { firstState, picture, placedOf, pressKey, type TopWish } from './top-state.ts'

export const top: CliCommand = {
  usage: 'top [--session <session>] [--every 2s]',
  about: 'kernel processes, live: pick, sort, filter, suspend, end',
  async run(args, context) {
    const parsed = readArgs(args, { session: { type: 'string', short: 's' }, every: { type: 'string' } })
    if (parsed.words.length > 0) throw new UsageError(`usage: signalbox ${top.usage}`)
    const intervalMs = Math.max(250, Math.min(10_000, readDuration(text(parsed, 'every'), 'every') ?? 1000))
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
      for (const line of processLines(arrange([...rows.values()], 'tree'), terminal.columns))
        terminal.out(line)
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
  const act = (wish: TopWish) => {
    if (!wish) return
    if (wish.kind === 'quit') return quit.abort()
    const row = rows.get(wish.pid)
    if (!row) return say(`No process ${wish.pid} is here.`)
    void fulfil(client, row, wish).then(say, (error: unknown) => say(wordsOf(error, wish.pid)))
  }
  const stopKeys = screen.onKey((key) => {
    const pids = placedOf(state, [...rows.values()]).map(({ row }) => row.pid)
    const pressed = pressKey(state, key, pids)
    state = pressed.state
    draw()
    act(pressed.wish)
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

type Act = Exclude<TopWish, undefined | { readonly kind: 'quit' }>

/** Does what was wished, and says so. */
async function fulfil(
  { process }: CliContext['client'],
  { pid, state, priority }: ProcessRow,
  wish: Act,
): Promise<string> {
  if (wish.kind === 'prioritise') {
    const next = Math.max(-20, Math.min(20, priority + wish.by))
    await process.setPriority({ pid, priority: next })
    return `Priority of ${pid}: ${next}.`
  }
  if (wish.kind === 'kill') {
    await process.kill({ pid })
    return `${pid} was ended.`
  }
  if (wish.kind === 'terminate') {
    await process.terminate({ pid })
    return `${pid} was asked to wind down.`
  }
  if (state === 'stopped') await process.resume({ pid })
  else await process.suspend({ pid })
  return `${pid} ${state === 'stopped' ? 'goes on' : 'is suspended'}.`
}

function wordsOf(error: unknown, pid: number): string {
  if (!(error instanceof SignalboxError)) return 'That could not be done.'
  if (error.code === 'process_not_found' || error.code === 'session_ended') return `${pid} had ended already.`
  return error.message === error.code ? error.code.replaceAll('_', ' ') : oneLine(error.message, 100)
}
