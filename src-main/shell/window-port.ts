import type { MessagePortMain } from 'electron'

/** One end of the page's channel in the shape that the wire wants; the other end is in the page. */
export interface WindowPort {
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  onClose(listener: () => void): void
  close(): void
}

/** Wraps Electron's port. Messages wait in it until the first listener is there. */
export function toWindowPort(port: MessagePortMain): WindowPort {
  return {
    post: (message) => port.postMessage(message),
    onMessage(listener) {
      port.on('message', (event) => listener(event.data))
      port.start()
    },
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  }
}
