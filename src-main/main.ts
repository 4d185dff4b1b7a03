import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { app, type BrowserWindow, session } from 'electron'
import { hashOfArguments } from './shell/addresses.ts'
import { claimApplication, claimLinks, setApplicationMenu } from './shell/application.ts'
import { announcePageScheme } from './shell/page-protocol.ts'
import { openConsoleWindow, servePageFiles, showConsoleWindow } from './shell/window.ts'

const outFolder = resolve(import.meta.dirname, '..')
const home = process.env.SIGNALBOX_HOME ?? join(homedir(), '.signalbox')
// A packaged program shows its own page only, whatever its environment says.
const developmentUrl = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL

// Electron becomes ready only after this module has been evaluated: awaiting it at the top level would wait for ever.
async function openConsole(hash: string | undefined): Promise<BrowserWindow> {
  await app.whenReady()
  servePageFiles(session.defaultSession, outFolder)
  setApplicationMenu()
  claimLinks()
  return await openConsoleWindow({
    outFolder,
    serve: (port) => port.onMessage(() => undefined),
    ...(developmentUrl ? { developmentUrl } : {}),
    ...(hash ? { hash } : {}),
  })
}

function fail(error: unknown): void {
  console.error(error)
  app.exit(1)
}

function start(): void {
  let opening: Promise<BrowserWindow> | undefined
  const isFirst = claimApplication(home, (hash) => {
    const shown = opening?.then((window) => showConsoleWindow(window, hash))
    shown?.catch((error: unknown) => console.error('the console could not be brought to the front', error))
  })
  if (!isFirst) {
    app.quit()
    return
  }
  announcePageScheme()
  app.on('window-all-closed', () => app.quit())
  opening = openConsole(hashOfArguments(process.argv))
  opening.catch(fail)
}

start()
