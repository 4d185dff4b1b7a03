import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AcquireRequest } from '../../ports/workareas.ts'
import { type Area, createGitDirectory } from './area.ts'
import { hasCode } from './git-errors.ts'
import { type Means, refOf } from './means.ts'
import { copyObjects, storeChain } from './object-stores.ts'
import { type Base, isWritable, type Source } from './source-repository.ts'

/** Where the clone and our own git directory take the base's objects from. */
export interface Borrowed {
  readonly mode: 'shared' | 'copied'
  readonly stores: readonly string[]
  readonly shallow: string | undefined
  readonly notes: readonly string[]
}

/** Shares the objects of the source read-only where that is safe, else copies them; says which and why. */
export async function borrowObjects(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  base: Base,
  signal: AbortSignal,
): Promise<Borrowed> {
  const chain = await storeChain(join(source.commonDir, 'objects'))
  const reason = await whyNotShared(means, request, source, base, signal)
  if (reason === undefined) return { mode: 'shared', stores: chain, shallow: undefined, notes: [] }
  const objects = join(area.baseGit, 'objects')
  await createGitDirectory(means.git, area.baseGit, {
    objectFormat: source.objectFormat,
    stores: [],
    isPartial: source.isPartial,
    shallow: await shallowText(source),
    config: [],
    signal,
  })
  await mkdir(objects, { recursive: true })
  await copyObjects(chain, objects, {
    signal,
    onProgress: (done, total) => request.onProgress?.('clone', done, total),
  })
  return { mode: 'copied', stores: [objects], shallow: await shallowText(source), notes: [reason] }
}

/** A sentence for people, or undefined when sharing works: then the base is already held against gc. */
async function whyNotShared(
  means: Means,
  request: AcquireRequest,
  source: Source,
  base: Base,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (source.isShallow)
    return 'The history of the repository is cut off (shallow clone), so its objects were copied.'
  if (source.isPartial) {
    return 'The repository lacks some objects (partial clone), so those that are here were copied; nothing is fetched.'
  }
  const unwritable =
    "The repository can't be written to, so its objects were copied. Work can't be landed there until it can."
  if (!(await isWritable(source))) return unwritable
  try {
    const args = ['update-ref', '--no-deref', refOf(request.sessionId, 'base'), base.commit]
    await means.git.user(source.root, args, { signal })
    return undefined
  } catch (error) {
    if (!hasCode(error, 'path_not_writable')) throw error
    return unwritable
  }
}

export async function shallowText(source: Source): Promise<string | undefined> {
  if (!source.isShallow) return undefined
  return readFile(join(source.commonDir, 'shallow'), 'utf8').catch(() => undefined)
}
