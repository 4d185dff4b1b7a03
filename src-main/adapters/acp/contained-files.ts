import { randomBytes } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { isAbsolute, join, normalize, relative, sep } from 'node:path'

/** Why a file request was not served; `isEscape` = it would have left the workarea. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  readonly isEscape: boolean
  readonly isMissing: boolean

  constructor(message: string, kind: 'escape' | 'missing' | 'other' = 'other') {
    super(message)
    this.isEscape = kind === 'escape'
    this.isMissing = kind === 'missing'
  }
}

/** Files below one folder that somebody who is not trusted works in. All paths are absolute. */
export interface ContainedFiles {
  readText(path: string, window: { readonly line?: number; readonly limit?: number }): Promise<string>
  /** Replaces the file as a whole, or makes it (mode 0644 unless told) with the folders it needs. */
  writeText(path: string, content: string, mode?: number): Promise<void>
  /** Checks that a folder lies in it, no links on the way. */
  checkFolder(path: string): Promise<void>
}

const maxReadBytes = 4 * 1024 * 1024
const maxPathLength = 4096
const folderFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0)
// Without O_NONBLOCK opening a named pipe would wait for a writer for ever.
const fileFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * Serves files below `root` and nowhere else. The agent changes the tree while we walk it, so each folder is opened without
 * following links and the next step starts from the open folder (`/proc/self/fd`), where the system has that; elsewhere each
 * part is looked at first, which leaves a short race.
 */
export function createContainedFiles(root: string): ContainedFiles {
  const { at, walk } = createWalk(root)
  const within = async <T>(
    path: string,
    isMade: boolean,
    act: (folder: Folder, name: string) => Promise<T>,
  ) => {
    const parts = await partsOf(root, path)
    const name = parts.at(-1)
    if (name === undefined) throw new FileRefused('it is the folder itself, not a file')
    const folder = await walk(parts.slice(0, -1), isMade)
    try {
      return await act(folder, name)
    } catch (error) {
      throw translated(error, name)
    } finally {
      await folder.handle.close()
    }
  }
  return {
    readText: (path, window) =>
      within(path, false, async (folder, name) => {
        await refuseLink(at(folder, name))
        const handle = await open(at(folder, name), fileFlags)
        try {
          return windowOf(await readWhole(handle), window)
        } finally {
          await handle.close()
        }
      }),
    writeText: (path, content, wantedMode) =>
      within(path, true, async (folder, name) => {
        const mode = wantedMode ?? (await modeToKeep(at(folder, name)))
        await replaceFile(folder, at(folder, `.${randomBytes(6).toString('hex')}.tmp`), at(folder, name), {
          content,
          mode,
        })
      }),
    async checkFolder(path) {
      const folder = await walk(await partsOf(root, path), false)
      await folder.handle.close()
    },
  }
}

/** Goes down from the root, one folder at a time. */
function createWalk(root: string) {
  const isHeld = existsSync('/proc/self/fd')
  const at = (folder: Folder, name: string) =>
    isHeld ? `/proc/self/fd/${folder.handle.fd}/${name}` : join(folder.path, name)
  const enter = async (folder: Folder, name: string, isMade: boolean): Promise<Folder> => {
    const path = at(folder, name)
    try {
      await refuseLink(path)
      return { path: join(folder.path, name), handle: await open(path, folderFlags) }
    } catch (error) {
      if (!isMade || codeOf(error) !== 'ENOENT') throw error
      await mkdir(path)
      const made = { path: join(folder.path, name), handle: await open(path, folderFlags) }
      await giveToOwner(made.handle, folder.handle)
      return made
    }
  }
  return {
    at,
    /** The folder that the parts lead to; the caller closes it. */
    async walk(parts: readonly string[], isMade: boolean): Promise<Folder> {
      const path = await realpath(root)
      let folder: Folder = { path, handle: await open(path, folderFlags) }
      for (const part of parts) {
        try {
          const next = await enter(folder, part, isMade)
          await folder.handle.close()
          folder = next
        } catch (error) {
          await folder.handle.close()
          throw translated(error, part)
        }
      }
      return folder
    },
  }
}

interface Folder {
  readonly path: string
  readonly handle: FileHandle
}

/** The parts of a path below the root; refuses what is not below it, by name or by kind of path. */
async function partsOf(root: string, path: string): Promise<readonly string[]> {
  if (path.includes('\0')) throw new FileRefused('the path holds a NUL byte', 'escape')
  if (path.length > maxPathLength) throw new FileRefused('the path is too long', 'escape')
  if (!isAbsolute(path)) throw new FileRefused('the path is not absolute', 'escape')
  const plain = normalize(path)
  for (const base of new Set([root, await realpath(root)])) {
    const inside = relative(base, plain)
    if (inside === '') return []
    if (inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside))
      return inside.split(sep).filter((part) => part !== '')
  }
  throw new FileRefused('it lies outside the workarea', 'escape')
}

async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path)
  if (found.isSymbolicLink()) throw new FileRefused('a symbolic link is on the way', 'escape')
}

async function readWhole(handle: FileHandle): Promise<string> {
  const found = await handle.stat()
  if (!found.isFile()) throw new FileRefused('it is no regular file')
  if (found.size > maxReadBytes) throw new FileRefused(`it is larger than ${maxReadBytes / 1024 / 1024} MiB`)
  const bytes = Buffer.alloc(maxReadBytes + 1)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.toString('utf8', 0, Math.min(length, maxReadBytes))
}

function windowOf(
  text: string,
  { line, limit }: { readonly line?: number; readonly limit?: number },
): string {
  if (line === undefined && limit === undefined) return text
  const lines = text.split('\n')
  const from = Math.max(0, (line ?? 1) - 1)
  return lines.slice(from, limit === undefined ? undefined : from + Math.max(0, limit)).join('\n')
}

/** Permission bits of the file that is being replaced; refuses to replace what is no regular file. */
async function modeToKeep(path: string): Promise<number> {
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) throw new FileRefused('a symbolic link is in its place', 'escape')
    if (!found.isFile()) throw new FileRefused('it is no regular file')
    return found.mode & 0o777
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0o644
    throw error
  }
}

/** A new file put in place by renaming: hard links into other trees are never written through. */
async function replaceFile(
  folder: Folder,
  temporary: string,
  target: string,
  { content, mode }: { readonly content: string; readonly mode: number },
): Promise<void> {
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(content, 'utf8')
    await handle.chmod(mode)
    await giveToOwner(handle, folder.handle)
    await handle.close()
    await rename(temporary, target)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
}

/** As root we give what we make to the owner of the folder: the agent runs as an unprivileged user. */
async function giveToOwner(made: FileHandle, folder: FileHandle): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await folder.stat()
  await made.chown(uid, gid)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function translated(error: unknown, name: string): unknown {
  const code = codeOf(error)
  if (code === 'ELOOP') return new FileRefused('a symbolic link is on the way', 'escape')
  if (code === 'ENOENT') return new FileRefused(`there is no ${name}`, 'missing')
  if (code === 'ENOTDIR') return new FileRefused(`${name} is no folder`)
  if (code === 'EACCES' || code === 'EPERM') return new FileRefused('permission denied')
  if (code === 'ENAMETOOLONG') return new FileRefused('a name in the path is too long')
  if (code === 'ENOSPC' || code === 'EDQUOT') return new FileRefused('there is no space left')
  if (code === 'EISDIR') return new FileRefused('it is a folder')
  return error
}
