import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../contract/settings.ts'

const envFile = /^\.env(?:\.[\w.-]{1,60})?$/
const mostFiles = 20
const mostBytes = 256 * 1024

export interface EnvSecretsPowers {
  /** Remembers those values of a `.env` text that look like secrets. */
  readonly addEnvFile: (text: string) => void
  readonly settings: () => Settings
}

/**
 * Learns, before an agent starts, which secrets it will be able to read: the values in the `.env` files of its workarea
 * and of the repository, and those that the user gave to agents of their own. What can't be read is no secret of theirs.
 */
export function createEnvSecrets({ addEnvFile, settings }: EnvSecretsPowers) {
  return async (folders: readonly string[]): Promise<void> => {
    for (const { env } of settings().customAgents)
      addEnvFile(
        Object.entries(env)
          .map(([name, value]) => `${name}=${value}`)
          .join('\n'),
      )
    for (const folder of new Set(folders)) {
      const names = (await readdir(folder).catch(() => [])).filter((name) => envFile.test(name))
      for (const name of names.slice(0, mostFiles)) addEnvFile(await readText(join(folder, name)))
    }
  }
}

/** The beginning of a plain file; no link is followed, for the folder may be an agent's. */
async function readText(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  )
  if (!handle) return ''
  try {
    if (!(await handle.stat()).isFile()) return ''
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(mostBytes), 0, mostBytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return ''
  } finally {
    await handle.close()
  }
}
