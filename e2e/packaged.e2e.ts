import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { watchWindow } from './fixtures/watched-window.ts'
import { projectRoot } from './tools/project.mjs'

// Run by `npm run package`, which has just packed the application. The fuses forbid Playwright's usual way in (Node's
// inspector), so the window is watched through Chromium's own debugging port.
const places: Readonly<Partial<Record<NodeJS.Platform, { program: string; resources: string }>>> = {
  linux: { program: 'linux-unpacked/signalbox', resources: 'linux-unpacked/resources' },
  darwin: {
    program: 'mac/Signalbox.app/Contents/MacOS/Signalbox',
    resources: 'mac/Signalbox.app/Contents/Resources',
  },
  win32: { program: 'win-unpacked/Signalbox.exe', resources: 'win-unpacked/resources' },
}
const place = places[process.platform]
const program = join(projectRoot, 'dist', place?.program ?? 'nowhere')
const resources = join(projectRoot, 'dist', place?.resources ?? 'nowhere')
const archive = join(resources, 'app.asar')

/** Runs a script on the packaged program as Node and returns what it printed. */
async function asPackagedNode(script: string, env: Record<string, string> = {}): Promise<string> {
  const run = promisify(execFile)
  const { stdout } = await run(program, ['-e', script], {
    env: { ...process.env, ...env, ELECTRON_RUN_AS_NODE: '1', ARCHIVE: archive },
    timeout: 60_000,
  })
  return stdout.trim()
}

it('holds no welcome page, and the notices lie beside it', () => {
  expect(existsSync(program)).toBe(true)
  expect(readdirSync(resources)).not.toContain('default_app.asar')
  const beside = readdirSync(join(program, '..'))
  if (process.platform === 'linux') expect(beside).toContain('THIRD-PARTY-NOTICES.txt')
})

it('opens the store library from the archive', async () => {
  const script = `
    const Database = require(process.env.ARCHIVE + '/node_modules/better-sqlite3')
    const db = new Database(':memory:')
    console.log(db.prepare('select 6 * 7 as n').get().n)`
  expect(await asPackagedNode(script)).toBe('42')
})

it('starts every worker file inside the archive', async () => {
  const script = `
    const { Worker } = require('node:worker_threads')
    const { readdirSync, existsSync } = require('node:fs')
    const folder = process.env.ARCHIVE + '/out/main/workers'
    const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.js')) : []
    const start = (name) => new Promise((settle) => {
      const worker = new Worker(folder + '/' + name)
      // Without a job it ends with its own words: its code, and all that it imports, was read from the archive.
      worker.once('error', (error) => settle(/needs a port and a file/.test(error.message) ? 'ok' : name + ': ' + error.message))
      worker.once('online', () => setTimeout(() => settle('ok'), 500).unref())
      setTimeout(() => worker.terminate(), 700)
    })
    Promise.all(files.map(start)).then((all) => console.log(JSON.stringify(all)))`
  const workers = readdirSync(join(projectRoot, 'src-main'), { recursive: true, encoding: 'utf8' })
  const count = workers.filter((file) => file.endsWith('.worker.ts')).length
  expect(JSON.parse(await asPackagedNode(script))).toEqual(Array(count).fill('ok'))
})

it('ignores NODE_OPTIONS, as its fuses say', async () => {
  const output = await asPackagedNode('console.log(typeof globalThis.planted)', {
    NODE_OPTIONS: '--import=data:text/javascript,globalThis.planted=1',
  })
  expect(output).toBe('undefined')
})

it('shows its window', async () => {
  const window = await watchWindow(program, [])
  try {
    await window.page.waitForFunction(() => (document.getElementById('root')?.childElementCount ?? 0) > 0)
    expect(window.page.url()).toMatch(/^app:\/\/console\//)
  } finally {
    await window.close()
  }
})
