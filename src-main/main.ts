import { resolve } from 'node:path'
import { app, session } from 'electron'
import { announcePageScheme } from './shell/page-protocol.ts'
import { openConsoleWindow, servePageFiles } from './shell/window.ts'

const outFolder = resolve(import.meta.dirname, '..')
const developmentUrl = process.env.ELECTRON_RENDERER_URL

announcePageScheme()
await app.whenReady()
servePageFiles(session.defaultSession, outFolder)
await openConsoleWindow({
  outFolder,
  serve: (port) => port.start(),
  ...(developmentUrl ? { developmentUrl } : {}),
})
app.on('window-all-closed', () => app.quit())
