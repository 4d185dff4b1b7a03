import type { RepositoryInfo } from '../../contract/workarea.ts'
import { createFieldReader, type GitCalls, lineOf, readOnly } from './git-calls.ts'
import { locateSource, type Source } from './source-repository.ts'

const maxBranches = 500

/** Everything that a person wants to know of a folder before a session is started on it. Reads only. */
export async function inspectRepository(
  git: GitCalls,
  path: string,
  signal?: AbortSignal,
): Promise<RepositoryInfo> {
  const source = await locateSource(git, path, signal)
  const [dirtyFiles, branches, content] = await Promise.all([
    countDirty(git, source, signal),
    listBranches(git, source, signal),
    readContent(git, source, source.head.commit, signal),
  ])
  const facts = { source, dirtyFiles, ...content }
  return {
    path,
    root: source.root,
    kind: source.kind,
    head: { ...source.head },
    isDirty: dirtyFiles > 0,
    dirtyFiles,
    branches,
    isShallow: source.isShallow,
    isPartial: source.isPartial,
    hasSubmodules: content.submodules > 0,
    usesLfs: content.usesLfs,
    fileCount: content.fileCount,
    notes: notesOf(facts),
  }
}

async function countDirty(git: GitCalls, source: Source, signal?: AbortSignal): Promise<number> {
  if (source.kind === 'bare') return 0
  const args = [
    'status',
    '--porcelain=v1',
    '-z',
    '--no-renames',
    '--untracked-files=all',
    '--ignore-submodules=dirty',
  ]
  let count = 0
  const onStdout = createFieldReader(() => {
    count += 1
  })
  await git.user(source.root, args, { env: readOnly, signal, onStdout })
  return count
}

async function listBranches(git: GitCalls, source: Source, signal?: AbortSignal): Promise<string[]> {
  const format = '--format=%(refname:lstrip=2)'
  const args = ['for-each-ref', '--sort=-committerdate', `--count=${maxBranches}`, format, 'refs/heads']
  const text = lineOf(await git.user(source.root, args, { env: readOnly, signal }))
  return text === '' ? [] : text.split('\n')
}

interface Content {
  readonly fileCount: number
  readonly submodules: number
  readonly usesLfs: boolean
}

async function readContent(
  git: GitCalls,
  source: Source,
  commit: string | null,
  signal?: AbortSignal,
): Promise<Content> {
  if (commit === null) return { fileCount: 0, submodules: 0, usesLfs: false }
  let fileCount = 0
  let submodules = 0
  const onStdout = createFieldReader((entry) => {
    fileCount += 1
    if (entry.startsWith('160000 ')) submodules += 1
  })
  await git.user(source.root, ['ls-tree', '-r', '-z', commit], { env: readOnly, signal, onStdout })
  return {
    fileCount: fileCount - submodules,
    submodules,
    usesLfs: await usesLfs(git, source.root, commit, signal),
  }
}

/** True when an attributes file of the commit asks for the LFS filter. */
export async function usesLfs(
  git: GitCalls,
  root: string,
  commit: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const args = ['grep', '-q', '-F', '-e', 'filter=lfs', commit, '--', ':(top,glob)**/.gitattributes']
  const answer = await git.user(root, args, { env: readOnly, signal, okCodes: [0, 1] })
  return answer.code === 0
}

function notesOf(facts: Content & { source: Source; dirtyFiles: number }): string[] {
  const { source, dirtyFiles } = facts
  const notes: string[] = []
  const head = source.head
  if (head.commit === null)
    notes.push('There is no commit yet: a session needs a first commit to start from.')
  if (head.isDetached) notes.push('HEAD is detached: landing makes a new branch.')
  if (source.kind === 'bare')
    notes.push('This is a bare repository: there is no checkout, landing moves the branch alone.')
  if (source.kind === 'linked-worktree') notes.push(`This is a linked worktree of ${source.commonDir}.`)
  if (dirtyFiles > 0) {
    notes.push(
      `${dirtyFiles === 1 ? 'One file has' : `${dirtyFiles} files have`} uncommitted changes; they can be carried over.`,
    )
  }
  if (source.isShallow)
    notes.push('The history is cut off (shallow clone): its objects are copied instead of shared.')
  if (source.isPartial) {
    notes.push(
      'Some objects are missing (partial clone): what is here is copied, nothing is fetched from the network.',
    )
  }
  if (facts.submodules > 0)
    notes.push('It has submodules: those whose commits are on this machine are checked out.')
  if (facts.usesLfs)
    notes.push('It uses Git LFS: large files are taken from the local LFS store, the others stay pointers.')
  return notes
}
