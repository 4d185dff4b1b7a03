import { createHash } from 'node:crypto'
import { homedir, tmpdir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'

/** What must be known before the database opens: argv over environment over default; frozen. */
export interface Config {
  readonly paths: StatePaths
  /** Port of the loopback HTTP door: 0 picks one; null keeps it shut whatever the settings say. */
  readonly httpPort: number | null
  /** Parse every output against the contract too (development and tests). */
  readonly checksOutput: boolean
  /** Warnings and errors go to stderr as well as to the log file. */
  readonly echoesLog: boolean
  /** How fast the embedded scripts play: 1 is natural, 0 is at once. */
  readonly scriptPace: number
}

/** Where things lie below the state directory, and the sockets beside it. All absolute. */
export interface StatePaths {
  readonly home: string
  readonly database: string
  readonly token: string
  readonly lock: string
  readonly log: string
  readonly secrets: string
  /** Owner-only folder for sockets, in the runtime directory of the system, short enough for a socket path. */
  readonly runtime: string
  /** The door of the command line and of windows attached to a running daemon. */
  readonly socket: string
}

/** Longest path of a Unix socket that works everywhere; longer ones are cut by the system without an error. */
export const maxSocketPathBytes = 100

const Argv = z.strictObject({
  home: z.string().min(1).optional(),
  'http-port': z.coerce.number().int().min(0).max(65_535).optional(),
  'no-http': z.boolean().optional(),
})

export type ArgvValues = z.input<typeof Argv>

/** Environment names that we read; nothing else of the environment is looked at. */
type Env = Readonly<Partial<Record<string, string>>>

/** Builds the configuration. Throws an `Error` whose message names the option and the remedy. */
export function readConfig(argv: ArgvValues, env: Env): Config {
  const parsed = Argv.safeParse(argv)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new Error(`--${issue?.path.join('.') || 'option'}: ${issue?.message ?? 'not understood'}`)
  }
  const given = parsed.data
  return Object.freeze({
    paths: statePaths(given.home ?? env.SIGNALBOX_HOME, env),
    httpPort: given['no-http'] ? null : (given['http-port'] ?? 0),
    checksOutput: env.SIGNALBOX_CHECK_OUTPUT === '1',
    echoesLog: env.SIGNALBOX_LOG === 'echo',
    scriptPace: readPace(env.SIGNALBOX_SCRIPT_PACE),
  })
}

function readPace(text: string | undefined): number {
  if (text === undefined || text === '') return 1
  const pace = Number(text)
  if (Number.isFinite(pace) && pace >= 0 && pace <= 10) return pace
  throw new Error('SIGNALBOX_SCRIPT_PACE: expected a number from 0 to 10')
}

/** The places of one state directory. Throws when the socket path would be too long, naming the remedy. */
export function statePaths(homeOption: string | undefined, env: Env): StatePaths {
  const home = resolve(homeOption ?? join(homedir(), '.signalbox'))
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 10)
  const base =
    env.XDG_RUNTIME_DIR && isAbsolute(env.XDG_RUNTIME_DIR)
      ? join(env.XDG_RUNTIME_DIR, 'signalbox')
      : join(tmpdir(), `signalbox-${process.getuid?.() ?? userInfo().username}`)
  const runtime = join(base, hash)
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\signalbox-${hash}` : join(runtime, 'door')
  if (Buffer.byteLength(socket) > maxSocketPathBytes) {
    throw new Error(
      `The socket path ${socket} is longer than ${maxSocketPathBytes} bytes. Set XDG_RUNTIME_DIR to a shorter folder.`,
    )
  }
  return {
    home,
    database: join(home, 'signalbox.db'),
    token: join(home, 'token'),
    lock: join(home, 'daemon.lock'),
    log: join(home, 'logs'),
    secrets: join(home, 'secrets'),
    runtime,
    socket,
  }
}
