import { constants } from 'node:fs'
import { glob, lstat, open } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { type Area, withoutTree, withTree } from './area.ts'
import { createFieldReader, type GitCalls, lineOf, zeroFields } from './git-calls.ts'
import { hasCode } from './git-errors.ts'
import { readUserSettings, type UserSettings } from './user-settings.ts'

/** A changed file that a live view does not read: too large to hash every second. */
export interface LargeFile {
  /** latin1 bytes of the path. */
  readonly path: string
  readonly sizeBytes: number
}

/** The work tree as a git tree object, ignored files left out unless the base has them. */
export interface Snapshot {
  readonly tree: string
  /** Not part of `tree`; empty when the snapshot is `whole`. */
  readonly large: readonly LargeFile[]
}

export interface SnapshotOptions {
  readonly base: string
  /** True when the result is stored or landed: nothing may be left out. */
  readonly whole: boolean
  readonly signal?: AbortSignal | undefined
}

const largeBytes = 64 * 1024 * 1024
const attempts = 3
/** A pipe in place of an ignore file holds git for ever; a scan of a hundred thousand files takes a second. */
const scanTimeoutMs = 15_000

/**
 * Brings our index up to date with the tree and writes it as a tree object. Costs little when nothing changed: git
 * compares file times and sizes. Nothing in the tree is executed: our configuration names no filter, monitor or driver,
 * links are stored as links, and repositories inside the tree are passed over (git would ask *their* configuration).
 */
export async function takeSnapshot(git: GitCalls, area: Area, options: SnapshotOptions): Promise<Snapshot> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await findChanges(git, area, options.signal).catch((error: unknown) =>
      blamePipe(area, error),
    )
    const { removed, small, large } = await sortByKind(area, found, options.whole)
    try {
      const isStable = attempt < attempts
      await applyChanges(git, area, removed, isStable ? small : await readable(area, small), options.signal)
    } catch (error) {
      // The agent may remove or lock a file between look and read: look again, then leave out what can't be read.
      if (attempt >= attempts || !hasCode(error, 'git_failed', 'path_not_writable')) throw error
      continue
    }
    if (found.changed.some((path) => path === '.gitignore' || path.endsWith('/.gitignore'))) {
      await dropIgnored(git, area, options)
    }
    const tree = lineOf(
      await git.host(withTree(area), ['write-tree', '--missing-ok'], { signal: options.signal }),
    )
    return { tree, large }
  }
}

