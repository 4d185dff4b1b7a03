import { join } from 'node:path'
import { app, BrowserWindow, type Session, shell } from 'electron'
import { isOpenableUrl, pageOrigin } from './addresses.ts'
import { servePage } from './page-protocol.ts'
import { handOverPorts, type ServePort } from './port-handover.ts'

/** What a window needs to know. `outFolder` is the folder of the built bundles, `out`. */
export interface WindowOptions {
  readonly outFolder: string
  readonly serve: ServePort
  /** Address of the development server; without it the built page is shown. */
  readonly developmentUrl?: string
}

/** False when Chromium's sandbox was switched off for the whole program, as the launcher must do for root. */
export function isWindowSandboxed(): boolean {
  return !app.commandLine.hasSwitch('no-sandbox')
}

/** Opens an address in the system's browser. Anything but a plain https address is refused and returns false. */
export async function openUrl(address: string): Promise<boolean> {
  if (!isOpenableUrl(address)) return false
  await shell.openExternal(address)
  return true
}

/** Creates the console's window: hidden until its first frame is painted, sandboxed, and able to go nowhere else. */
export async function openConsoleWindow(options: WindowOptions): Promise<BrowserWindow> {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 900,
    minHeight: 600,
    show: false,
    title: 'Signalbox',
    webPreferences: {
      preload: join(options.outFolder, 'preload/index.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  window.once('ready-to-show', () => window.show())
  refuseWandering(window)
  refusePermissions(window.webContents.session)
  const origin = options.developmentUrl ? new URL(options.developmentUrl).origin : pageOrigin
  handOverPorts(window, origin, options.serve)
  await window.loadURL(pageAddress(options))
  return window
}

function pageAddress(options: WindowOptions): string {
  const sandbox = isWindowSandboxed() ? 'on' : 'off'
  const base = options.developmentUrl ?? `${pageOrigin}/index.html`
  return `${base}?sandbox=${sandbox}`
}

/** The page stays where it is; a link that a person clicks opens in the system's browser instead. */
function refuseWandering(window: BrowserWindow): void {
  const { webContents } = window
  webContents.on('will-navigate', (event) => event.preventDefault())
  webContents.on('will-frame-navigate', (event) => event.preventDefault())
  webContents.on('will-redirect', (event) => event.preventDefault())
  webContents.on('will-attach-webview', (event) => event.preventDefault())
  webContents.setWindowOpenHandler(({ url }) => {
    openUrl(url).catch((error: unknown) => console.error('the system browser did not open', error))
    return { action: 'deny' }
  })
}

/** Camera, location, clipboard reading and the like: the console needs none of them. Writing to the clipboard stays. */
function refusePermissions(session: Session): void {
  const isAllowed = (permission: string): boolean => permission === 'clipboard-sanitized-write'
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(isAllowed(permission)))
  session.setPermissionCheckHandler((_contents, permission) => isAllowed(permission))
}

/** Lets the default session serve the built page. Call once, when the application is ready. */
export function servePageFiles(session: Session, outFolder: string): void {
  servePage(session, join(outFolder, 'renderer'))
}
