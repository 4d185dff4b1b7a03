import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, open, readFile, realpath, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join, sep } from 'node:path'

/** A program as it can be started behind the wall: by real path, with what has to be visible there. */
export interface ProgramFiles {
  /** Where it was found, as a person knows it. */
  readonly foundAt: string
  /** The executable by real path: the program itself, or the interpreter of a script. */
  readonly file: string
  /** What comes before the program's own arguments: the script of an interpreter. */
  readonly args: readonly string[]
  /** Install roots of program and interpreter, beyond what is visible to all. */
  readonly reads: readonly string[]
  /** Version in the `package.json` that it belongs to; null = it belongs to none. */
  readonly packageVersion: string | null
  /** Major version of Node where it is a script for that; null = it is not. */
  readonly node: { readonly file: string; readonly major: number | null } | null
}

/** Folders that every session sees. */
const visibleToAll = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64']

/** The first executable file of this name on a PATH, without asking a shell. Relative folders do not count. */
export async function findOnPath(name: string, path: string): Promise<string | undefined> {
  if (name.includes('/') || name.includes(sep)) return (await isExecutable(name)) ? name : undefined
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue
    const candidate = join(folder, name)
    if (await isExecutable(candidate)) return candidate
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  if (!isAbsolute(path)) return false
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/**
 * Looks through links and `#!` lines at what is started in the end. `minNode` chooses among several Nodes: the one beside
 * the program first (version managers put them there), then those on PATH. Throws when the interpreter is missing.
 */
export async function readProgram(
  foundAt: string,
  where: { readonly path: string; readonly home: string; readonly minNode: number | null },
): Promise<ProgramFiles> {
  const real = await realpath(foundAt)
  const packageFile = await findPackageFile(real)
  const packageVersion = packageFile ? await versionIn(packageFile) : null
  const script = await readScriptLine(real)
  const own = await installRoots(real, where.home)
  if (!script) return { foundAt, file: real, args: [], reads: own, packageVersion, node: null }
  const interpreter =
    script.name === 'node'
      ? await findNode(dirname(foundAt), where)
      : await findOnPath(script.program, where.path)
  if (interpreter === undefined) throw new Error(`${script.name} is needed to run it and is not on PATH`)
  const file = await realpath(interpreter)
  return {
    foundAt,
    file,
    args: [...script.args, real],
    reads: [...new Set([...own, ...(await installRoots(file, where.home))])],
    packageVersion,
    node: script.name === 'node' ? { file, major: await nodeMajor(file) } : null,
  }
}

/** `#!/usr/bin/env -S node --flag` and `#!/usr/bin/node`: interpreter and its arguments. */
async function readScriptLine(path: string) {
  const handle = await open(path)
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(256), 0, 256, 0)
    const [line = ''] = buffer.toString('latin1', 0, bytesRead).split('\n')
    if (!line.startsWith('#!')) return undefined
    const words = line.slice(2).trim().split(/\s+/)
    const isEnv = basename(words[0] ?? '') === 'env'
    const [program = '', ...args] = isEnv ? words.slice(words[1] === '-S' ? 2 : 1) : words
    return program === '' ? undefined : { program, args, name: basename(program) }
  } finally {
    await handle.close()
  }
}

async function findNode(
  beside: string,
  { path, minNode }: { readonly path: string; readonly minNode: number | null },
): Promise<string | undefined> {
  let first: string | undefined
  for (const folder of [beside, ...path.split(delimiter)]) {
    const candidate = isAbsolute(folder) ? await findOnPath('node', folder) : undefined
    if (candidate === undefined) continue
    first ??= candidate
    const major = await nodeMajor(await realpath(candidate))
    if (minNode === null || major === null || major >= minNode) return candidate
  }
  return first
}

/** From the headers that lie beside it, else it is asked; null = it does not tell. */
async function nodeMajor(file: string): Promise<number | null> {
  const header = join(dirname(dirname(file)), 'include/node/node_version.h')
  const text = await readFile(header, 'utf8').catch(() => '')
  const major =
    /#define NODE_MAJOR_VERSION (\d+)/.exec(text)?.[1] ??
    /^v(\d+)\./.exec((await askVersion(file, [], '/')) ?? '')?.[1]
  return major === undefined ? null : Number(major)
}

/** What a program prints for `--version`, one line; null = nothing within three seconds, or an error. */
export function askVersion(file: string, args: readonly string[], home: string): Promise<string | null> {
  const env = { PATH: `${dirname(file)}:/usr/local/bin:/usr/bin:/bin`, HOME: home, TERM: 'dumb' }
  const options = { env, cwd: '/', timeout: 3000, maxBuffer: 64 * 1024, killSignal: 'SIGKILL' as const }
  return new Promise((resolve) => {
    const child = execFile(file, [...args, '--version'], options, (error, stdout) =>
      resolve(error ? null : (stdout.split('\n').find((line) => /\d/.test(line)) ?? null)),
    )
    child.stdin?.end()
  })
}

async function findPackageFile(real: string): Promise<string | undefined> {
  const root = packageRoot(real)
  return root === undefined ? undefined : join(root, 'package.json')
}

/** The innermost package that a file belongs to: `…/node_modules/@scope/name`. */
function packageRoot(real: string): string | undefined {
  const mark = `${sep}node_modules${sep}`
  const at = real.lastIndexOf(mark)
  if (at < 0) return undefined
  const [first = '', second = ''] = real.slice(at + mark.length).split(sep)
  return `${real.slice(0, at)}${mark}${first.startsWith('@') ? join(first, second) : first}`
}

async function versionIn(packageFile: string): Promise<string | null> {
  const text = await readFile(packageFile, 'utf8').catch(() => '{}')
  const version: unknown = (JSON.parse(text) as { version?: unknown } | null)?.version
  return typeof version === 'string' ? version.slice(0, 60) : null
}

/**
 * What has to be visible so that a program finds its parts: its package with what lies in it (npm's global folder), the
 * whole `node_modules` where packages are shared, pnpm's store, an installation of Node, else the file alone. Never the
 * home or a folder above it.
 */
export async function installRoots(real: string, home: string): Promise<readonly string[]> {
  if (visibleToAll.some((folder) => real.startsWith(`${folder}/`))) return []
  const root = await outermost(real)
  const realHome = await realpath(home).catch(() => home)
  const isTooMuch = root === sep || realHome === root || realHome.startsWith(`${root}${sep}`)
  return [isTooMuch ? real : root]
}

async function outermost(real: string): Promise<string> {
  const pnpm = real.indexOf(`${sep}.pnpm${sep}`)
  if (pnpm >= 0) return real.slice(0, pnpm + 6)
  const first = real.indexOf(`${sep}node_modules${sep}`)
  if (first >= 0) {
    const base = real.slice(0, first)
    const isGlobal = basename(base) === 'lib'
    const inner = real.slice(first + `${sep}node_modules${sep}`.length).split(sep)
    const name = inner[0]?.startsWith('@') ? join(inner[0], inner[1] ?? '') : (inner[0] ?? '')
    return isGlobal ? join(base, 'node_modules', name) : join(base, 'node_modules')
  }
  const root = dirname(dirname(real))
  const isNode = await stat(join(root, 'include/node')).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isNode ? root : real
}
