import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createContainedFiles } from './contained-files.ts'

/** A credential file that was granted to a session, and the content it was granted with. */
export interface GrantedFile {
  /** Relative to the home. */
  readonly path: string
  /** SHA-256 of the user's file when it was copied. */
  readonly hash: string
}

export type WriteBack =
  | { readonly path: string; readonly outcome: 'unchanged' | 'written' }
  | { readonly path: string; readonly outcome: 'kept'; readonly reason: string }

/** Larger files are no credentials. */
const maxBytes = 256 * 1024

/** Which of the files are there as regular files. Reads no content. */
export async function presentFiles(home: string, paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      lstat(join(home, path)).then(
        (stats) => stats.isFile() && stats.size > 0 && stats.size <= maxBytes,
        () => false,
      ),
    ),
  )
  return paths.filter((_path, at) => found[at])
}

/** Copies the granted files into the scratch home, readable by its owner only. Files that are not there are left out. */
export async function grantFiles(
  userHome: string,
  scratchHome: string,
  paths: readonly string[],
): Promise<readonly GrantedFile[]> {
  const scratch = createContainedFiles(scratchHome)
  const granted: GrantedFile[] = []
  for (const path of await presentFiles(userHome, paths)) {
    const content = await readSmall(join(userHome, path))
    await scratch.writeText(join(scratchHome, path), content, 0o600)
    granted.push({ path, hash: hashOf(content) })
  }
  return granted
}

/**
 * Brings refreshed tokens back into the user's home after the session: only files that were granted, only regular ones,
 * never through links, mode 0600. Where the user's own file changed in the meantime, it stays.
 */
export async function writeBack(
  userHome: string,
  scratchHome: string,
  granted: readonly GrantedFile[],
): Promise<readonly WriteBack[]> {
  const scratch = createContainedFiles(scratchHome)
  const outcomes: WriteBack[] = []
  for (const { path, hash } of granted) {
    outcomes.push(
      await writeOneBack({ userHome, path, hash }, () => scratch.readText(join(scratchHome, path), {})),
    )
  }
  return outcomes
}

async function writeOneBack(
  file: { readonly userHome: string; readonly path: string; readonly hash: string },
  readFresh: () => Promise<string>,
): Promise<WriteBack> {
  const { path } = file
  const kept = (reason: string) => ({ path, outcome: 'kept', reason }) as const
  const target = join(file.userHome, path)
  let fresh: string
  try {
    fresh = await readFresh()
  } catch (error) {
    return kept(
      `the session's copy can't be taken: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  if (hashOf(fresh) === file.hash) return { path, outcome: 'unchanged' }
  if (fresh.length === 0 || Buffer.byteLength(fresh) > maxBytes)
    return kept('its size is not that of a login')
  const own = await readSmall(target).catch(() => undefined)
  if (own === undefined) return kept('the file of the user is gone or is no regular file')
  if (hashOf(own) !== file.hash) return kept('the file of the user changed in the meantime')
  if (isJson(own) && !isJson(fresh)) return kept('it was cut off while it was written')
  await replace(target, fresh)
  return { path, outcome: 'written' }
}

/** A regular file of bounded size; fails on links, pipes and what is larger. */
async function readSmall(path: string): Promise<string> {
  const handle = await open(
    path,
    constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
  )
  try {
    const stats = await handle.stat()
    if (!stats.isFile() || stats.size > maxBytes)
      throw new Error('no regular file of a size that a login has')
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

async function replace(target: string, content: string): Promise<void> {
  const temporary = join(dirname(target), `.signalbox-${randomBytes(6).toString('hex')}.tmp`)
  const handle = await open(temporary, 'wx', 0o600)
  try {
    const { uid, gid } = await lstat(target)
    if (process.geteuid?.() === 0) await handle.chown(uid, gid)
    await handle.writeFile(content, 'utf8')
    await handle.sync()
    await handle.close()
    await rename(temporary, target)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const hashOf = (content: string) => createHash('sha256').update(content).digest('hex')
