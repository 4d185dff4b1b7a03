import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AcquireRequest, WorkareaRecord } from '../../ports/workareas.ts'
import {
  type Area,
  areaOf,
  createGitDirectory,
  hostConfig,
  treeOf,
  withoutTree,
  withTree,
  writeOrigin,
} from './area.ts'
import { borrowObjects } from './borrow.ts'
import { chooseBranch } from './branch-name.ts'
import { carryOver } from './carry.ts'
import { createClone } from './clone.ts'
import { lineOf } from './git-calls.ts'
import { hasCode, translateFileFailure } from './git-errors.ts'
import { usesLfs } from './inspect.ts'
import { removeArea } from './leftovers.ts'
import { fillPointers, isLfsInstalled, lfsConfig } from './lfs.ts'
import type { Means } from './means.ts'
import { isThere } from './plain-files.ts'
import { readRecord, writeRecord } from './record.ts'
import { type Author, userIdentity } from './snapshot.ts'
import { type Base, locateSource, resolveBase, type Source } from './source-repository.ts'
import { checkOutSubmodules } from './submodules.ts'

/** Makes a workarea, or nothing at all. Asked again for one that stands already, it answers with the same record. */
export async function acquireWorkarea(
  means: Means,
  request: AcquireRequest,
  signal: AbortSignal,
): Promise<WorkareaRecord> {
  const area = areaOf(means.areasRoot, request.workareaId)
  const known = await readRecord(area)
  if (known !== undefined && known.sessionId === request.sessionId) return known
  // A folder without a record: the app ended while it was being made.
  if (await isThere(area.folder)) await removeArea(means, area, {})
  const source = await locateSource(means.git, request.repositoryPath, signal)
  const base = await resolveBase(means.git, source, request.base, signal)
  try {
    await mkdir(area.folder, { recursive: true, mode: 0o700 })
    await writeOrigin(area, {
      sessionId: request.sessionId,
      repositoryPath: source.root,
      refHolders: [source.commonDir],
    })
    const record = await build(means, area, request, source, base, signal)
    await writeRecord(area, record)
    return record
  } catch (error) {
    await removeArea(means, area, {})
    throw explainMissing(source, translateFileFailure(error, area.folder))
  }
}

/** In a partial clone a git failure nearly always means that a needed object was never downloaded. */
function explainMissing(source: Source, error: unknown): unknown {
  if (source.isPartial && hasCode(error, 'git_failed') && error instanceof Error) {
    error.message = `The partial clone lacks objects of the chosen base, and nothing is fetched. Check it out once, then try again. (${error.message})`
  }
  return error
}

async function build(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  base: Base,
  signal: AbortSignal,
): Promise<WorkareaRecord> {
  const { git } = means
  request.onProgress?.('clone', 0, null)
  const borrowed = await borrowObjects(means, area, request, source, base, signal)
  const notes = [...borrowed.notes]
  const lfs = await lfsPlan(means, source, base, signal)
  notes.push(...lfs.notes)
  const shared = {
    objectFormat: source.objectFormat,
    stores: borrowed.stores,
    isPartial: source.isPartial,
    shallow: borrowed.shallow,
    signal,
  }
  const content = [...(await contentConfig(means, source)), ...lfs.config]
  await createGitDirectory(git, area.hostGit, { ...shared, config: [...hostConfig, ...content] })
  await writeFile(join(area.hostGit, 'info', 'exclude'), await excludeText(means, source))
  await git.host(withoutTree(area), ['update-ref', 'refs/signalbox/base', base.commit], { signal })
  const carried = await carriedTree(means, area, request, source, base, signal)
  notes.push(...carried.notes)
  const tree = carried.tree ?? (await treeOf(git, area, base.commit))
  await checkOut(means, area, tree, request, signal)
  if (lfs.isOn) notes.push(...(await fillLfs(means, area, source, tree, signal)))
  const identity = await userIdentity(git, source.root)
  if (!identity.isKnown)
    notes.push('git knows no user.name and user.email here: commits carry a neutral name.')
  const branch = await chooseBranch(git, source.root, request.branchSlug, signal)
  await createClone(means, area, {
    ...shared,
    base,
    branch,
    identity,
    config: content,
    isCarried: carried.tree !== undefined,
  })
  await copyFile(join(area.hostGit, 'info', 'exclude'), join(area.tree, '.git', 'info', 'exclude'))
  const modules = await addSubmodules(means, area, request, source, { tree, identity, signal })
  notes.push(...modules.notes)
  return {
    workareaId: request.workareaId,
    sessionId: request.sessionId,
    repositoryPath: source.root,
    path: area.tree,
    branch,
    baseRef: base.ref,
    baseCommit: base.commit,
    mode: borrowed.mode,
    carriedChanges: carried.tree !== undefined,
    notes,
    borrowedObjectStores: [...new Set([...borrowed.stores, ...modules.stores])],
  }
}

