import { type BrowserWindow, type IpcMainEvent, MessageChannelMain } from 'electron'
import { askPort, givePort } from './addresses.ts'
import { toWindowPort, type WindowPort } from './window-port.ts'

/** What is done with the main side's end of a new port; the page holds the other end. */
export type ServePort = (port: WindowPort) => void

/**
 * Gives the page of `window` a message port each time it asks (again after a reload), and hands the other end to
 * `serve`. Only the window's own top frame, on `origin`, is answered: a frame inside the page or a foreign page gets
 * nothing. The port before is closed first, so that its subscriptions end. The page waits for its port until `ready`; a
 * later question takes the place of an earlier one.
 */
export function handOverPorts(
  window: BrowserWindow,
  origin: string,
  serve: ServePort,
  ready: () => Promise<void> = () => Promise.resolve(),
): void {
  let current: WindowPort | undefined
  let asked = 0
  const close = (): void => {
    current?.close()
    current = undefined
  }
  const hand = (): void => {
    const { port1, port2 } = new MessageChannelMain()
    current = toWindowPort(port1)
    serve(current)
    window.webContents.postMessage(givePort, null, [port2])
  }
  window.webContents.ipc.on(askPort, (event) => {
    if (!isOwnTopFrame(window, event, origin)) return
    close()
    asked += 1
    const turn = asked
    void ready().then(() => {
      if (turn === asked && !window.isDestroyed()) hand()
    })
  })
  window.on('closed', close)
}

function isOwnTopFrame(window: BrowserWindow, event: IpcMainEvent, origin: string): boolean {
  const frame = event.senderFrame
  return frame !== null && frame === window.webContents.mainFrame && originOf(frame.url) === origin
}

/** `URL.origin` is the string "null" for schemes that it does not know, so it is put together here. */
function originOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined
  const { protocol, host } = new URL(address)
  return `${protocol}//${host}`
}
