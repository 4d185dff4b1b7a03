// Shared libraries and programs of the operating system that Electron, the wall and the tests need. Linux only.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { isRoot, run, say } from './project.mjs'

/** Each program, the package that brings it on Debian and Ubuntu, and what does not work without it. */
const programs = [
  { name: 'bwrap', package: 'bubblewrap', for: 'the confinement of agents' },
  { name: 'git-lfs', package: 'git-lfs', for: 'repositories that use LFS' },
  { name: 'Xvfb', package: 'xvfb', for: 'tests without a display', isForTests: true },
  { name: 'xauth', package: 'xauth', for: 'tests without a display', isForTests: true },
]

const libraries = ['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libxss1', 'libnotify4']
/** Renamed where the 64-bit time type came in: Debian 13, Ubuntu 24.04. */
const renamedLibraries = new Set(['libgtk-3-0', 'libasound2'])

/** Tells whether a program of this name lies on PATH. */
export function isOnPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin']
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function areLibrariesComplete(electronProgram) {
  const listed = spawnSync('ldd', [electronProgram], { encoding: 'utf8' })
  return listed.status === 0 && !listed.stdout.includes('not found')
}

function libraryPackages() {
  const release = readFileSync('/etc/os-release', 'utf8')
  const id = /^ID="?(\w+)/m.exec(release)?.[1]
  const version = Number(/^VERSION_ID="?([\d.]+)/m.exec(release)?.[1] ?? 0)
  const isRenamed = id === 'ubuntu' ? version >= 24.04 : version >= 13
  return libraries.map((name) => (isRenamed && renamedLibraries.has(name) ? `${name}t64` : name))
}

function findMissing(electronProgram) {
  const hasDisplay = Boolean(process.env.DISPLAY)
  const missing = programs.filter((part) => !(part.isForTests && hasDisplay) && !isOnPath(part.name))
  const packages = missing.map((part) => part.package)
  if (areLibrariesComplete(electronProgram)) return { names: missing.map((part) => part.name), packages }
  return {
    names: ['shared libraries', ...missing.map((part) => part.name)],
    packages: [...libraryPackages(), ...packages],
  }
}

/**
 * Installs the missing parts as root on Debian and Ubuntu; elsewhere prints the one command that does. Returns the names
 * of what is still missing.
 */
export async function bringSystemParts(electronProgram) {
  if (process.platform !== 'linux') return []
  const { names, packages } = findMissing(electronProgram)
  if (names.length === 0) return []
  if (!existsSync('/etc/debian_version') || !isOnPath('apt-get')) {
    say(`missing on this system: ${names.join(', ')}. Install them with your package manager.`)
    return names
  }
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  if (!isRoot) {
    say(`missing on this system: ${names.join(', ')}. One command brings them:`)
    process.stdout.write(`\n    sudo apt-get update && sudo apt-get ${install.join(' ')}\n\n`)
    return names
  }
  say(`system: installing ${packages.join(' ')} …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['-qq', 'update'], { env })
  await run('apt-get', ['-qq', ...install], { env })
  return findMissing(electronProgram).names
}
