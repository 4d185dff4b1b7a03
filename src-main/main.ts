import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { app, BrowserWindow, session } from 'electron'
import { collectGarbage } from './adapters/this-machine/collect-garbage.ts'
import { keepPausesShort } from './adapters/this-machine/short-pauses.ts'
import type { attach } from './compose/doors.ts'
import type { House } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { SignalboxError } from './contract/errors.ts'
import type { Condition } from './contract/fleet.ts'
import type { SignalboxContract } from './contract/index.ts'
import type { Actor } from './contract/procedure.ts'
import { hashOfArguments, homeOfArguments } from './shell/addresses.ts'
import { claimApplication, claimLinks, setApplicationMenu } from './shell/application.ts'
import { type Attachment, watchDaemon } from './shell/attachment.ts'
import { followDesktop } from './shell/desktop.ts'
import { showFatal } from './shell/fatal.ts'
import { keepLook } from './shell/first-look.ts'
import { chooseFolder } from './shell/folder-dialog.ts'
import { createKeychainSecrets } from './shell/keychain-secrets.ts'
import { createNotices } from './shell/notices.ts'
import { announcePageScheme } from './shell/page-protocol.ts'
import { createRest } from './shell/rest.ts'
import { createTray } from './shell/tray.ts'
import { isWindowSandboxed, openConsoleWindow, servePageFiles, showConsoleWindow } from './shell/window.ts'
import { memoryPorts, type Port } from './wire/port.ts'
import type { PortClient } from './wire/port-client.ts'
import { servePort } from './wire/port-server.ts'
import type { Router } from './wire/router.ts'

const outFolder = resolve(import.meta.dirname, '..')
// A packaged program shows its own page only, whatever its environment says.
const developmentUrl = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL

const log = (message: string, error: unknown) => console.error(message, error)

/** `house` where it is ours; `client` where it is that of a daemon which may go and come. */
interface Entered {
  readonly router: Router
  /** Who sits at the window. */
  readonly operator: Actor
  /** A client of our own at the other end of a port that is served. */
  readonly connect: (port: Port) => PortClient<SignalboxContract>
  readonly house?: House
  readonly client?: ReturnType<typeof attach>['client']
}

/** The house of this process, or the door of the daemon that owns the state directory already. */
async function enter(config: Config): Promise<Entered> {
  // Most of the program, loaded here: loading holds the thread.
  const [{ attach, operator }, { contract }, { createPortClient }] = await Promise.all([
    import('./compose/doors.ts'),
    import('./contract/index.ts'),
    import('./wire/port-client.ts'),
  ])
  const desk = {
    operator,
    connect: (port: Port) => createPortClient(contract, port, { newId: () => crypto.randomUUID() }),
  }
  try {
    const { compose } = await import('./compose.ts')
    const house = await compose(config, {
      sealSecrets: createKeychainSecrets,
      conditions: windowConditions,
      version: app.getVersion(),
    })
    await house.listen()
    return { ...desk, router: house.router, house }
  } catch (error) {
    if (!(error instanceof SignalboxError && error.code === 'already_running')) throw error
    return { ...desk, ...attach(config) }
  }
}

const startedMs = Date.now()

function windowConditions(): readonly Condition[] {
  if (isWindowSandboxed()) return []
  const text = 'window not sandboxed: running as root'
  return [
    {
      kind: 'window-not-sandboxed',
      tone: 'caution',
      text,
      remedy: 'Start Signalbox as an ordinary user.',
      sinceMs: startedMs,
    },
  ]
}

/** What the window answers itself, whichever daemon it looks at. */
function withDialogs(router: Router): Router {
  return {
    ...router,
    call: async (path, input, options) =>
      path === 'project.chooseFolder' ? { path: await chooseFolder() } : router.call(path, input, options),
  }
}

/** Serves ports until it is closed; then every call and subscription on them has ended. */
interface Switchboard {
  serve(entered: Pick<Entered, 'router' | 'operator'>, port: Port): void
  close(): void
}

function createSwitchboard(): Switchboard {
  const open = new Set<{ close(): void }>()
  return {
    serve({ router, operator }, port) {
      const serving = servePort(port, router, {
        actor: operator,
        nextTurn: () => new Promise((done) => setImmediate(done)),
        setTimer: (fn, ms) => void setTimeout(fn, ms),
      })
      open.add(serving)
      port.onClose(() => open.delete(serving))
    },
    close() {
      for (const serving of open) serving.close()
    },
  }
}

