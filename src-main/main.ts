import { resolve } from 'node:path'
import { app, session } from 'electron'
import { announcePageScheme } from './shell/page-protocol.ts'
import { openConsoleWindow, servePageFiles } from './shell/window.ts'

const outFolder = resolve(import.meta.dirname, '..')
const developmentUrl = process.env.ELECTRON_RENDERER_URL

// Electron becomes ready only after this module has been evaluated: awaiting it at the top level would wait for ever.
async function openConsole(): Promise<void> {
  await app.whenReady()
  servePageFiles(session.defaultSession, outFolder)
  await openConsoleWindow({
    outFolder,
    serve: (port) => port.start(),
    ...(developmentUrl ? { developmentUrl } : {}),
  })
}

announcePageScheme()
app.on('window-all-closed', () => app.quit())
openConsole().catch((error: unknown) => {
  console.error(error)
  app.exit(1)
})
