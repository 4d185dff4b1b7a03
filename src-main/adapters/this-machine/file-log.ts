import { appendFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../ports/clock.ts'
import { ensurePrivateFolder } from './state-directory.ts'

const maxBytes = 4 * 1024 * 1024

/**
 * Writes one JSON object per line to `<folder>/signalbox.log`, which is turned over once at 4 MiB. `mask` takes known
 * secrets out first. A log that can't be written is dropped: it must never stop the daemon.
 */
export function createFileLog(
  folder: string,
  options: { readonly mask: (text: string) => string; readonly echo: boolean },
): Log {
  ensurePrivateFolder(folder)
  const file = join(folder, 'signalbox.log')
  const write = (level: string, message: string, fields: Record<string, unknown> = {}) => {
    const line = options.mask(
      JSON.stringify({ at: new Date().toISOString(), level, message, ...plain(fields) }),
    )
    if (options.echo && level !== 'info') process.stderr.write(`${line}\n`)
    try {
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) renameSync(file, `${file}.1`)
      appendFileSync(file, `${line}\n`, { mode: 0o600 })
    } catch {
      // Nowhere left to say so; the next line tries again.
    }
  }
  return {
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }
}

/** Errors have no own enumerable fields: keep their text and stack. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error
      ? { message: value.message, stack: value.stack, cause: String(value.cause ?? '') }
      : value,
  ])
  return Object.fromEntries(entries) as Record<string, unknown>
}
