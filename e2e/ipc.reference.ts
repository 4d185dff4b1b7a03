import { join } from 'node:path'
import { type WatchedWindow, watchWindow } from './fixtures/watched-window.ts'
import { electronInUse } from './tools/get-electron.mjs'

/** One sandboxed window that calls `ipcRenderer.invoke`; same Electron, same flags, same question and answer. */
export function rawWindow(): Promise<WatchedWindow> {
  return watchWindow(electronInUse()?.program ?? 'electron', [
    join(import.meta.dirname, 'fixtures/raw-window'),
  ])
}

export const rawWindowName = 'raw ipcRenderer.invoke'
