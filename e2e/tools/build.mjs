// Builds out/ from the sources, or leaves it alone when nothing changed since the last build.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { projectRoot, run, say } from './project.mjs'
import { runTool, setUp } from './set-up.mjs'

const sources = [
  'src-main',
  'src-preload',
  'src-renderer',
  'resources',
  'electron.vite.config.ts',
  'package-lock.json',
]
const stampFile = join(projectRoot, 'out/.built')

/** A fingerprint of names, sizes and times: quick, and a file that was taken away shows too. */
function fingerprint() {
  const hash = createHash('sha256')
  const add = (path) => {
    const stat = statSync(join(projectRoot, path), { throwIfNoEntry: false })
    if (!stat) return
    if (stat.isDirectory()) {
      const names = readdirSync(join(projectRoot, path)).sort()
      for (const name of names) add(`${path}/${name}`)
    } else if (!/\.(test|bench|suite|reference)\.tsx?$/.test(path)) {
      hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`)
    }
  }
  for (const path of sources) add(path)
  return hash.digest('hex')
}

/** Tells whether out/ was built from the sources as they are now. */
export function isBuilt() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint()
}

/** Two builds at once would empty each other's folder. A lock whose process is gone is taken over. */
async function withLock(body) {
  const lock = join(projectRoot, 'node_modules/.signalbox-build')
  for (;;) {
    try {
      mkdirSync(lock)
      writeFileSync(join(lock, 'pid'), String(process.pid))
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (!isHeld(lock)) rmSync(lock, { recursive: true, force: true })
      else await wait(100)
    }
  }
  try {
    return await body()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function isHeld(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    // Between making the folder and writing the number there is a moment without a file.
    return (
      error.code === 'EPERM' || Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < 2000
    )
  }
}

/** Builds when needed. Expects set-up to be done. */
export async function build({ isForced = false } = {}) {
  await withLock(async () => {
    if (!isForced && isBuilt()) return
    const key = fingerprint()
    say('building …')
    rmSync(stampFile, { force: true })
    const builder = join(projectRoot, 'node_modules/electron-vite/bin/electron-vite.js')
    const env = { ...process.env, NODE_ENV: 'production' }
    const code = await run(process.execPath, [builder, 'build', '--logLevel', 'warn'], { env })
    if (code !== 0) throw new Error(`the build ended with code ${code}`)
    writeFileSync(stampFile, key)
  })
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runTool(async () => {
    await setUp()
    await build({ isForced: true })
  })
}
