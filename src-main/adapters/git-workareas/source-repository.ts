import { access, constants, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { type GitCalls, lineOf, readOnly } from './git-calls.ts'
import { codeOf, hasCode } from './git-errors.ts'
import { isThere } from './plain-files.ts'
import { together } from './together.ts'
import { isPartialClone, readUserSettings, type UserSettings } from './user-settings.ts'

/** Where a repository of the user really lies. */
export interface Source {
  /** Top of the work tree, or the git directory of a bare repository. Calls start here. */
  readonly root: string
  readonly kind: 'plain' | 'bare' | 'linked-worktree'
  /** HEAD and index of this work tree. */
  readonly gitDir: string
  /** Refs and objects, shared by all work trees. */
  readonly commonDir: string
  readonly objectFormat: 'sha1' | 'sha256'
  readonly head: {
    readonly branch: string | null
    readonly commit: string | null
    readonly isDetached: boolean
  }
  readonly isShallow: boolean
  readonly isPartial: boolean
  /** What the user's configuration says there of the few things that we follow. */
  readonly settings: UserSettings
}

/** Finds the repository that a folder belongs to, or says in one sentence why it can't be worked on. */
export async function locateSource(git: GitCalls, path: string, signal?: AbortSignal): Promise<Source> {
  const folder = await realFolder(path)
  const [usual, settings] = await together(signal, (either) => [
    locateUsual(git, folder, either),
    readUserSettings(git, folder, either),
  ])
  const location = usual ?? (await locateStepwise(git, path, folder, signal))
  return { ...location, settings, isPartial: isPartialClone(settings) }
}

type Location = Omit<Source, 'settings' | 'isPartial'>

/** A checkout with a commit, in one call. Undefined for everything else: errors, bare, no commit, newlines in a name. */
async function locateUsual(
  git: GitCalls,
  folder: string,
  signal?: AbortSignal,
): Promise<Location | undefined> {
  const facts = ['--is-inside-git-dir', '--show-object-format', '--is-shallow-repository']
  const places = ['--show-toplevel', '--absolute-git-dir', '--path-format=absolute', '--git-common-dir']
  const head = ['HEAD^{commit}', '--symbolic-full-name', 'HEAD']
  const answer = await git.user(folder, ['rev-parse', ...facts, ...places, ...head], {
    env: readOnly,
    signal,
    okCodes: [0, 128],
  })
  const lines = lineOf(answer).split('\n')
  const [isInside, format, isShallow, root = '', gitDir = '', commonDir = '', commit = '', name = ''] = lines
  const branch = name.startsWith('refs/heads/') ? name.slice('refs/heads/'.length) : null
  if (answer.code !== 0 || lines.length !== 8 || isInside !== 'false') return undefined
  if (branch === null && name !== 'HEAD') return undefined
  return {
    root,
    kind: resolve(gitDir) === resolve(commonDir) ? 'plain' : 'linked-worktree',
    gitDir,
    commonDir,
    objectFormat: format === 'sha256' ? 'sha256' : 'sha1',
    head: { branch, commit, isDetached: branch === null },
    isShallow: isShallow === 'true',
  }
}

/** Every other repository, fact by fact, so that each refusal has its own words. */
async function locateStepwise(
  git: GitCalls,
  path: string,
  folder: string,
  signal?: AbortSignal,
): Promise<Location> {
  const read = async (args: readonly string[], okCodes: readonly number[] = [0], at = folder) =>
    lineOf(await git.user(at, args, { env: readOnly, signal, okCodes }))
  const isInside = await read(['rev-parse', '--is-inside-git-dir']).catch((error: unknown) =>
    explain(error, path, folder),
  )
  const isBare = (await read(['rev-parse', '--is-bare-repository'])) === 'true'
  const gitDir = await read(['rev-parse', '--absolute-git-dir'])
  const commonDir = await read(['rev-parse', '--path-format=absolute', '--git-common-dir'])
  const root = isBare ? commonDir : await workTreeOf(read, isInside === 'true', gitDir, path)
  const branch = (await read(['symbolic-ref', '-q', '--short', 'HEAD'], [0, 1], root)) || null
  const commit = (await read(['rev-parse', '-q', '--verify', 'HEAD^{commit}'], [0, 1, 128], root)) || null
  const format = await read(['rev-parse', '--show-object-format'])
  return {
    root,
    kind: isBare ? 'bare' : resolve(gitDir) === resolve(commonDir) ? 'plain' : 'linked-worktree',
    gitDir,
    commonDir,
    objectFormat: format === 'sha256' ? 'sha256' : 'sha1',
    head: { branch, commit, isDetached: branch === null && commit !== null },
    isShallow: (await read(['rev-parse', '--is-shallow-repository'])) === 'true',
  }
}

async function realFolder(path: string): Promise<string> {
  try {
    const real = await realpath(path)
    if ((await stat(real)).isDirectory()) {
      await access(real, constants.R_OK | constants.X_OK)
      return real
    }
  } catch (error) {
    throw folderFailure(error, path)
  }
  const detail = 'It is a file; choose the folder of a repository.'
  throw new SignalboxError(
    'not_a_repository',
    { path, detail },
    { message: `${path} is a file, not the folder of a repository.` },
  )
}

function folderFailure(error: unknown, path: string): unknown {
  const code = codeOf(error)
  if (code === 'EACCES' || code === 'EPERM') {
    return new SignalboxError(
      'path_not_readable',
      { path, detail: code },
      { message: `${path} can't be read: permission denied.` },
    )
  }
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return new SignalboxError(
      'path_not_found',
      { path, detail: code },
      { message: `${path} does not exist.` },
    )
  }
  return error
}

