import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { readStat } from '../../shim/process-identity.ts'
import { measuredIn, measurePrograms } from './measure.ts'

/** Burns the processor in a grandchild and in itself, holds memory, and says when it is done. */
const burner = `
const { spawnSync } = require('node:child_process')
spawnSync(process.execPath, ['-e', 'const end = Date.now() + 400; while (Date.now() < end);'], { env: process.env })
globalThis.held = Buffer.alloc(64 * 1024 * 1024, 1)
const end = Date.now() + 300
while (Date.now() < end);
console.log('done')
setInterval(() => {}, 1000)
`

it.runIf(process.platform === 'linux')('counts a whole tree, ended grandchildren included', async () => {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' }
  const child = spawn(process.execPath, ['-e', burner], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    const startTime = readStat(pid)?.startTime ?? ''
    const identity = { shimPid: null, pid, startTime, socketPath: null, logPath: null }
    const stranger = { ...identity, startTime: '1' }
    const use = (await measurePrograms([identity], 4096)).get(pid)
    // Both together burn 700 ms where nobody else wants the processor; a busy machine gives less.
    expect(use?.cpuMs).toBeGreaterThan(200)
    expect(use?.memoryBytes).toBeGreaterThan(64 * 1024 * 1024)
    expect((await measurePrograms([stranger], 4096)).size, 'a pid is no identity').toBe(0)
  } finally {
    child.kill('SIGKILL')
  }
})

it.each(['', '1', '1 (a) S', '1 (a) b) S 1 2', '(', ') ('])('takes %j for nothing', (text) => {
  expect(measuredIn(text)).toBeUndefined()
})
