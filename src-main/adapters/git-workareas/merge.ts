import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import { type Area, treeOf, withoutTree, withTree } from './area.ts'
import { shallowText } from './borrow.ts'
import { shownName, zeroFields } from './git-calls.ts'
import { type Means, refOf } from './means.ts'
import { copyObjects, storeChain } from './object-stores.ts'
import { plainFolder } from './plain-files.ts'
import { commitTree, userIdentity } from './snapshot.ts'
import type { Source } from './source-repository.ts'
import type { WorkCommit } from './work-commit.ts'

const maxScannedBytes = 16 * 1024 * 1024

/** Makes a commit of the user's repository readable for our git directory, and keeps gc away from it meanwhile. */
export async function bringTarget(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  source: Source,
  commit: string,
): Promise<void> {
  if (record.mode === 'shared') {
    await means.git.user(source.root, ['update-ref', '--no-deref', refOf(record.sessionId, 'target'), commit])
    return
  }
  const known = await means.git.host(withoutTree(area), ['cat-file', '-e', `${commit}^{tree}`], {
    okCodes: [0, 1, 128],
  })
  if (known.code === 0) return
  await copyObjects(await storeChain(join(source.commonDir, 'objects')), join(area.baseGit, 'objects'))
  const shallow = await shallowText(source)
  if (shallow !== undefined) await writeFile(join(area.hostGit, 'shallow'), shallow)
}

export type Merged =
  | { readonly kind: 'clean'; readonly commit: string }
  /** The target has the same content already, under other commits. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'conflict'; readonly files: readonly string[] }

/**
 * Merges the target into the work, in our git directory. On conflict the tree gets the merged files with conflict
 * markers, so that a person or the agent can solve them. Merge drivers are git's own: no configuration names another.
 */
export async function mergeTarget(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  work: WorkCommit,
  target: { readonly branch: string; readonly commit: string },
  signal?: AbortSignal,
): Promise<Merged> {
  const { git } = means
  const host = withoutTree(area)
  // Under these names, because git writes them behind the conflict markers.
  await git.host(host, ['update-ref', '--no-deref', 'refs/session', work.commit])
  await git.host(host, ['update-ref', '--no-deref', 'refs/target', target.commit])
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', 'session', 'target']
  const answer = await git.host(host, args, { okCodes: [0, 1], signal })
  const [tree = '', ...names] = zeroFields(answer)
  if (answer.code === 0) {
    if (tree === (await treeOf(git, area, target.commit))) return { kind: 'nothing' }
    const message = `Merge ${record.branch} into ${target.branch}\n`
    const author = await userIdentity(git, record.repositoryPath)
    const parents = [target.commit, work.commit]
    return {
      kind: 'clean',
      commit: await commitTree(git, area, { tree, parents, message, author, atMs: means.clock.nowMs() }),
    }
  }
  await git.host(withTree(area), ['read-tree', '-m', '-u', work.tree, tree], { signal })
  return { kind: 'conflict', files: [...new Set(names.filter((name) => name !== '').map(shownName))] }
}

/** Which of the conflicting files still hold a pair of markers; read without following links. */
export async function unsolvedFiles(area: Area, files: readonly string[]): Promise<string[]> {
  const folder = plainFolder(area.tree)
  const unsolved: string[] = []
  for (const file of files) {
    const text = (await folder.read(file.split('/'), maxScannedBytes))?.toString('latin1') ?? ''
    if (/^<{7} session/m.test(text) && /^>{7} target/m.test(text)) unsolved.push(file)
  }
  return unsolved
}

export function landConflict(files: readonly string[], target: string): SignalboxError {
  const count = files.length === 1 ? 'One file conflicts' : `${files.length} files conflict`
  return new SignalboxError(
    'land_conflict',
    { files: [...files], target },
    { message: `${count} with ${target}.` },
  )
}
