import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AcquireRequest, WorkareaRecord } from '../../ports/workareas.ts'
import {
  type Area,
  areaOf,
  furnishGitDirectory,
  hostConfig,
  initGitDirectory,
  treeOf,
  withoutTree,
  withTree,
  writeOrigin,
} from './area.ts'
import { borrowObjects } from './borrow.ts'
import { chooseBranch } from './branch-name.ts'
import { carryOver } from './carry.ts'
import { type CloneOptions, createClone, fillIndex } from './clone.ts'
import { lineOf } from './git-calls.ts'
import { hasCode, translateFileFailure } from './git-errors.ts'
import { usesLfs } from './inspect.ts'
import { removeArea } from './leftovers.ts'
import { fillPointers, isLfsInstalled, lfsConfig } from './lfs.ts'
import type { Means } from './means.ts'
import { isThere } from './plain-files.ts'
import { readRecord, writeRecord } from './record.ts'
import { type Author, identityOf } from './snapshot.ts'
import { type Base, locateSource, resolveBase, type Source } from './source-repository.ts'
import { checkOutSubmodules, type Link, linksOf } from './submodules.ts'
import { together } from './together.ts'

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
    request.onProgress?.('clone', 0, null)
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
  const [borrowed, lfs, exclude] = await together(signal, (either) => [
    borrowObjects(means, area, request, source, base, either),
    lfsPlan(means, source, base, either),
    excludeText(means, source),
    initGitDirectory(git, area.hostGit, source, either),
  ])
  const notes = [...borrowed.notes, ...lfs.notes]
  const shared = {
    objectFormat: source.objectFormat,
    stores: borrowed.stores,
    isPartial: source.isPartial,
    shallow: borrowed.shallow,
  }
  const content = [...contentConfig(source), ...lfs.config]
  await furnishGitDirectory(area.hostGit, { ...shared, config: [...hostConfig, ...content] })
  await writeFile(join(area.hostGit, 'info', 'exclude'), exclude)
  const carried = await carriedTree(means, area, request, source, base, signal)
  notes.push(...carried.notes)
  const tree = carried.tree ?? base.commit
  const identity = identityOf(source.settings)
  if (!identity.isKnown)
    notes.push('git knows no user.name and user.email here: commits carry a neutral name.')
  await mkdir(area.tree)
  const how = { ...shared, base, identity, config: content, exclude }
  // The checkout takes nearly all of the time; whatever needs no files of the tree is done beside it.
  const [, branch, links] = await together(signal, (either) => [
    checkOut(means, area, tree, request, either),
    nameAndClone(means, area, request, source, { ...how, signal: either }),
    linksOf(means, area, tree, either),
    git.host(withoutTree(area), ['update-ref', 'refs/signalbox/base', base.commit], { signal: either }),
  ])
  if (lfs.isOn) notes.push(...(await fillLfs(means, area, source, tree, signal)))
  await fillIndex(means, area, base, carried.tree !== undefined, signal)
  const modules = await addSubmodules(means, area, request, source, links, { tree, identity, signal })
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

async function nameAndClone(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  options: Omit<CloneOptions, 'branch'>,
): Promise<string> {
  const branch = await chooseBranch(means.git, source.root, request.branchSlug, options.signal)
  await createClone(means, area, { ...options, branch })
  return branch
}

/** Checks out submodules and notes their git directories for clean-up: they hold references of ours, too. */
async function addSubmodules(
  means: Means,
  area: Area,
  request: AcquireRequest,
  source: Source,
  links: readonly Link[],
  how: { readonly tree: string; readonly identity: Author; readonly signal: AbortSignal },
) {
  if (links.length === 0) return { stores: [], notes: [] }
  const { sessionId } = request
  const modules = await checkOutSubmodules(means, area, source, links, { sessionId, ...how })
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
function contentConfig(source: Source): [string, string][] {
  const known: Readonly<Record<string, readonly string[]>> = {
    'core.autocrlf': ['true', 'false', 'input'],
    'core.eol': ['lf', 'crlf', 'native'],
  }
  const config: [string, string][] = []
  for (const [key, values] of Object.entries(known)) {
    const value = source.settings.get(key) ?? ''
    if (values.includes(value)) config.push([key, value])
  }
  return config
}

/** The user's private ignore rules, of the repository and of the account, so that both sides ignore the same. */
async function excludeText(means: Means, source: Source): Promise<string> {
  const { HOME, XDG_CONFIG_HOME } = means.user
  const named = await excludesFile(means, source)
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

/** The name that the user's configuration gives; git itself knows what `~` and the like stand for. */
async function excludesFile(means: Means, source: Source): Promise<string> {
  const name = source.settings.get('core.excludesfile') ?? ''
  if (!/^[~%:]/.test(name)) return name
  const args = ['config', '--type=path', '--get', 'core.excludesFile']
  return lineOf(await means.git.user(source.root, args, { okCodes: [0, 1] }))
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
  const onStderr = (text: string) => {
    // Several lines may come at once: the last one counts.
    const match = [...text.matchAll(/Updating files:\s+\d+% \((\d+)\/(\d+)\)/g)].at(-1)
    if (match !== undefined) request.onProgress?.('checkout', Number(match[1]), Number(match[2]))
  }
  request.onProgress?.('checkout', 0, null)
  await means.git.host(withTree(area), ['read-tree', '-v', '-u', '--reset', tree], { signal, onStderr })
}
