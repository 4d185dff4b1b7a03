import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './git-errors.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants

/**
 * A folder that an agent can write to, read without ever following a link out of it. Where the system has `/proc`,
 * each step starts from the open handle of the one before, so that swapping a folder for a link meanwhile gains nothing.
 */
export interface PlainFolder {
  /** Names below, or an empty list when the folder is not there or not a folder. */
  names(parts: readonly string[]): Promise<string[]>
  /** A regular file's bytes; undefined when it is missing, a link, a pipe, or larger than the limit. */
  read(parts: readonly string[], limitBytes: number): Promise<Buffer | undefined>
  /** Gives the open regular file to `use`; undefined as for `read`. */
  withFile<T>(
    parts: readonly string[],
    use: (file: FileHandle, sizeBytes: number) => Promise<T>,
  ): Promise<T | undefined>
}

const missing = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO', 'EPERM'])

/** `at` as seen through an open folder; falls back to the plain path where there is no /proc. */
function below(folder: FileHandle, path: string, name: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${folder.fd}/${name}` : join(path, name)
}

async function openFolder(
  root: string,
  parts: readonly string[],
): Promise<{ handle: FileHandle; path: string }> {
  let path = root
  let handle = await open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || part.includes('/') || part.includes('\0')) {
      await handle.close()
      throw Object.assign(new Error('unsafe path component'), { code: 'ENOENT' })
    }
    try {
      const next = await open(below(handle, path, part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      await handle.close()
      handle = next
      path = join(path, part)
    } catch (error) {
      await handle.close()
      throw error
    }
  }
  return { handle, path }
}

export function plainFolder(root: string): PlainFolder {
  async function withFile<T>(
    parts: readonly string[],
    use: (file: FileHandle, sizeBytes: number) => Promise<T>,
  ): Promise<T | undefined> {
    const name = parts.at(-1)
    if (name === undefined || name === '..' || name === '.' || name === '' || name.includes('/'))
      return undefined
    let file: FileHandle | undefined
    try {
      const folder = await openFolder(root, parts.slice(0, -1))
      try {
        // Not blocking: a named pipe in place of the file must not hold us.
        file = await open(below(folder.handle, folder.path, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      } finally {
        await folder.handle.close()
      }
    } catch (error) {
      if (missing.has(codeOf(error))) return undefined
      throw error
    }
    try {
      const status = await file.stat()
      return status.isFile() ? await use(file, status.size) : undefined
    } finally {
      await file.close()
    }
  }

  return {
    withFile,
    async names(parts) {
      try {
        const folder = await openFolder(root, parts)
        try {
          return await readdir(
            process.platform === 'linux' ? `/proc/self/fd/${folder.handle.fd}` : folder.path,
          )
        } finally {
          await folder.handle.close()
        }
      } catch (error) {
        if (missing.has(codeOf(error))) return []
        throw error
      }
    },
    async read(parts, limitBytes) {
      return withFile(parts, async (file, sizeBytes) => {
        if (sizeBytes > limitBytes) return undefined
        const bytes = await file.readFile()
        return bytes.length > limitBytes ? undefined : bytes
      })
    },
  }
}

/** True when something of any kind, a dangling link too, is at the path. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
