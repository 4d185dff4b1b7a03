import { parentPort } from 'node:worker_threads'
import { renounce } from './guest-thread.ts'
import { startGuestThread } from './thread-guest.ts'

/**
 * A thread as a guest's, with code in its own realm: what somebody would find who got out of the context. Tells for each
 * attempt what came of it. As a program of its own it starts that thread, as a guest's does.
 */
const { process } = globalThis
const file = new URL('holed.txt', import.meta.url).pathname

const attempts: Readonly<Record<string, () => unknown>> = {
  'a report written to a file': () => process.report.writeReport(file),
  'a file read as an environment': () => process.loadEnvFile('/etc/os-release'),
  'a signal': () => process.kill(process.ppid, 0),
  'a raw signal': () => (Reflect.get(process, '_kill') as (pid: number, signal: number) => number)(1, 0),
  'a debugger in another process': () => (Reflect.get(process, '_debugProcess') as (pid: number) => void)(1),
  'another program': () => (Reflect.get(process, 'execve') as (file: string) => void)('/bin/true'),
  'a native module': () => process.dlopen({ exports: {} }, '/lib/none.node'),
  'an internal binding': () => (Reflect.get(process, 'binding') as (name: string) => unknown)('fs'),
  'a built-in module': () => process.getBuiltinModule('node:fs'),
  'the main module': () => (Reflect.get(process, 'mainModule') as { require: unknown }).require,
  'the raw standard error': () => (Reflect.get(process, '_rawDebug') as (text: string) => void)('x'),
  'the open handles': () => (Reflect.get(process, '_getActiveHandles') as () => unknown)(),
  'another folder': () => process.chdir('/'),
}

async function lookAround(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      found[name] = `done: ${String(attempt())}`
    } catch (error) {
      found[name] = error instanceof TypeError ? 'nothing there' : String(error)
    }
  }
  for (const module of ['node:fs', 'fs', './calls.ts', 'data:text/javascript,export default 1'])
    found[`import ${module}`] = await import(/* @vite-ignore */ module).then(
      () => 'done',
      (error: Error) => error.message,
    )
  const there = Reflect.ownKeys(globalThis).filter((key) => Reflect.get(globalThis, key) !== undefined)
  found.globals = there.map(String).sort().join(' ')
  found.environment = Object.keys(process.env).join()
  found.flags = process.execArgv.join(' ')
  found.arguments = process.argv.slice(2).join(' ')
  return found
}

if (parentPort) {
  const port = parentPort
  renounce()
  void lookAround().then((found) => port.postMessage(found))
} else {
  const worker = startGuestThread(new URL(import.meta.url), 64)
  worker.on('message', (found) => process.stdout.write(`${JSON.stringify(found)}\n`))
}
