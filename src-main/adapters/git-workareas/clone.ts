import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Area, createGitDirectory, type GitDirectoryOptions } from './area.ts'
import type { HostPlace } from './git-calls.ts'
import { copyIndex } from './index-file.ts'
import type { Means } from './means.ts'
import { storeVariable } from './object-stores.ts'
import type { Author } from './snapshot.ts'
import type { Base } from './source-repository.ts'

export interface CloneOptions extends GitDirectoryOptions {
  readonly base: Base
  readonly branch: string
  readonly identity: Author
  /** Ignore rules of the user that are in no file of the tree. */
  readonly exclude: string
}

/**
 * The agent's own `.git` over the tree: the base branch alone, no tags, no remote, borrowed objects. Made before the
 * agent is there; from then on host git never opens it. The files may be checked out meanwhile.
 */
export async function createClone(means: Means, area: Area, options: CloneOptions): Promise<void> {
  const { git } = means
  const { base, branch, signal } = options
  const gitDir = join(area.tree, '.git')
  const place: HostPlace = { gitDir, about: area.tree }
  await createGitDirectory(git, gitDir, {
    ...options,
    config: [
      ...options.config,
      ['core.bare', 'false'],
      ['core.logAllRefUpdates', 'true'],
      ['gc.auto', '0'],
      ['user.name', options.identity.name],
      ['user.email', options.identity.email],
    ],
  })
  const isBranch = base.ref !== base.commit && !/^(tags|remotes)\//.test(base.ref)
  const refs = [`refs/heads/${branch}`, ...(isBranch ? [`refs/heads/${base.ref}`] : [])]
  const stdin = refs.map((ref) => `create ${ref} ${base.commit}\n`).join('')
  await git.host(place, ['update-ref', '--stdin'], { stdin, signal })
  await writeFile(join(gitDir, 'info', 'exclude'), options.exclude)
}

/** Gives the clone its index, once the files are there. */
export async function fillIndex(
  means: Means,
  area: Area,
  base: Base,
  isCarried: boolean,
  signal: AbortSignal,
): Promise<void> {
  const gitDir = join(area.tree, '.git')
  // Our index has looked at these very files, so its copy spares the agent's git a second look at each.
  await copyIndex(join(area.hostGit, 'index'), join(gitDir, 'index'))
  if (!isCarried) return
  // Carried changes are uncommitted work: the index goes back to the base, the files stay.
  const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: storeVariable(join(area.hostGit, 'objects')) }
  await means.git.host({ gitDir, workTree: area.tree }, ['read-tree', '-m', base.commit], { signal, env })
}
