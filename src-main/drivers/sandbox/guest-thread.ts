import { registerHooks } from 'node:module'
import vm from 'node:vm'
import type { MessagePort } from 'node:worker_threads'
import { createGuest } from './guest-host.ts'

/**
 * What Node itself still asks of `process` once a thread runs: its queues, its events, its way to end, and where it is.
 * Everything else is a power, down to reports that write files and settings that read them (both tried on Node 24.15: the
 * permission model lets them pass).
 */
const KEPT: ReadonlySet<PropertyKey> = new Set([
  ...[
    'nextTick',
    '_tickCallback',
    'emitWarning',
    '_fatalException',
    '_events',
    '_eventsCount',
    '_maxListeners',
  ],
  ...[
    'stdin',
    'stdout',
    'stderr',
    'exit',
    'reallyExit',
    'exitCode',
    '_exiting',
    'domain',
    'hasUncaughtExceptionCaptureCallback',
  ],
  ...['version', 'versions', 'arch', 'platform', 'release', 'features', 'config', 'env', 'argv', 'execArgv'],
])

/** Serves one guest on a worker thread. */
export function serveGuestThread(port: MessagePort): void {
  const { setImmediate } = globalThis
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
 * a hole: no module loads any more, and neither `process` nor the global object leads to files, processes or the network.
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
  // Deleted, not overwritten: that would first load what some names stand for.
  for (const key of Reflect.ownKeys(process)) if (!KEPT.has(key)) Reflect.deleteProperty(process, key)
  const bare = new Set(vm.runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[])
  bare.delete('WebAssembly')
  bare.delete('console')
  for (const key of Reflect.ownKeys(globalThis))
    if (!bare.has(String(key))) Reflect.deleteProperty(globalThis, key)
}
