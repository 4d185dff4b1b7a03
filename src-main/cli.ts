import { exitCodes, UsageError } from './cli/args.ts'
import { commands } from './cli/commands.ts'
import { connect } from './cli/connect.ts'
import { openWindow, runDaemon } from './cli/programs.ts'
import { createTerminal } from './cli/system-terminal.ts'
import { oneLine, type Terminal, table } from './cli/terminal.ts'
import { statePaths } from './config.ts'
import { errorTable, isErrorCode, SignalboxError } from './contract/errors.ts'

/** Options that stand before the command. */
interface Globals {
  readonly home: string | undefined
  readonly isJson: boolean
  readonly rest: readonly string[]
}

function readGlobals(argv: readonly string[]): Globals {
  let home: string | undefined
  let isJson = false
  const rest: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--json') isJson = true
    else if (word === '--home') home = argv[++index]
    else if (word === '--') {
      rest.push(...argv.slice(index))
      break
    } else rest.push(word)
  }
  return { home, isJson, rest }
}

function help(): string {
  const rows = Object.values(commands).map(({ usage, about }) => [
    `  ${usage.length > 40 ? `${usage.split(' ')[0]} …` : usage}`,
    about,
  ])
  const own = [
    ['  daemon [--http-port n] [--no-http]', 'run the headless daemon in this terminal'],
    ['  open [<session>]', 'open the console window'],
  ]
  return [
    'signalbox — control console for fleets of AI agents',
    '',
    'usage: signalbox [--home folder] [--json] <command>',
    '',
    ...table([...own, ...rows]),
    '',
    'Exit codes: 0 done, 1 failed, 2 usage, 3 stopped, 4 no daemon, 5 over budget.',
  ].join('\n')
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.err(error.message)
    return exitCodes.usage
  }
  if (!(error instanceof SignalboxError)) throw error
  if (terminal.isJson)
    terminal.err(JSON.stringify({ error: { code: error.code, message: error.message, data: error.data } }))
  else if (error.code === 'disconnected')
    terminal.err(
      'No daemon answers for this state directory. Start one with "signalbox daemon", or open the app.',
    )
  else
    terminal.err(
      `${error.message === error.code ? error.code.replaceAll('_', ' ') : oneLine(error.message, 500)}${detailOf(error)}`,
    )
  return error.code === 'disconnected' ? exitCodes.unreachable : exitCodes.failed
}

function detailOf(error: SignalboxError): string {
  if (!isErrorCode(error.code) || !errorTable[error.code]) return ''
  // What the message says already is not said twice.
  const parts = Object.entries(error.data)
    .filter(([, value]) => typeof value !== 'string' || !error.message.includes(value))
    .map(
      ([name, value]) =>
        `${name}: ${oneLine(typeof value === 'string' ? value : JSON.stringify(value), 300)}`,
    )
  return parts.length > 0 ? ` (${parts.join('; ')})` : ''
}

async function main(argv: readonly string[]): Promise<number> {
  const { home, isJson, rest } = readGlobals(argv)
  const terminal = createTerminal(isJson)
  const [name = 'help', ...args] = rest
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  try {
    if (name === 'help' || name === '--help' || name === '-h') {
      terminal.out(help())
      return exitCodes.ok
    }
    if (name === 'daemon') return await runDaemon(args, home)
    if (name === 'open') return await openWindow(args, home)
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (!command) throw new UsageError(`"${oneLine(name, 40)}" is no command. The list: signalbox help`)
    const client = connect(statePaths(home ?? process.env.SIGNALBOX_HOME, process.env))
    return await command.run(args, { client, terminal, signal: controller.signal, cwd: process.cwd() })
  } catch (error) {
    if (controller.signal.aborted) return 130
    return explain(error, terminal)
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})
process.exitCode = await main(process.argv.slice(2))
