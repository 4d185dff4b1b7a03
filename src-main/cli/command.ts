import type { SessionDetail } from '../contract/session.ts'
import { exitCodes, readArgs, UsageError } from './args.ts'
import type { Client } from './connect.ts'
import { getSession } from './follow.ts'
import type { Terminal } from './terminal.ts'

export interface CliContext {
  readonly client: Client
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly cwd: string
}

export interface CliCommand {
  readonly usage: string
  readonly about: string
  run(args: readonly string[], context: CliContext): Promise<number>
}

type SessionId = SessionDetail['row']['id']

/** Output for scripts (`--json`, the raw reply) or for people. */
export function show(terminal: Terminal, value: unknown, human: () => void): number {
  if (terminal.isJson) terminal.out(JSON.stringify(value))
  else human()
  return exitCodes.ok
}

export function one(words: readonly string[], usage: string): string {
  if (words.length !== 1 || !words[0]) throw new UsageError(`usage: signalbox ${usage}`)
  return words[0]
}

/** A command on one session whose reply is only a sequence. */
export function simple(
  name: string,
  about: string,
  word: string,
  act: (client: Client, sessionId: SessionId) => Promise<unknown>,
): CliCommand {
  const usage = `${name} <session>`
  return {
    usage,
    about,
    async run(args, { client, terminal }) {
      const { row } = await getSession(client, one(readArgs(args, {}).words, usage))
      const value = await act(client, row.id)
      return show(terminal, value, () => terminal.out(`${word} ${row.id}`))
    },
  }
}
