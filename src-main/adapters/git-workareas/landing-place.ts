import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { chooseBranch } from './branch-name.ts'
import { type GitCalls, lineOf, readOnly, zeroFields } from './git-calls.ts'
import { isThere } from './plain-files.ts'
import type { Source } from './source-repository.ts'

/** Where the work goes in the user's repository. */
export type LandingPlace =
  /** The branch moves; when `checkout` is set, the clean checkout there moves with it. */
  | {
      readonly kind: 'branch'
      readonly branch: string
      readonly commit: string
      readonly checkout: string | null
    }
  /** A new branch, and the sentence why. */
  | { readonly kind: 'new'; readonly branch: string; readonly why: string }

/** The commit of a branch in the user's repository, or null. */
export async function branchCommit(git: GitCalls, root: string, branch: string): Promise<string | null> {
  const args = ['rev-parse', '-q', '--verify', '--end-of-options', `refs/heads/${branch}^{commit}`]
  return lineOf(await git.user(root, args, { env: readOnly, okCodes: [0, 1, 128] })) || null
}

export async function chooseLandingPlace(
  git: GitCalls,
  source: Source,
  options: { readonly target: string | undefined; readonly baseRef: string; readonly slug: string },
): Promise<LandingPlace> {
  const branch = options.target ?? options.baseRef
  const commit = await branchCommit(git, source.root, branch)
  const aside = async (why: string): Promise<LandingPlace> => ({
    kind: 'new',
    branch: await chooseBranch(git, source.root, options.slug),
    why,
  })
  if (commit === null) {
    if (options.target === undefined) return aside('The session did not start from a branch.')
    await requireBranchName(git, source.root, branch)
    return { kind: 'new', branch, why: `The branch ${branch} did not exist yet.` }
  }
  const checkouts = await checkoutsOf(git, source.root, branch)
  const here = source.kind === 'bare' ? undefined : checkouts.find((path) => path === source.root)
  const elsewhere = checkouts.find((path) => path !== here)
  if (elsewhere !== undefined) return aside(`${branch} is checked out in ${elsewhere}.`)
  if (here === undefined) return { kind: 'branch', branch, commit, checkout: null }
  const trouble = await whyNotClean(git, source)
  return trouble === undefined
    ? { kind: 'branch', branch, commit, checkout: here }
    : aside(`${branch} is checked out and ${trouble}.`)
}

async function requireBranchName(git: GitCalls, root: string, branch: string): Promise<void> {
  const answer = await git.user(root, ['check-ref-format', `refs/heads/${branch}`], { okCodes: [0, 1] })
  if (answer.code === 0 && !branch.startsWith('-')) return
  const detail = 'not a valid branch name'
  throw new SignalboxError(
    'git_failed',
    { command: 'check-ref-format', detail },
    { message: `"${branch}" is ${detail}.` },
  )
}

/** Folders in which a branch is checked out, or held by a rebase; a worktree whose folder is gone does not count. */
export async function checkoutsOf(git: GitCalls, root: string, branch: string): Promise<string[]> {
  const found: string[] = []
  let folder = ''
  for (const field of zeroFields(
    await git.user(root, ['worktree', 'list', '--porcelain', '-z'], { env: readOnly }),
  )) {
    const text = Buffer.from(field, 'latin1').toString('utf8')
    if (text.startsWith('worktree ')) folder = text.slice('worktree '.length)
    if (
      text !== `branch refs/heads/${branch}` &&
      !(text === 'detached' && (await isRebasing(git, folder, branch)))
    )
      continue
    const real = await realpath(folder).catch(() => undefined)
    if (real !== undefined) found.push(real)
  }
  return found
}

async function isRebasing(git: GitCalls, folder: string, branch: string): Promise<boolean> {
  const answer = await git
    .user(folder, ['rev-parse', '--absolute-git-dir'], { env: readOnly })
    .catch(() => undefined)
  if (answer === undefined) return false
  for (const kind of ['rebase-merge', 'rebase-apply']) {
    const name = await readFile(join(lineOf(answer), kind, 'head-name'), 'utf8').catch(() => '')
    if (name.trim() === `refs/heads/${branch}`) return true
  }
  return false
}

/** Why a checkout can't be moved, in words that follow "is checked out and"; undefined = it is clean. */
export async function whyNotClean(git: GitCalls, source: Source): Promise<string | undefined> {
  const args = ['status', '--porcelain=v1', '-z', '--untracked-files=no', '--ignore-submodules=dirty']
  const status = await git.user(source.root, args, { env: readOnly })
  if (status.stdout.length > 0) return 'has uncommitted changes'
  const states = [
    'MERGE_HEAD',
    'CHERRY_PICK_HEAD',
    'REVERT_HEAD',
    'rebase-merge',
    'rebase-apply',
    'BISECT_LOG',
  ]
  for (const state of states)
    if (await isThere(join(source.gitDir, state))) return 'in the middle of another operation'
  return undefined
}
