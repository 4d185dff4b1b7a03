import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { app, type BrowserWindow, screen } from 'electron'
import { type Bounds, fitToDisplays, parseWindowState, type WindowState } from './window-bounds.ts'

const firstBounds: Bounds = { x: -1, y: -1, width: 1440, height: 900 }

const stateFile = (): string => join(app.getPath('userData'), 'window-state.json')

/** The place of the next window: where the last one was as far as the displays of now show it, else the first size. */
export function readWindowState(): { readonly bounds: Partial<Bounds>; readonly isMaximized: boolean } {
  const saved = readSaved()
  const displays = screen.getAllDisplays().map((display) => display.workArea)
  return {
    bounds: fitToDisplays(saved?.bounds ?? firstBounds, displays),
    isMaximized: saved?.isMaximized ?? false,
  }
}

function readSaved(): WindowState | undefined {
  try {
    return parseWindowState(readFileSync(stateFile(), 'utf8'))
  } catch {
    return undefined
  }
}

/** Keeps the window's place, written whole, half a second after it last moved and when it closes. */
export function keepWindowState(window: BrowserWindow): void {
  let timer: NodeJS.Timeout | undefined
  const save = (): void => {
    clearTimeout(timer)
    if (window.isDestroyed() || window.isMinimized()) return
    const state: WindowState = { bounds: window.getNormalBounds(), isMaximized: window.isMaximized() }
    try {
      writeFileSync(`${stateFile()}.new`, JSON.stringify(state), { mode: 0o600 })
      renameSync(`${stateFile()}.new`, stateFile())
    } catch {
      // The place of a window is not worth an error.
    }
  }
  const later = (): void => {
    clearTimeout(timer)
    timer = setTimeout(save, 500)
  }
  window.on('resize', later)
  window.on('move', later)
  window.on('close', save)
}