interface Found {
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

async function findChanges(git: GitCalls, area: Area, signal?: AbortSignal): Promise<Found> {
  const removed: string[] = []
  const changed: string[] = []
  const others: string[] = []
  let facts: string | undefined
  const onTracked = createFieldReader((field) => {
    if (facts === undefined) {
      facts = field
      return
    }
    const [, newMode, , , status] = facts.split(' ')
    facts = undefined
    // 160000 in a file's place: a pipe, a socket or a repository; none of them is content.
    if (status === 'D' || newMode === '160000') removed.push(field)
    else changed.push(field)
  })
  const onOther = createFieldReader((path) => {
    // A closing slash marks a repository inside the tree.
    if (!path.endsWith('/')) others.push(path)
  })
  const options = { signal, timeoutMs: scanTimeoutMs }
  await Promise.all([
    git.host(withTree(area), ['diff-files', '--raw', '-z', '--no-renames', '--ignore-submodules=all'], {
      ...options,
      onStdout: onTracked,
    }),
    git.host(withTree(area), ['ls-files', '-z', '--others', '--exclude-standard'], {
      ...options,
      onStdout: onOther,
    }),
  ])
  return { removed, changed: changed.concat(others) }
}

/** git opens ignore and attributes files without asking what they are; a pipe there holds it until its time is up. */
async function blamePipe(area: Area, error: unknown): Promise<never> {
  if (!hasCode(error, 'git_failed')) throw error
  for await (const entry of glob('**/.git{ignore,attributes}', { cwd: area.tree, withFileTypes: true })) {
    if (entry.isFile() || entry.isSymbolicLink() || entry.isDirectory()) continue
    const name = relative(area.tree, join(entry.parentPath, entry.name))
    const detail = `${name} is neither a file nor a folder`
    throw new SignalboxError(
      'git_failed',
      { command: 'ls-files', detail },
      { message: `The workarea can't be read: ${detail}.`, cause: error },
    )
  }
  throw error
}

/** The path of a file in the tree as bytes, whatever its encoding. */
function bytesOf(area: Area, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${area.tree}/`), Buffer.from(path, 'latin1')])
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += 256)
    results.push(...(await Promise.all(items.slice(at, at + 256).map(work))))
  return results
}

interface Sorted {
  readonly removed: readonly string[]
  readonly small: readonly string[]
  readonly large: readonly LargeFile[]
}

/** What git is asked to read: files and links. A pipe or socket in a file's place means that the file is gone. */
async function sortByKind(area: Area, found: Found, isWhole: boolean): Promise<Sorted> {
  const states = await inBatches(found.changed, (path) => lstat(bytesOf(area, path)).catch(() => undefined))
  const removed = [...found.removed]
  const small: string[] = []
  const large: LargeFile[] = []
  for (const [at, path] of found.changed.entries()) {
    const state = states[at]
    if (!state?.isFile() && !state?.isSymbolicLink()) removed.push(path)
    else if (!isWhole && state.isFile() && state.size > largeBytes)
      large.push({ path, sizeBytes: state.size })
    else small.push(path)
  }
  return { removed, small, large }
}

/** Leaves out files that we may not open; links need no opening. */
async function readable(area: Area, paths: readonly string[]): Promise<string[]> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const answers = await inBatches(paths, async (path) => {
    const status = await lstat(bytesOf(area, path)).catch(() => undefined)
    if (!status?.isFile()) return status?.isSymbolicLink() ?? false
    return open(bytesOf(area, path), flags).then(
      (file) => file.close().then(() => true),
      () => false,
    )
  })
  return paths.filter((_, at) => answers[at])
}

async function applyChanges(
  git: GitCalls,
  area: Area,
  removed: readonly string[],
  changed: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (removed.length > 0) await removeEntries(git, area, removed, signal)
  if (changed.length === 0) return
  const stdin = Buffer.from(`${changed.join('\0')}\0`, 'latin1')
  await git.host(withTree(area), ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'], {
    stdin,
    signal,
  })
}

async function removeEntries(
  git: GitCalls,
  area: Area,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const zero = '0'.repeat(40)
  const lines = paths.map((path) => `0 ${zero}\t${path}\0`).join('')
  await git.host(withTree(area), ['update-index', '-z', '--index-info'], {
    stdin: Buffer.from(lines, 'latin1'),
    signal,
  })
}

/** An ignore rule written after the files it names: they were ours for a moment, now they are not. */
async function dropIgnored(git: GitCalls, area: Area, options: SnapshotOptions): Promise<void> {
  const { signal } = options
  const listed = zeroFields(
    await git.host(withTree(area), ['ls-files', '-z', '--cached', '--ignored', '--exclude-standard'], {
      signal,
    }),
  )
  if (listed.length === 0) return
  const args = [
    'diff-index',
    '--cached',
    '-z',
    '--name-only',
    '--no-renames',
    '--diff-filter=A',
    '--ignore-submodules=all',
    options.base,
  ]
  const added = new Set(zeroFields(await git.host(withTree(area), args, { signal })))
  const dropped = listed.filter((path) => added.has(path))
  if (dropped.length > 0) await removeEntries(git, area, dropped, signal)
}

/**
 * Records a snapshot as a commit of ours. Author and committer are the user; the message is given as it is.
 */
export async function commitTree(
  git: GitCalls,
  area: Area,
  commit: { tree: string; parents: readonly string[]; message: string; author: Author; atMs: number },
): Promise<string> {
  const when = `${Math.floor(commit.atMs / 1000)} +0000`
  const env = {
    GIT_AUTHOR_NAME: commit.author.name,
    GIT_AUTHOR_EMAIL: commit.author.email,
    GIT_AUTHOR_DATE: when,
    GIT_COMMITTER_NAME: commit.author.name,
    GIT_COMMITTER_EMAIL: commit.author.email,
    GIT_COMMITTER_DATE: when,
  }
  const parents = commit.parents.flatMap((parent) => ['-p', parent])
  const args = ['commit-tree', commit.tree, ...parents, '-F', '-']
  return lineOf(await git.host(withoutTree(area), args, { env, stdin: commit.message }))
}

export interface Author {
  readonly name: string
  readonly email: string
}

/** Names and addresses go into configuration files and commits: no control characters, no angle brackets. */
export function plainIdentity(name: string, email: string): Author | undefined {
  const clean = (text: string) => text.replace(/[\p{Cc}<>]/gu, '').trim()
  const author = { name: clean(name).slice(0, 200), email: clean(email).slice(0, 200) }
  return author.name === '' || author.email === '' ? undefined : author
}

/** Who lands: the identity that git would use in the user's repository, else a neutral one. */
export async function userIdentity(
  git: GitCalls,
  root: string,
): Promise<Author & { readonly isKnown: boolean }> {
  return identityOf(await readUserSettings(git, root))
}

/** The identity that the user's configuration names, else the neutral one. */
export function identityOf(settings: UserSettings): Author & { readonly isKnown: boolean } {
  const author = plainIdentity(settings.get('user.name') ?? '', settings.get('user.email') ?? '')
  return author === undefined
    ? { name: 'Signalbox', email: 'signalbox@localhost', isKnown: false }
    : { ...author, isKnown: true }
}
