import { join } from 'node:path'
import { app, Menu } from 'electron'
import { hashOfArguments } from './addresses.ts'

/**
 * Makes this the one application of its state directory: the window's own files go below it, and with them the lock, so
 * that two state directories can be open side by side. Returns false when another one runs already; that one then gets
 * our arguments. Call before the application is ready.
 */
export function claimApplication(home: string, onSecond: (hash: string | undefined) => void): boolean {
  if (!app.commandLine.hasSwitch('user-data-dir')) app.setPath('userData', join(home, 'window'))
  if (!app.requestSingleInstanceLock()) return false
  app.on('second-instance', (_event, args) => onSecond(hashOfArguments(args)))
  // macOS hands links over as an event instead of an argument.
  app.on('open-url', (event, link) => {
    event.preventDefault()
    onSecond(hashOfArguments([link]))
  })
  return true
}

/** Registers `signalbox:` links for a packaged application; a clone has no desktop file to point at. */
export function claimLinks(): void {
  if (app.isPackaged) app.setAsDefaultProtocolClient('signalbox')
}

/** The application's menu: on macOS the usual one, elsewhere none; there the page has its own keys. */
export function setApplicationMenu(): void {
  if (process.platform !== 'darwin') {
    Menu.setApplicationMenu(null)
    return
  }
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]),
  )
}
