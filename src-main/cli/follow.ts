import type { Activity } from '../contract/activity.ts'
import { SignalboxError } from '../contract/errors.ts'
import { lampOf } from '../contract/lamp.ts'
import type { Ask, SessionDetail } from '../contract/session.ts'
import { createActivityPrinter } from './activity-lines.ts'
import { exitCodes } from './args.ts'
import type { Client } from './connect.ts'
import { formatDuration, formatUsd, oneLine, paint, type Terminal, visible } from './terminal.ts'

export interface FollowOptions {
  readonly after: number
  /** Ask the person at the terminal when the session asks. */
  readonly answersAsks: boolean
  readonly signal: AbortSignal
}

/** Prints a session's activities until it ends (or the signal), answering its questions; returns the exit code. */
export async function follow(
  client: Client,
  terminal: Terminal,
  sessionId: string,
  options: FollowOptions,
): Promise<number> {
  const detail = await getSession(client, sessionId)
  const startedAtMs = () => detail.row.startedAtMs ?? detail.row.createdAtMs
  const printer = createActivityPrinter(terminal, startedAtMs)
  let cursor = options.after
  const input = () => ({ sessionId: detail.row.id, after: cursor })
  for (let attempt = 0; ; attempt++) {
    try {
      for await (const activity of client.session.follow(input(), { signal: options.signal })) {
        attempt = 0
        cursor = activity.cursor
        if (terminal.isJson) terminal.out(JSON.stringify(activity))
        else printer.print(activity)
        await answerIfAsked(client, terminal, activity, detail.row.id, options)
      }
      break
    } catch (error) {
      const isCut = error instanceof SignalboxError && error.code === 'disconnected'
      if (!isCut || attempt >= 20 || options.signal.aborted) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  printer.end()
  return reportEnd(client, terminal, detail.row.id)
}

/** Reads a session by its id, or by the unique beginning of one. */
export async function getSession(client: Client, id: string): Promise<SessionDetail> {
  const sessionId = await resolveId(client, id)
  return client.session.get({ sessionId: sessionId as SessionDetail['row']['id'] })
}

export async function resolveId(client: Client, given: string): Promise<string> {
  const id = given.startsWith('ses-') ? given : `ses-${given}`
  if (id.length >= 20) return id
  const { rows } = await client.session.list({ count: 500, sort: 'newest' })
  if (given === 'last' && rows[0]) return rows[0].id
  const found = rows.filter((row) => row.id.startsWith(id))
  if (found.length === 1 && found[0]) return found[0].id
  throw new SignalboxError(
    'session_not_found',
    { sessionId: given },
    {
      message:
        found.length > 1 ? `"${given}" fits ${found.length} sessions; write more of the id.` : undefined,
    },
  )
}

async function answerIfAsked(
  client: Client,
  terminal: Terminal,
  activity: Activity,
  sessionId: SessionDetail['row']['id'],
  options: FollowOptions,
): Promise<void> {
  if (activity.body.kind !== 'asked' || !options.answersAsks) return
  const { askId } = activity.body
  const open = (await client.session.get({ sessionId })).asks.find((ask) => ask.id === askId)
  if (!open) return
  const optionId = await choose(terminal, open)
  if (optionId === undefined) return
  try {
    await client.session.answer({ askId, optionId })
  } catch (error) {
    if (!(error instanceof SignalboxError && error.code === 'ask_not_open')) throw error
    terminal.out('Somebody else has answered already.')
  }
}

async function choose(terminal: Terminal, ask: Ask): Promise<string | undefined> {
  if (ask.command)
    terminal.out(`         ${ask.command.map((word) => visible(JSON.stringify(word))).join(' ')}`)
  if (ask.why) terminal.out(`         ${oneLine(ask.why, 300)}`)
  const options = ask.options.map((option, index) => `${index + 1} ${oneLine(option.label, 60)}`).join('   ')
  for (;;) {
    const line = await terminal.ask(`         ${options}\n         Number: `)
    if (line === undefined) return undefined
    const option = ask.options[Number(line.trim()) - 1]
    if (option) return option.id
  }
}

async function reportEnd(
  client: Client,
  terminal: Terminal,
  sessionId: SessionDetail['row']['id'],
): Promise<number> {
  const { row } = await client.session.get({ sessionId })
  if (row.status === 'working' || row.status === 'queued' || row.status === 'parked') return exitCodes.ok
  const lamp = lampOf(row)
  const used = [
    formatDuration(row.usage.wallMs),
    formatUsd(row.usage.costUsdNanos),
    `${row.usage.toolCalls} tool calls`,
  ].join(' · ')
  if (!terminal.isJson) {
    const changes = row.changes
      ? ` · ${row.changes.files} files +${row.changes.insertions} -${row.changes.deletions}`
      : ''
    terminal.out(`${paint(terminal, lamp.tone, row.status)} ${used}${changes}`)
    if (row.endMessage) terminal.out(visible(row.endMessage))
  }
  if (row.endReason?.kind === 'quota') return exitCodes.overBudget
  return { completed: exitCodes.ok, failed: exitCodes.failed, stopped: exitCodes.stopped }[row.status]
}
