import { registerHooks } from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import { createGuest } from './guest-host.ts'

/** Serves one guest on a worker thread. */
export function serveGuestThread(port: MessagePort): void {
  renounce()
  const guest = createGuest({
    post: (text) => port.postMessage(text),
    afterMicrotasks: (then) => {
      setImmediate(then)
    },
  })
  port.on('message', (text: string) => guest.take(text))
  port.postMessage('r')
}

/**
 * What the thread itself gives up before it meets the guest. The context is the wall; this is for the day on which it has
 * a hole: no module loads any more, and the ways of `process` to native code are gone.
 */
export function renounce(): void {
  // A guest's rejection or error is its own affair; printing it would call into it with objects of this realm.
  process.on('unhandledRejection', () => undefined)
  process.on('uncaughtException', () => undefined)
  registerHooks({
    resolve() {
      throw new Error('no modules in a sandbox')
    },
  })
  const powers = [
    'binding',
    '_linkedBinding',
    'electronBinding',
    'dlopen',
    'getBuiltinModule',
    'mainModule',
    'kill',
  ]
  for (const name of powers) Reflect.defineProperty(process, name, { value: undefined, configurable: false })
}
