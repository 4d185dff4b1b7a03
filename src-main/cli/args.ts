import { type ParseArgsConfig, parseArgs } from 'node:util'

/** A mistake in how a command was written; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Exit codes that scripts can rely on. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  stopped: 3,
  unreachable: 4,
  overBudget: 5,
  needsPerson: 6,
} as const

export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  readonly words: readonly string[]
}

/** Splits arguments by a table of options; unknown options are usage errors that name the option. */
export function readArgs(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    })
    const plain: Record<string, string | boolean | readonly string[] | undefined> = {}
    for (const [name, value] of Object.entries(values)) {
      plain[name] = Array.isArray(value) ? value.map(String) : value
    }
    return { values: plain, words: positionals }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0] : String(error))
  }
}

export function text(parsed: Parsed, name: string): string | undefined {
  const value = parsed.values[name]
  return typeof value === 'string' ? value : undefined
}

export const flag = (parsed: Parsed, name: string): boolean => parsed.values[name] === true

export function list(parsed: Parsed, name: string): readonly string[] {
  const value = parsed.values[name]
  return Array.isArray(value) ? value : []
}

/** `1.50` dollars → nano-dollars. */
export function readUsd(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const match = /^\$?(\d{1,7})(?:\.(\d{1,9}))?$/.exec(value)
  if (!match) throw new UsageError(`--usd: expected dollars such as 1.50, got "${value}"`)
  return Number(match[1]) * 1_000_000_000 + Number((match[2] ?? '').padEnd(9, '0'))
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** `90s`, `45m`, `2h` → milliseconds. */
export function readDuration(value: string | undefined, name = 'time'): number | undefined {
  if (value === undefined) return undefined
  const match = /^(\d{1,6})([smh])$/.exec(value)
  if (!match) throw new UsageError(`--${name}: expected a duration such as 90s, 45m or 2h, got "${value}"`)
  return Number(match[1]) * (units[match[2] ?? 's'] ?? 1000)
}

/** `600k`, `2m`, `1500` → a count. */
export function readCount(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const match = /^(\d{1,9})([km]?)$/i.exec(value)
  if (!match) throw new UsageError(`--${name}: expected a number such as 200 or 600k, got "${value}"`)
  const factor = { '': 1, k: 1000, m: 1_000_000 }[(match[2] ?? '').toLowerCase()] ?? 1
  return Number(match[1]) * factor
}
