import type { Port } from '@wire/port.ts'
import { type Connection, createConnection } from './connection.ts'

const ask = 'signalbox:ask-port'
const give = 'signalbox:port'
const patienceMs = 5000

/** Makes the page's connection to main: the preload is asked for a port and hands it over in a message. */
export function connectToMain(page: Window): Connection {
  return createConnection({
    askPort: () => askPort(page),
    newId: () => crypto.randomUUID(),
    nowMs: () => Date.now(),
    setTimer(fn, ms) {
      const timer = setTimeout(fn, ms)
      return () => clearTimeout(timer)
    },
  })
}

function askPort(page: Window): Promise<Port> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      page.removeEventListener('message', take)
    }
    const take = (event: MessageEvent) => {
      const port = event.ports[0]
      if (event.source !== page || event.data !== give || !port) return
      stop()
      resolve(portOf(port))
    }
    const timer = setTimeout(() => {
      stop()
      reject(new Error('no port was handed over'))
    }, patienceMs)
    page.addEventListener('message', take)
    page.postMessage(ask, page.location.origin)
  })
}

/** A DOM port in the shape that the wire uses. Its `close` event only tells of the other side, so ours is told here. */
function portOf(port: MessagePort): Port {
  const closers: (() => void)[] = []
  let isOpen = true
  const end = () => {
    if (!isOpen) return
    isOpen = false
    for (const closer of closers) closer()
  }
  port.addEventListener('close', end)
  return {
    post: (message) => port.postMessage(message),
    onMessage(listener) {
      port.addEventListener('message', (event) => listener(event.data))
      port.start()
    },
    onClose: (listener) => void closers.push(listener),
    close() {
      port.close()
      end()
    },
  }
}
