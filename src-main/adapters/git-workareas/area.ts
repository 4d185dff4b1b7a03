import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { setConfig } from './config-file.ts'
import { type GitCalls, type HostPlace, lineOf } from './git-calls.ts'
import { translateFileFailure } from './git-errors.ts'
import { alternatesText } from './object-stores.ts'

/** Where the parts of one workarea lie below the state directory. The agent sees `tree` and nothing else. */
export interface Area {
  readonly id: string
  readonly folder: string
  readonly tree: string
  /** Our own git directory over the tree: index, snapshots, checked copies of the agent's commits. */
  readonly hostGit: string
  /** Objects copied from a source that can't be shared; not there in shared mode. */
  readonly baseGit: string
}

const idPattern = /^wka-[a-z0-9]{4,40}$/

export function areaOf(root: string, workareaId: string): Area {
  if (!idPattern.test(workareaId)) throw new SignalboxError('workarea_not_found', { workareaId })
  const folder = join(root, workareaId)
  return {
    id: workareaId,
    folder,
    tree: join(folder, 'tree'),
    hostGit: join(folder, 'host.git'),
    baseGit: join(folder, 'base.git'),
  }
}

/** Host git with the tree as work tree; the agent's `.git` in it is never looked at. */
export function withTree(area: Area): HostPlace {
  return { gitDir: area.hostGit, workTree: area.tree }
}

/** Host git as a bare repository: attributes and ignore files of the agent play no part. */
export function withoutTree(area: Area): HostPlace {
  return { gitDir: area.hostGit, about: area.tree }
}

/** What clean-up after a crash must know: which git directories hold references of ours. */
export interface Origin {
  readonly sessionId: string
  readonly repositoryPath: string
  readonly refHolders: readonly string[]
}

/** What a landing leaves behind for the next one. */
export interface LandingState {
  /** Target commit whose conflicts wait in the tree; once they are solved it becomes a parent. */
  readonly merging: {
    readonly commit: string
    readonly target: string
    readonly files: readonly string[]
  } | null
  /** Differences are shown against this once the target has been merged into the tree. */
  readonly comparedWith: string | null
  /** Last commit made from the tree, so that landing twice does not commit the same work twice. */
  readonly tip: string | null
  /** Written just before a branch of the user is moved: after a crash it tells whether the work has arrived. */
  readonly delivering: Delivery | null
}

export interface Delivery {
  readonly branch: string
  readonly commit: string
  readonly previousCommit: string | null
  /** The work's tree when it was sent off. */
  readonly tree: string
}

export const noLanding: LandingState = { merging: null, comparedWith: null, tip: null, delivering: null }

