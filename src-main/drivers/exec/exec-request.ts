import { isAbsolute } from 'node:path'

const DEFAULT_TIMEOUT_MS = 60_000
const MAX_TIMEOUT_MS = 60 * 60_000
const DEFAULT_OUTPUT_BYTES = 2 ** 20
const MAX_OUTPUT_BYTES = 16 * 2 ** 20

/** A program to run to its end. */
export interface ExecRequest {
  readonly file: string
  readonly args: readonly string[]
  /** Absolute. */
  readonly cwd: string
  /** The whole environment; nothing of ours is added. Default is a PATH of the system's own programs. */
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string
  /** At most an hour; default a minute. */
  readonly timeoutMs: number
  /** Of standard output and error each; at most 16 MiB, default 1 MiB. */
  readonly maxOutputBytes: number
}

/** Checks a request, which comes from a process and may be anything. Throws TypeError. */
export function parseExecRequest(request: unknown, defaultCwd: string): ExecRequest {
  const given = (typeof request === 'object' && request !== null ? request : {}) as Record<string, unknown>
  const { file, args = [], cwd = defaultCwd, env = { PATH: '/usr/bin:/bin' }, stdin = '' } = given
  if (!isText(file) || file === '') throw new TypeError('file must name a program')
  if (!Array.isArray(args) || !args.every(isText)) throw new TypeError('args must be a list of texts')
  if (!isText(cwd) || !isAbsolute(cwd)) throw new TypeError('cwd must be an absolute path')
  if (typeof stdin !== 'string') throw new TypeError('stdin must be text')
  return {
    file,
    args,
    cwd,
    env: parseEnv(env),
    stdin,
    timeoutMs: parseBound(given.timeoutMs, 'timeoutMs', DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS),
    maxOutputBytes: parseBound(
      given.maxOutputBytes,
      'maxOutputBytes',
      DEFAULT_OUTPUT_BYTES,
      MAX_OUTPUT_BYTES,
    ),
  }
}

function parseEnv(env: unknown): Record<string, string> {
  if (typeof env !== 'object' || env === null) throw new TypeError('env must be an object of texts')
  const entries = Object.entries(env)
  for (const [name, value] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !isText(value))
      throw new TypeError('env must be an object of texts')
  }
  return Object.fromEntries(entries) as Record<string, string>
}

function parseBound(value: unknown, what: string, absent: number, most: number): number {
  if (value === undefined) return absent
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw new TypeError(`${what} must be a whole number of at least 1`)
  return Math.min(value, most)
}

/** The system cuts a text at a NUL, so that what runs would not be what was asked. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}
