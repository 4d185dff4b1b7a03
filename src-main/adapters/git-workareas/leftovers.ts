import { chmod, lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Area, areaOf, readOrigin } from './area.ts'
import { lineOf } from './git-calls.ts'
import { codeOf } from './git-errors.ts'
import { type Means, refOf } from './means.ts'

/**
 * Removes a workarea: our references first, then the files. Harmless when repeated or when parts are gone already. A
 * repository that can't be written to keeps the reference; that is logged, not fatal.
 */
export async function removeArea(
  means: Means,
  area: Area,
  options: { readonly keepResult?: boolean },
): Promise<void> {
  const origin = await readOrigin(area)
  for (const holder of origin?.refHolders ?? []) {
    await removeRefs(means, holder, origin?.sessionId ?? '', options.keepResult === true)
  }
  await removeTree(area.folder)
}

async function removeRefs(
  means: Means,
  gitDir: string,
  sessionId: string,
  isResultKept: boolean,
): Promise<void> {
  const place = { gitDir }
  try {
    if ((await lstat(gitDir).catch(() => undefined)) === undefined) return
    const prefix = `refs/signalbox/${sessionId}/`
    const listed = lineOf(await means.git.host(place, ['for-each-ref', '--format=%(refname)', prefix]))
    const kept = isResultKept ? refOf(sessionId, 'result') : undefined
    const doomed = listed.split('\n').filter((ref) => ref !== '' && ref !== kept)
    for (const ref of doomed) await means.git.host(place, ['update-ref', '--no-deref', '-d', ref])
  } catch (error) {
    means.log.warn('references of a workarea could not be removed', { gitDir, error: String(error) })
  }
}

/** An agent may have taken away its own right to enter a folder; the owner gives it back. Links are never followed. */
async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3, retryDelay: 50 }
  try {
    await rm(path, options)
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM' && codeOf(error) !== 'ENOTEMPTY') throw error
    await openFolders(path)
    await rm(path, options)
  }
}

async function openFolders(path: string): Promise<void> {
  const status = await lstat(path).catch(() => undefined)
  if (!status?.isDirectory()) return
  await chmod(path, 0o700).catch(() => undefined)
  for (const name of await readdir(path).catch(() => [])) await openFolders(join(path, name))
}

/** Folders of workareas that no known session owns; `known` holds session ids. */
export async function findOrphans(means: Means, known: ReadonlySet<string>) {
  const names = await readdir(means.areasRoot).catch(() => [])
  const orphans: { workareaId: string; path: string }[] = []
  for (const workareaId of names) {
    if (!/^wka-[a-z0-9]{4,40}$/.test(workareaId)) continue
    const area = areaOf(means.areasRoot, workareaId)
    const origin = await readOrigin(area)
    if (origin === undefined || !known.has(origin.sessionId)) orphans.push({ workareaId, path: area.folder })
  }
  return orphans
}
