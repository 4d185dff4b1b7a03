// Brings what is missing on this machine, and nothing else. Node built-ins only.
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getElectron } from './get-electron.mjs'
import { projectRoot, run, say } from './project.mjs'
import { bringSystemParts } from './system-parts.mjs'

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * Compares the lock with the list that npm writes after each complete installation. Packages for other platforms are
 * marked optional in the lock and may be absent.
 */
export function arePackagesCurrent(root = projectRoot) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages
  const present = readJson(join(root, 'node_modules/.package-lock.json'))?.packages
  if (!wanted || !present) return false
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true
    const found = present[path]
    return found ? found.version === version && found.integrity === integrity : optional === true
  })
}

async function bringPackages() {
  if (arePackagesCurrent()) return
  say('packages: installing what package-lock.json names …')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  const code = await run('npm', args, process.platform === 'win32' ? { shell: true } : {})
  if (code !== 0) throw new Error(`npm ci ended with code ${code}`)
}

/** Makes `npx signalbox` work in a clone. */
function linkCommand() {
  const program = join(projectRoot, 'e2e/tools/signalbox.mjs')
  const folder = join(projectRoot, 'node_modules/.bin')
  if (process.platform === 'win32') {
    writeFileSync(join(folder, 'signalbox.cmd'), `@node "${program}" %*\r\n`)
    return
  }
  const link = join(folder, 'signalbox')
  const target = relative(folder, program)
  const present = lstatSync(link, { throwIfNoEntry: false })
  if (present?.isSymbolicLink() && readlinkSync(link) === target) return
  if (present) rmSync(link)
  symlinkSync(target, link)
  chmodSync(program, 0o755)
}

/**
 * Makes the clone ready to run: packages, Electron, system parts, the command. Returns the runtime and the names of the
 * system parts that are still missing. Adds well under a second when nothing is missing.
 */
export async function setUp() {
  if (!existsSync(join(projectRoot, 'package-lock.json'))) throw new Error('package-lock.json is missing')
  await bringPackages()
  const electron = await getElectron({ log: (text) => process.stdout.write(`${text}\n`) })
  const missing = await bringSystemParts(electron.program)
  linkCommand()
  return { electron, missing }
}

/** Runs a tool's body and turns an error into one line and an exit code. */
export async function runTool(body) {
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0
  } catch (error) {
    process.stderr.write(`signalbox · ${process.env.SIGNALBOX_TRACE ? error.stack : error.message}\n`)
    process.exitCode = 1
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runTool(async () => {
    const { electron, missing } = await setUp()
    say(
      `ready: Electron ${electron.version} (${electron.origin})${missing.length ? `, without ${missing.join(', ')}` : ''}`,
    )
  })
}