/** Checks out submodules and notes their git directories for clean-up: they hold references of ours, too. */
async function addSubmodules(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  how: { readonly tree: string; readonly identity: Author; readonly signal: AbortSignal },
) {
  const { sessionId } = request
  const modules = await checkOutSubmodules(means, area, source, { sessionId, ...how })
  await writeOrigin(area, {
    sessionId,
    repositoryPath: source.root,
    refHolders: [source.commonDir, ...modules.refHolders],
  })
  return modules
}

async function lfsPlan(means: Means, source: Source, base: Base, signal: AbortSignal) {
  const none = { isOn: false, config: [], notes: [] }
  if (!(await usesLfs(means.git, source.root, base.commit, signal))) return none
  if (await isLfsInstalled(means, source.root)) return { isOn: true, config: lfsConfig, notes: [] }
  return {
    ...none,
    notes: ['The repository uses Git LFS, which is not installed: large files stay pointers.'],
  }
}

async function fillLfs(
  means: Means,
  area: Area,
  source: Source,
  tree: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { missing } = await fillPointers(means, area, join(source.commonDir, 'lfs', 'objects'), tree, signal)
  if (missing === 0) return []
  const files = missing === 1 ? 'One LFS file stays a pointer' : `${missing} LFS files stay pointers`
  return [`${files}: the content is not on this machine.`]
}

/** Line-end settings decide how files look in a checkout; only their known values are taken over. */
async function contentConfig(means: Means, source: Source): Promise<[string, string][]> {
  const known: Readonly<Record<string, readonly string[]>> = {
    'core.autocrlf': ['true', 'false', 'input'],
    'core.eol': ['lf', 'crlf', 'native'],
  }
  const config: [string, string][] = []
  for (const [key, values] of Object.entries(known)) {
    const value = lineOf(await means.git.user(source.root, ['config', '--get', key], { okCodes: [0, 1] }))
    if (values.includes(value)) config.push([key, value])
  }
  return config
}

/** The user's private ignore rules, of the repository and of the account, so that both sides ignore the same. */
async function excludeText(means: Means, source: Source): Promise<string> {
  const { HOME, XDG_CONFIG_HOME } = means.user
  const named = lineOf(
    await means.git.user(source.root, ['config', '--type=path', '--get', 'core.excludesFile'], {
      okCodes: [0, 1],
    }),
  )
  const configHome = XDG_CONFIG_HOME ?? (HOME === undefined ? undefined : join(HOME, '.config'))
  const global =
    named !== '' ? named : configHome === undefined ? undefined : join(configHome, 'git', 'ignore')
  const texts: string[] = []
  for (const file of [global, join(source.commonDir, 'info', 'exclude')]) {
    const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '')
    if (text !== '' && text.length < 256 * 1024) texts.push(text)
  }
  return `${texts.join('\n')}\n`
}

async function carriedTree(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  base: Base,
  signal: AbortSignal,
): Promise<{ tree?: string; notes: readonly string[] }> {
  if (!request.carryChanges || source.kind === 'bare') return { notes: [] }
  if (base.commit !== source.head.commit) {
    return {
      notes: [
        'Uncommitted changes were not carried over: they belong to another commit than the chosen base.',
      ],
    }
  }
  request.onProgress?.('carry', 0, null)
  const carried = await carryOver(means, area, source, signal)
  if (carried.tree === (await treeOf(means.git, area, base.commit))) return { notes: carried.notes }
  return carried
}

async function checkOut(
  means: Means,
  area: Area,
  tree: string,
  request: AcquireRequest,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(area.tree)
  const onStderr = (text: string) => {
    const match = /Updating files:\s+\d+% \((\d+)\/(\d+)\)/.exec(text)
    if (match !== null) request.onProgress?.('checkout', Number(match[1]), Number(match[2]))
  }
  request.onProgress?.('checkout', 0, null)
  await means.git.host(withTree(area), ['read-tree', '-v', '-u', '--reset', tree], { signal, onStderr })
}