/** git calls a repository that it can't read "not a repository"; the difference matters to the person who owns it. */
async function explain(error: unknown, path: string, folder: string): Promise<never> {
  if (hasCode(error, 'path_not_writable')) throw unreadable(path)
  if (!hasCode(error, 'not_a_repository')) throw error
  for (let at = folder; ; at = dirname(at)) {
    const dotGit = join(at, '.git')
    if (await isThere(dotGit)) {
      const isReadable = await access(dotGit, constants.R_OK).then(
        () => true,
        () => false,
      )
      if (!isReadable) throw unreadable(path)
      const detail = `${dotGit} is there, but git does not recognise it as a repository.`
      throw new SignalboxError(
        'not_a_repository',
        { path, detail },
        { message: `${path} is not a git repository: ${detail}` },
      )
    }
    if (dirname(at) === at) break
  }
  const detail = 'Run "git init" in it first, or choose another folder.'
  throw new SignalboxError(
    'not_a_repository',
    { path, detail },
    { message: `${path} is not a git repository. ${detail}` },
  )
}

function unreadable(path: string): SignalboxError {
  const message = `The repository in ${path} can't be read: permission denied.`
  return new SignalboxError('path_not_readable', { path, detail: 'permission denied' }, { message })
}

/** The top of the work tree; a `.git` folder chosen by mistake leads to the checkout that it belongs to. */
async function workTreeOf(
  read: (args: readonly string[], okCodes?: readonly number[], at?: string) => Promise<string>,
  isInsideGitDir: boolean,
  gitDir: string,
  path: string,
): Promise<string> {
  if (!isInsideGitDir) return read(['rev-parse', '--show-toplevel'])
  try {
    return await read(['rev-parse', '--show-toplevel'], [0], dirname(gitDir))
  } catch (error) {
    const detail = 'It lies inside a git directory; choose the folder of the checkout.'
    throw new SignalboxError(
      'not_a_repository',
      { path, detail },
      { message: `${path}: ${detail}`, cause: error },
    )
  }
}

/** Whether references and objects can be added; a read-only file system says no even to root. */
export async function isWritable(source: Source): Promise<boolean> {
  const places = [source.commonDir, join(source.commonDir, 'refs'), join(source.commonDir, 'objects')]
  return Promise.all(places.map((place) => access(place, constants.W_OK))).then(
    () => true,
    () => false,
  )
}

export interface Base {
  readonly commit: string
  /** `main` for a branch, `tags/v1`, `remotes/origin/main`, else the commit: never to be mistaken for a branch. */
  readonly ref: string
}

/** What a session starts from. Throws `base_not_found`, and `repository_empty` when there is no commit at all. */
export async function resolveBase(
  git: GitCalls,
  source: Source,
  base: string | undefined,
  signal?: AbortSignal,
): Promise<Base> {
  if (base === undefined) {
    if (source.head.commit === null) throw await emptyOrUnborn(git, source, signal)
    return { commit: source.head.commit, ref: source.head.branch ?? source.head.commit }
  }
  const options = { env: readOnly, signal, okCodes: [0, 1, 128] }
  const verify = async (name: string) =>
    lineOf(
      await git.user(
        source.root,
        ['rev-parse', '-q', '--verify', '--end-of-options', `${name}^{commit}`],
        options,
      ),
    )
  for (const folder of ['heads', 'tags', 'remotes']) {
    const commit = await verify(`refs/${folder}/${base}`)
    if (commit !== '') return { commit, ref: folder === 'heads' ? base : `${folder}/${base}` }
  }
  const commit = await verify(base)
  if (commit !== '') return { commit, ref: commit }
  if (source.head.commit === null) throw await emptyOrUnborn(git, source, signal)
  throw new SignalboxError(
    'base_not_found',
    { path: source.root, base },
    { message: `${source.root} has no branch, tag or commit "${base}".` },
  )
}

async function emptyOrUnborn(git: GitCalls, source: Source, signal?: AbortSignal): Promise<SignalboxError> {
  const path = source.root
  const branches = await git.user(path, ['for-each-ref', '--count=1', 'refs/heads'], {
    env: readOnly,
    signal,
  })
  const isEmpty = branches.stdout.length === 0
  const detail = isEmpty
    ? 'It has no commit yet. Make a first commit, even an empty one: git commit --allow-empty -m "Start".'
    : `The checked-out branch "${source.head.branch ?? 'HEAD'}" has no commit yet. Choose another branch as base.`
  return new SignalboxError('repository_empty', { path, detail }, { message: `${path}: ${detail}` })
}
