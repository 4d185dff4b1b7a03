import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import type { Area } from './area.ts'
import { type GitCalls, lineOf, readOnly } from './git-calls.ts'
import { allowLocalFetch } from './git-environment.ts'
import { hasCode, notWritable, repositoryBusy, translateFileFailure } from './git-errors.ts'
import { moveObjects, storeVariable } from './object-stores.ts'
import { isThere } from './plain-files.ts'
import { isWritable, type Source } from './source-repository.ts'

const zero = (like: string) => '0'.repeat(like.length)

/**
 * Brings a commit into the user's repository under a reference of ours, every object checked on the way in. The pack
 * is made in a folder of its own and moved when it is whole, so that a full disk or a kill leaves no debris behind
 * (git's own prune knows the folder's prefix).
 */
export async function deliver(
  git: GitCalls,
  area: Area,
  source: Source,
  commit: string,
  ref: string,
  signal?: AbortSignal,
): Promise<void> {
  await requireWritable(source)
  await requireQuiet(source)
  const objects = join(source.commonDir, 'objects')
  const incoming = join(objects, `tmp_objdir-signalbox-${area.id}`)
  const fetch = [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--no-recurse-submodules',
  ]
  const checks = [
    '-c',
    'fetch.fsckObjects=true',
    '-c',
    'transfer.fsckObjects=true',
    '-c',
    'fetch.unpackLimit=1',
  ]
  const env = { GIT_OBJECT_DIRECTORY: incoming, GIT_ALTERNATE_OBJECT_DIRECTORIES: storeVariable(objects) }
  try {
    await mkdir(incoming, { recursive: true })
    const before = [...allowLocalFetch, ...checks]
    await git.user(source.root, [...fetch, area.hostGit, commit], { before, env, signal })
    await moveObjects(incoming, objects)
  } catch (error) {
    throw translateFileFailure(error, source.root)
  } finally {
    await rm(incoming, { recursive: true, force: true })
  }
  await git.user(source.root, ['update-ref', '--no-deref', ref, commit])
}

export async function requireWritable(source: Source): Promise<void> {
  if (await isWritable(source)) return
  throw notWritable(source.commonDir, 'read-only, or it belongs to another user')
}

async function requireQuiet(source: Source): Promise<void> {
  if (!(await isThere(join(source.gitDir, 'index.lock')))) return
  throw repositoryBusy(source.root, 'index.lock exists')
}

/** Makes a branch that must not exist yet. */
export async function makeBranch(
  git: GitCalls,
  source: Source,
  branch: string,
  commit: string,
  why: string,
): Promise<void> {
  await moveRef(git, source, branch, commit, zero(commit), why)
}

/** Moves a branch only while it still stands where it was seen. */
async function moveRef(
  git: GitCalls,
  source: Source,
  branch: string,
  to: string,
  from: string,
  why: string,
): Promise<void> {
  await git.user(source.root, [
    'update-ref',
    '--no-deref',
    '-m',
    `signalbox: ${why}`,
    `refs/heads/${branch}`,
    to,
    from,
  ])
}

export interface Move {
  readonly branch: string
  readonly from: string
  readonly to: string
  /** The checkout moves along; it must be clean. */
  readonly isCheckedOut: boolean
  readonly why: string
  /** LFS contents are missing here: leave pointers instead of asking the network. */
  readonly isSmudgeSkipped: boolean
}

/**
 * Moves a branch, and its checkout as `merge --ff-only` would but without hooks. Files first, then the reference: if
 * the app dies between, the checkout holds the new state as staged changes and no commit is lost. When the reference
 * was moved meanwhile by someone else, the files go back. Returns what stands in the way when git will not touch the
 * files, for instance an untracked one that would be overwritten; then nothing has changed.
 */
export async function moveBranch(git: GitCalls, source: Source, move: Move): Promise<string | undefined> {
  if (!move.isCheckedOut) {
    await moveRef(git, source, move.branch, move.to, move.from, move.why)
    return undefined
  }
  await requireQuiet(source)
  const head = await git.user(source.root, ['symbolic-ref', '-q', 'HEAD'], { env: readOnly, okCodes: [0, 1] })
  if (lineOf(head) !== `refs/heads/${move.branch}`)
    throw repositoryBusy(source.root, 'another branch was checked out meanwhile')
  await git.user(source.root, ['update-index', '-q', '--refresh'], { okCodes: [0, 1] })
  const env = move.isSmudgeSkipped ? { GIT_LFS_SKIP_SMUDGE: '1' } : {}
  const files = (from: string, to: string) =>
    git.user(source.root, ['read-tree', '-m', '-u', from, to], { env })
  try {
    await files(move.from, move.to)
  } catch (error) {
    const detail =
      hasCode(error, 'git_failed') && error instanceof SignalboxError && 'detail' in error.data
        ? error.data.detail
        : ''
    const obstacle =
      /(Untracked working tree file .* would be overwritten|Entry .* (not uptodate|would be overwritten)|Updating .* would lose).*/s.exec(
        detail,
      )
    if (obstacle === null) throw error
    return obstacle[0]
  }
  try {
    await moveRef(git, source, move.branch, move.to, move.from, move.why)
  } catch (error) {
    await files(move.to, move.from)
    throw error
  }
  return undefined
}

/** Removes a branch only while it stands at `commit`. */
export async function removeBranch(
  git: GitCalls,
  source: Source,
  branch: string,
  commit: string,
): Promise<void> {
  await git.user(source.root, ['update-ref', '--no-deref', '-d', `refs/heads/${branch}`, commit])
}

export function undoRefused(reason: string, remedy?: string): SignalboxError {
  return new SignalboxError('land_undo_refused', remedy === undefined ? { reason } : { reason, remedy }, {
    message: `The landing can't be undone: ${reason}`,
  })
}

/** A refused compare-and-swap while undoing means that the branch moved on. */
export function asUndoRefusal(error: unknown, branch: string): unknown {
  return hasCode(error, 'repository_busy') ? undoRefused(`${branch} has moved on.`) : error
}
