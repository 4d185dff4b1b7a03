import { app, dialog } from 'electron'
import { type ErrorCode, SignalboxError } from '../contract/errors.ts'

const words: Readonly<Partial<Record<ErrorCode, string>>> = {
  database_newer:
    'The state directory was written by a newer version of Signalbox. It was left as it is. Start the newer version.',
  database_unreadable:
    'The database of Signalbox can\u2019t be read. It was left as it is. Put a backup in its place, or start with another folder (--home).',
  path_not_writable: 'The state directory can\u2019t be used.',
  disk_full: 'There is no space left where Signalbox keeps its state. Free some and start again.',
}

/** Tells why the application can't start, in a window where there is a display and on stderr, and ends it. */
export function showFatal(error: unknown): void {
  const isKnown = error instanceof SignalboxError
  const code: ErrorCode | undefined = isKnown ? error.code : undefined
  const text = (code && words[code]) ?? (error instanceof Error ? error.message : String(error))
  const detail = isKnown ? Object.values(error.data).map(String).join('\n') : ''
  console.error(`Signalbox could not start: ${text} ${detail}`.trim())
  if (!isKnown) console.error(error)
  if (app.isReady() && !process.env.CI)
    dialog.showErrorBox('Signalbox could not start', `${text}\n\n${detail}`.trim())
  app.exit(1)
}
