import { join } from 'node:path'
import { type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import { electronInUse } from './tools/get-electron.mjs'

/** One sandboxed window with a static page; same Electron, same flags. */
export function bareWindow(): Promise<WatchedWindow> {
  return watchWindow(electronInUse()?.program ?? 'electron', [
    join(import.meta.dirname, 'fixtures/bare-window'),
  ])
}

export const bareWindowName = 'bare window'
