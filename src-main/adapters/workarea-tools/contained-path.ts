import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'

/** A place in the workarea: its directory, held open, and its own name there. */
export interface Place {
  /** Relative to the workarea, with `/`. */
  readonly path: string
  /** A path to the entry that does not go through names that could be exchanged under us. */
  readonly address: string
  close(): Promise<void>
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function outside(path: string): SignalboxError {
  return new SignalboxError(
    'forbidden',
    { reason: `${path} is outside the workarea` },
    {
      message: `${path} is outside the workarea`,
    },
  )
}

/** The path as it reads below the root, without looking at the disk. Throws `forbidden` when it leads out. */
export function inside(root: string, path: string): string {
  if (path.includes('\0')) throw outside(path.replaceAll('\0', '\\0'))
  const found = relative(root, resolve(root, path))
  if (found === '..' || found.startsWith(`..${sep}`) || isAbsolute(found)) throw outside(path)
  return found.split(sep).join('/')
}

/** Follows links that stay inside; throws `forbidden` for those that lead out, and `path_not_found`. */
export async function withoutLinks(root: string, path: string): Promise<string> {
  const asked = inside(root, path)
  try {
    return inside(await realpath(root), await realpath(join(root, asked)))
  } catch (error) {
    if (error instanceof SignalboxError) throw error
    throw new SignalboxError(
      'path_not_found',
      { path: asked },
      { message: `there is no ${asked}`, cause: error },
    )
  }
}

/**
 * Walks down name by name, each directory opened below the one before and no link followed, so that nothing which runs
 * in the workarea can lead us out by exchanging a directory meanwhile. `makes` creates directories that are missing.
 */
export async function walk(root: string, path: string, makes = false): Promise<Place> {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  const last = names.pop() ?? '.'
  const held: FileHandle[] = []
  const close = async () => {
    for (const handle of held.splice(0)) await handle.close()
  }
  try {
    let base = await realpath(root)
    base = await step(base, held)
    for (const name of names) {
      const next = join(base, name)
      if (makes) await mkdir(next).catch(unlessThere)
      base = await step(next, held)
    }
    // Put together as text: `join` would take the dot away, and with it the directory's own entry.
    return { path, address: `${base}/${last}`, close }
  } catch (error) {
    await close()
    throw translated(error, path)
  }
}

async function unlessThere(error: unknown): Promise<void> {
  if (codeOf(error) !== 'EEXIST') throw error
}

/** Opens a directory and gives an address below which names are looked up in that very directory. */
async function step(directory: string, held: FileHandle[]): Promise<string> {
  if (process.platform !== 'linux') {
    const entry = await lstat(directory)
    if (!entry.isDirectory()) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' })
    return directory
  }
  const handle = await open(directory, directoryFlags)
  held.push(handle)
  return `/proc/self/fd/${handle.fd}`
}

/** What the system says about a path, in the words of the contract. */
export function translated(error: unknown, path: string): SignalboxError {
  if (error instanceof SignalboxError) return error
  const code = codeOf(error)
  const cause = { cause: error }
  if (code === 'ENOENT')
    return new SignalboxError('path_not_found', { path }, { message: `there is no ${path}`, ...cause })
  if (code === 'ELOOP' || code === 'ENOTDIR')
    return new SignalboxError(
      'forbidden',
      { reason: `${path} goes through a link or a file` },
      {
        message: `${path} goes through a link or a file`,
        ...cause,
      },
    )
  if (code === 'ENOSPC')
    return new SignalboxError('disk_full', { path }, { message: 'no space is left', ...cause })
  const detail = code || String(error)
  const message = `${path} can't be used: ${detail}`
  return new SignalboxError('path_not_readable', { path, detail }, { message, ...cause })
}
