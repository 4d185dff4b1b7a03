import { lstat, readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes that a file or folder takes on disk (blocks, not lengths), links not followed, hard links counted once. */
export async function diskUse(path: string, signal?: AbortSignal): Promise<number> {
  const seen = new Set<string>()
  const pending = [path]
  let bytes = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    signal?.throwIfAborted()
    const found = await lstat(next).catch(() => undefined)
    if (!found) continue
    const key = `${found.dev}:${found.ino}`
    if (found.nlink > 1 && !found.isDirectory()) {
      if (seen.has(key)) continue
      seen.add(key)
    }
    bytes += found.blocks * 512
    if (found.isDirectory())
      for (const name of await readdir(next).catch(() => [])) pending.push(join(next, name))
  }
  return bytes
}

/** Bytes free for us on the file system of a path. */
export async function freeBytes(path: string): Promise<number> {
  const found = await statfs(path)
  return found.bavail * found.bsize
}
