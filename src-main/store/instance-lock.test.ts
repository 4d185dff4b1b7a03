import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { acquireInstanceLock } from './instance-lock.ts'

it('is held by one process and free again after SIGKILL', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sbx-lock-'))
  const file = join(folder, 'daemon.lock')
  const script = `import { acquireInstanceLock } from ${JSON.stringify(join(import.meta.dirname, 'instance-lock.ts'))}
console.log(acquireInstanceLock(${JSON.stringify(file)}) ? 'held' : 'busy'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: join(import.meta.dirname, '../..'),
  })
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  expect(chunk.toString().trim()).toBe('held')
  expect(acquireInstanceLock(file)).toBeUndefined()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const lock = acquireInstanceLock(file)
  expect(lock).toBeDefined()
  lock?.release()
  rmSync(folder, { recursive: true, force: true })
})
