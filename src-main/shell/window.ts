import { join } from 'node:path'
import { app, BrowserWindow, type Session, shell } from 'electron'
import { hasRail, isOpenableUrl, pageOrigin } from './addresses.ts'
import { readFirstLook } from './first-look.ts'
import { servePage } from './page-protocol.ts'
import { handOverPorts, type ServePort } from './port-handover.ts'
import { keepWindowState, readWindowState } from './window-state.ts'

/** What a window needs to know. `outFolder` is the folder of the built bundles, `out`. */
export interface WindowOptions {
  readonly outFolder: string
  readonly serve: ServePort
  /** Resolves when there is somebody to serve it; without it, at once. */
  readonly ready?: () => Promise<void>
  /** Address of the development server; without it the built page is shown. */
  readonly developmentUrl?: string
  /** Address within the page, `#/session/…`; without it the page's first screen. */
  readonly hash?: string
  /** Called when the first frame has been drawn and the window is shown. */
  readonly onShown?: () => void
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
  const place = readWindowState()
  const window = new BrowserWindow({
    ...place.bounds,
    minWidth: 640,
    minHeight: 480,
    show: false,
    title: 'Signalbox',
    backgroundColor: readFirstLook().background,
    webPreferences: {
      preload: join(options.outFolder, 'preload/index.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  window.once('ready-to-show', () => {
    // Maximising shows the window too, so it waits for the first frame.
    if (place.isMaximized) window.maximize()
    else window.show()
    options.onShown?.()
  })
  keepWindowState(window)
  refuseWandering(window)
  refusePermissions(window.webContents.session)
  const origin = options.developmentUrl ? new URL(options.developmentUrl).origin : pageOrigin
  handOverPorts(window, origin, options.serve, options.ready)
  await window.loadURL(pageAddress(options))
  return window
}

function pageAddress(options: WindowOptions): string {
  const sandbox = isWindowSandboxed() ? 'on' : 'off'
  const base = options.developmentUrl ?? `${pageOrigin}/index.html`
  const rail = options.hash === undefined || hasRail(options.hash) ? 'on' : 'off'
  return `${base}?sandbox=${sandbox}&${railParameter}=${rail}${options.hash ?? ''}`
}

/** Tells the answering side whether the address, whose fragment it does not get, shows the list of places. */
const railParameter = 'rail'

/** Brings the window to the front, and to an address within its page when one is given. */
export async function showConsoleWindow(window: BrowserWindow, hash?: string): Promise<void> {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
  if (hash === undefined) return
  // The same document with another fragment: nothing is loaded again.
  const url = new URL(window.webContents.getURL())
  url.hash = hash
  await window.loadURL(url.href)
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

/** Lets a session serve the built page. Call once, when the application is ready. */
export function servePageFiles(session: Session, outFolder: string): void {
  servePage(session, join(outFolder, 'renderer'), (address) => {
    const rail = address.searchParams.get(railParameter) === 'off' ? 'off' : 'on'
    return `data-rail="${rail}" ${readFirstLook().attributes}`
  })
}
