import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Area, furnishGitDirectory, withoutTree, withTree } from './area.ts'
import { createFieldReader, lineOf, zeroFields } from './git-calls.ts'
import { type Means, refOf } from './means.ts'
import { storeChain } from './object-stores.ts'
import type { Author } from './snapshot.ts'
import type { Source } from './source-repository.ts'

/** An entry of a tree that is a commit of another repository; the path as latin1 bytes. */
export interface Link {
  readonly path: string
  readonly commit: string
}

export interface CheckedOut {
  /** Object stores that the submodules' clones borrow from. */
  readonly stores: readonly string[]
  /** Git directories of the user that hold a reference of ours. */
  readonly refHolders: readonly string[]
  readonly notes: readonly string[]
}

interface Request {
  readonly sessionId: string
  readonly tree: string
  readonly identity: Author
  readonly signal: AbortSignal
}

/**
 * Checks out the submodules whose commits are on this machine, each as a private clone in its place. Never asks the
 * network. Our index keeps its eyes off them: git would run programs that a submodule's own configuration names.
 */
export async function checkOutSubmodules(
  means: Means,
  area: Area,
  source: Source,
  links: readonly Link[],
  request: Request,
): Promise<CheckedOut> {
  if (links.length === 0) return { stores: [], refHolders: [], notes: [] }
  const stdin = Buffer.from(links.map((link) => `${link.path}\0`).join(''), 'latin1')
  await means.git.host(withTree(area), ['update-index', '-z', '--skip-worktree', '--stdin'], {
    stdin,
    signal: request.signal,
  })
  const names = await namesByPath(means, area, request)
  const stores: string[] = []
  const refHolders: string[] = []
  const absent: string[] = []
  for (const link of links) {
    const name = names.get(link.path)
    const moduleDir = name === undefined ? undefined : join(source.commonDir, 'modules', ...name.split('/'))
    const borrowed =
      moduleDir === undefined ? undefined : await checkOutOne(means, area, moduleDir, link, request)
    if (borrowed === undefined || moduleDir === undefined) {
      absent.push(shown(link.path))
      continue
    }
    stores.push(...borrowed)
    refHolders.push(moduleDir)
  }
  const notes = ['Changes inside submodules are neither shown nor landed.']
  if (absent.length > 0) {
    notes.push(
      `Not checked out, because their commits are not on this machine: ${absent.slice(0, 10).join(', ')}.`,
    )
  }
  return { stores, refHolders, notes }
}

const shown = (path: string) => Buffer.from(path, 'latin1').toString('utf8')

/** The submodules of a tree or commit. */
export async function linksOf(
  means: Means,
  area: Area,
  tree: string,
  signal: AbortSignal,
): Promise<readonly Link[]> {
  const links: Link[] = []
  const onStdout = createFieldReader((entry) => {
    const match = /^160000 commit ([0-9a-f]+)\t(.+)$/s.exec(entry)
    if (match?.[1] !== undefined && match[2] !== undefined) links.push({ commit: match[1], path: match[2] })
  })
  await means.git.host(withoutTree(area), ['ls-tree', '-r', '-z', tree], { signal, onStdout })
  return links
}

/** Submodule names by path from `.gitmodules`; a name is a folder below `modules`, so it must not climb. */
async function namesByPath(means: Means, area: Area, request: Request): Promise<Map<string, string>> {
  const args = [
    'config',
    '--blob',
    `${request.tree}:.gitmodules`,
    '-z',
    '--get-regexp',
    '^submodule\\..*\\.path$',
  ]
  const answer = await means.git.host(withoutTree(area), args, {
    okCodes: [0, 1, 128],
    signal: request.signal,
  })
  const names = new Map<string, string>()
  for (const entry of answer.code === 0 ? zeroFields(answer) : []) {
    const match = /^submodule\.(.+)\.path\n(.*)$/s.exec(entry)
    const name = match?.[1]
    const path = match?.[2]
    if (name === undefined || path === undefined) continue
    const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
    if (isPlain && !name.includes('\\')) names.set(path, shown(name))
  }
  return names
}

async function checkOutOne(
  means: Means,
  area: Area,
  moduleDir: string,
  link: Link,
  request: Request,
): Promise<readonly string[] | undefined> {
  const { git } = means
  const { signal } = request
  const stores = await storeChain(join(moduleDir, 'objects'))
  const worktree = join(area.tree, shown(link.path))
  // The checkout made an empty folder for it; anything else in its place is not ours to fill.
  const isEmpty = await readdir(worktree)
    .then((names) => names.length === 0)
    .catch(() => false)
  if (stores.length === 0 || !isEmpty) return undefined
  const hold = ['update-ref', '--no-deref', refOf(request.sessionId, 'base'), link.commit]
  const isHeld = await git
    .host({ gitDir: moduleDir }, hold, { okCodes: [0, 1, 128], signal })
    .then((answer) => answer.code === 0)
  if (!isHeld) return undefined
  const gitDir = join(worktree, '.git')
  const objectFormat = link.commit.length === 64 ? 'sha256' : 'sha1'
  await git.host(
    { gitDir: moduleDir },
    ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, gitDir],
    {
      env: { GIT_DIR: gitDir },
      signal,
    },
  )
  await furnishGitDirectory(gitDir, {
    objectFormat,
    stores,
    isPartial: false,
    shallow: await readFile(join(moduleDir, 'shallow'), 'utf8').catch(() => undefined),
    config: [
      ['core.bare', 'false'],
      ['user.name', request.identity.name],
      ['user.email', request.identity.email],
    ],
    signal,
  })
  await git.host({ gitDir, workTree: worktree }, ['update-ref', '--no-deref', 'HEAD', link.commit], {
    signal,
  })
  await git.host(
    { gitDir, workTree: worktree },
    ['read-tree', '-u', '--reset', lineOf(await git.host({ gitDir }, ['rev-parse', 'HEAD']))],
    {
      signal,
    },
  )
  return stores
}
