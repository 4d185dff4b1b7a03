import { existsSync, rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { processGuests, startUnconfined } from './process-guest.ts'
import { startGuestThread } from './thread-guest.ts'

/** Behind the context: what would be found by code that got out of it, in a thread and in a process. */

const entry = fileURLToPath(new URL('./test-holed.worker.ts', import.meta.url))
const written = fileURLToPath(new URL('./holed.txt', import.meta.url))

async function onThread(): Promise<Record<string, string>> {
  const worker = startGuestThread(pathToFileURL(entry), 48)
  expect(worker.resourceLimits).toMatchObject({ maxOldGenerationSizeMb: 48, stackSizeMb: 4 })
  const found = await new Promise<Record<string, string>>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('it ended')))
  })
  await worker.terminate()
  return found
}

/** As a guest's process is started, with this for its entry. */
async function inProcess(): Promise<Record<string, string>> {
  const found = Promise.withResolvers<Record<string, string>>()
  const launch = processGuests((program, signal) => {
    const args = program.args.map((arg) => (arg.endsWith('guest.worker.ts') ? entry : arg))
    return startUnconfined({ ...program, args }, signal)
  })
  const link = launch(
    { memMb: 64 },
    {
      heard: (line) => found.resolve(JSON.parse(String(line)) as Record<string, string>),
      ended: (why) => found.reject(new Error(why)),
    },
  )
  const answer = await found.promise
  link.terminate()
  return answer
}

describe.each([
  ['thread', onThread],
  ['process', inProcess],
])('outside of the context of a %s', (_, look) => {
  test('there is no file, no signal, no module, no network and no other program', async () => {
    const { globals, environment, flags, arguments: args, ...attempts } = await look()
    expect(new Set(Object.values(attempts))).toEqual(new Set(['nothing there', 'no modules in a sandbox']))
    expect(Object.keys(attempts).length).toBeGreaterThan(15)
    expect(existsSync(written)).toBe(false)
    rmSync(written, { force: true })
    const powers = [
      'process',
      'fetch',
      'WebSocket',
      'EventSource',
      'BroadcastChannel',
      'Worker',
      'Buffer',
      'global',
    ]
    const more = [
      'setTimeout',
      'setImmediate',
      'WebAssembly',
      'navigator',
      'console',
      'require',
      'MessageChannel',
    ]
    for (const name of [...powers, ...more]) expect(globals?.split(' ')).not.toContain(name)
    expect(globals).toContain('Object')
    expect([environment, flags, args]).toEqual(['', '', ''])
  })
})