/** The whole application: the window opens first, then the house is put up, for which the window's calls wait. */
async function run(config: Config, hash: string | undefined): Promise<(hash?: string) => void> {
  await app.whenReady()
  servePageFiles(session.defaultSession, outFolder)
  setApplicationMenu()
  claimLinks()
  const shown = Promise.withResolvers<void>()
  const isClear = Promise.race([shown.promise.then(() => delay(frameMs)), delay(pagePatienceMs)])
  const entered = isClear.then(() => enter(config))
  const board = createSwitchboard()
  let attachment: Attachment | undefined
  const show = createShow({
    board,
    entered: entered.then((found) => ({ ...found, router: withDialogs(found.router) })),
    ready: () => attachment?.ready() ?? Promise.resolve(),
    onShown: shown.resolve,
  })
  await Promise.all([entered, show(hash)])
  const inside = await entered
  const { house, client } = inside
  const showLater = (to?: string) =>
    void show(to).catch((error: unknown) => log('the console could not be shown', error))
  let endDesktop = nothing
  const onThere = () => {
    endDesktop = startDesktop(board, inside, showLater)
  }
  const onGone = () => {
    endDesktop()
    endDesktop = nothing
    board.close()
  }
  if (client) attachment = watchDaemon({ client, onThere, onGone, pause: (ms) => delay(ms) })
  else onThere()
  closeOrderly(house, () => {
    attachment?.close()
    onGone()
  })
  return showLater
}

const nothing = () => {}

/** Putting up the house holds the thread, and with it the window's first frame, which needs so long to the screen. */
const frameMs = 40

/** The house is put up after this long even where the page never comes. */
const pagePatienceMs = 1000

interface ShowParts {
  readonly board: Switchboard
  readonly entered: Promise<Entered>
  readonly ready: () => Promise<void>
  readonly onShown: () => void
}

/** Shows the one window: brings it to the front, or opens it anew when it was closed. */
function createShow({ board, entered, ready, onShown }: ShowParts): (hash?: string) => Promise<void> {
  let window: Promise<BrowserWindow> | undefined
  return async (hash) => {
    const open = await window?.catch(() => undefined)
    if (open && !open.isDestroyed()) return showConsoleWindow(open, hash)
    window = openConsoleWindow({
      outFolder,
      serve: (port) => void entered.then((found) => board.serve(found, port)).catch(() => port.close()),
      ready,
      onShown,
      ...(developmentUrl ? { developmentUrl } : {}),
      ...(hash ? { hash } : {}),
    })
    await window
  }
}

/** Tray and notices, as clients of the same contract as the window. Returns how to end them. */
function startDesktop(board: Switchboard, entered: Entered, show: (hash?: string) => void): () => void {
  const [ours, theirs] = memoryPorts()
  board.serve(entered, theirs)
  const { client, close } = entered.connect(ours)
  const controller = new AbortController()
  const report = (done: Promise<unknown>) =>
    void done.catch((error: unknown) => log('the tray could not do that', error))
  const tray = createTray(iconFolder(), (action) => {
    if (action === 'open') show()
    else if (action === 'quit') app.quit()
    else report(client.fleet[action]({}))
  })
  const notices = createNotices(show, () => undefined)
  const rest = createRest({
    isIdle: async () => {
      const { slots, queued } = await client.fleet.overview({})
      return slots.used === 0 && queued === 0
    },
    rest: collectGarbage,
    quietMs,
    log,
  })
  // A closed window leaves what served it behind.
  app.on('window-all-closed', rest.touch)
  followDesktop({ client, tray, notices, keepLook, touch: rest.touch, log }, controller.signal).catch(
    (error: unknown) => {
      if (!controller.signal.aborted) log('tray and notices stopped', error)
    },
  )
  return () => {
    controller.abort()
    app.off('window-all-closed', rest.touch)
    rest.close()
    close()
    notices.close()
    tray.close()
  }
}

/** So long nothing happens before what the start and the last sessions left is put away. */
const quietMs = 15_000

function iconFolder(): string {
  return app.isPackaged ? join(process.resourcesPath, 'icons') : join(outFolder, '../resources')
}

/** Closing the window leaves the tray; quitting ends the house first, in order. */
function closeOrderly(house: House | undefined, endClients: () => void): void {
  let isClosed = false
  app.on('window-all-closed', () => {
    // Stays in the tray: sessions go on.
    if (!house) app.quit()
  })
  app.on('before-quit', (event) => {
    if (isClosed) return
    event.preventDefault()
    isClosed = true
    // Windows go at once and keep their place; what is behind them ends in order.
    for (const window of BrowserWindow.getAllWindows()) window.close()
    endClients()
    const closing = house?.close() ?? Promise.resolve()
    closing.catch((error: unknown) => log('closing was not orderly', error)).finally(() => app.exit(0))
  })
}

function start(): void {
  keepPausesShort()
  let config: Config
  try {
    const home = homeOfArguments(process.argv)
    config = readConfig(home === undefined ? {} : { home }, process.env)
  } catch (error) {
    showFatal(error)
    return
  }
  let running: Promise<(hash?: string) => void> | undefined
  const isFirst = claimApplication(config.paths.home, (hash) => void running?.then((show) => show(hash)))
  if (!isFirst) {
    app.quit()
    return
  }
  announcePageScheme()
  running = run(config, hashOfArguments(process.argv))
  running.catch((error: unknown) => showFatal(error))
}

start()