async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.new`, text, { mode: 0o600 })
    await rename(`${path}.new`, path)
  } catch (error) {
    throw translateFileFailure(error, path)
  }
}

export async function writeOrigin(area: Area, origin: Origin): Promise<void> {
  await writeWhole(join(area.folder, 'origin.json'), JSON.stringify(origin))
}

export async function readOrigin(area: Area): Promise<Origin | undefined> {
  const value = await readJson(join(area.folder, 'origin.json'))
  if (typeof value?.sessionId !== 'string' || typeof value.repositoryPath !== 'string') return undefined
  return {
    sessionId: value.sessionId,
    repositoryPath: value.repositoryPath,
    refHolders: stringsOf(value.refHolders),
  }
}

export async function writeLandingState(area: Area, state: LandingState): Promise<void> {
  await writeWhole(join(area.folder, 'landing.json'), JSON.stringify(state))
}

export async function readLandingState(area: Area): Promise<LandingState> {
  const value = await readJson(join(area.folder, 'landing.json'))
  if (value === undefined) return noLanding
  const merging = asRecord(value.merging)
  return {
    merging:
      typeof merging?.commit === 'string' && typeof merging.target === 'string'
        ? { commit: merging.commit, target: merging.target, files: stringsOf(merging.files) }
        : null,
    comparedWith: typeof value.comparedWith === 'string' ? value.comparedWith : null,
    tip: typeof value.tip === 'string' ? value.tip : null,
    delivering: readDelivery(value.delivering),
  }
}

function readDelivery(value: unknown): Delivery | null {
  const { branch, commit, previousCommit, tree } = asRecord(value) ?? {}
  if (typeof branch !== 'string' || typeof commit !== 'string' || typeof tree !== 'string') return null
  return {
    branch,
    commit,
    previousCommit: typeof previousCommit === 'string' ? previousCommit : null,
    tree,
  }
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return asRecord(value)
  } catch {
    // Missing or half-written by a crash of an older version: the caller goes on without it.
    return undefined
  }
}

/** The tree must be a folder of ours; `workarea_gone` when it was removed behind our back. */
export async function requireTree(area: Area): Promise<void> {
  const [tree, hostGit] = await Promise.all([
    lstat(area.tree).catch(() => undefined),
    lstat(area.hostGit).catch(() => undefined),
  ])
  if (tree?.isDirectory() && hostGit?.isDirectory()) return
  throw new SignalboxError(
    'workarea_gone',
    { workareaId: area.id },
    { message: 'The workarea is no longer on disk.' },
  )
}

export interface GitDirectoryOptions {
  readonly objectFormat: 'sha1' | 'sha256'
  /** What HEAD names; nobody works in a directory without it. */
  readonly branch?: string
  readonly stores: readonly string[]
  readonly isPartial: boolean
  /** Boundary commits of a shallow source. */
  readonly shallow: string | undefined
  /** Plain configuration values, key to value. */
  readonly config: readonly (readonly [string, string])[]
  readonly signal?: AbortSignal | undefined
}

/** A bare git directory of ours, with nothing in it that is not said here: no template, no hooks. */
export async function createGitDirectory(
  git: GitCalls,
  gitDir: string,
  options: GitDirectoryOptions,
): Promise<void> {
  await initGitDirectory(git, gitDir, options, options.signal)
  await furnishGitDirectory(gitDir, options)
}

/** The same without its furniture: what it borrows may not be known yet. */
export async function initGitDirectory(
  git: GitCalls,
  gitDir: string,
  format: Pick<GitDirectoryOptions, 'objectFormat' | 'branch'>,
  signal?: AbortSignal,
): Promise<void> {
  const init = [
    'init',
    '--quiet',
    '--bare',
    '--template=',
    `--initial-branch=${format.branch ?? 'none'}`,
    `--object-format=${format.objectFormat}`,
  ]
  await mkdir(gitDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw translateFileFailure(error, gitDir)
  })
  await git.host({ gitDir }, init, { signal })
}

/** Borrowed stores, shallow boundary, missing objects and configuration of a fresh git directory. */
export async function furnishGitDirectory(gitDir: string, options: GitDirectoryOptions): Promise<void> {
  try {
    await mkdir(join(gitDir, 'objects', 'info'), { recursive: true })
    await mkdir(join(gitDir, 'info'), { recursive: true })
    if (options.stores.length > 0) {
      await writeFile(join(gitDir, 'objects', 'info', 'alternates'), alternatesText(options.stores))
    }
    if (options.shallow !== undefined) await writeFile(join(gitDir, 'shallow'), options.shallow)
    const config = [...(options.isPartial ? partialConfig : []), ...options.config]
    await setConfig(join(gitDir, 'config'), config)
  } catch (error) {
    throw translateFileFailure(error, gitDir)
  }
}

const partialConfig: readonly (readonly [string, string])[] = [
  ['core.repositoryFormatVersion', '1'],
  ['extensions.partialClone', 'origin'],
  ['remote.origin.promisor', 'true'],
]

/** Configuration of every `host.git`. Above the threshold a file counts as binary: no diff of it is worth the memory. */
export const hostConfig: readonly (readonly [string, string])[] = [
  ['core.bigFileThreshold', '16m'],
  ['core.preloadIndex', 'true'],
  ['index.version', '4'],
  ['checkout.workers', '2'],
  ['core.looseCompression', '1'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
]

/** The lock of an index whose git was killed with the app. Only called while nobody else works in the area. */
export async function clearStaleLock(area: Area): Promise<void> {
  await rm(join(area.hostGit, 'index.lock'), { force: true })
}

/** The tree object of a commit. */
export async function treeOf(git: GitCalls, area: Area, commit: string): Promise<string> {
  return lineOf(
    await git.host(withoutTree(area), ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`]),
  )
}
