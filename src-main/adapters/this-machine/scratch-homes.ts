import { lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Scratch homes of sessions, `<folder>/<session>`: owner-only, empty at first, gone when their session is over. */
export function createScratchHomes(folder: string) {
  const pathOf = (sessionId: string) => {
    if (!/^ses-[a-z0-9]{4,40}$/.test(sessionId)) throw new Error('a scratch home needs a session id')
    return join(folder, sessionId)
  }
  return {
    async make(sessionId: string): Promise<string> {
      const path = pathOf(sessionId)
      await rm(path, { recursive: true, force: true })
      await mkdir(path, { recursive: true, mode: 0o700 })
      return path
    },
    async find(sessionId: string): Promise<string | undefined> {
      const found = await lstat(pathOf(sessionId)).catch(() => undefined)
      return found?.isDirectory() ? pathOf(sessionId) : undefined
    },
    remove: (sessionId: string) => rm(pathOf(sessionId), { recursive: true, force: true }),
    /** Homes that a crash left behind: all but those of `keep`. */
    async sweep(keep: ReadonlySet<string>): Promise<number> {
      const names = await readdir(folder).catch(() => [])
      const stale = names.filter((name) => /^ses-[a-z0-9]{4,40}$/.test(name) && !keep.has(name))
      for (const name of stale) await rm(join(folder, name), { recursive: true, force: true })
      return stale.length
    },
  }
}
