import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Area } from './area.ts'
import { type CallOptions, createFieldReader, lineOf } from './git-calls.ts'
import { codeOf, translateFileFailure } from './git-errors.ts'
import { copyIndex } from './index-file.ts'
import type { Means } from './means.ts'
import type { Source } from './source-repository.ts'

/**
 * The user's checkout as it is now, tracked and untracked but not ignored, as a tree in our object store. Works on a
 * copy of the index: neither the user's index nor a file is touched. The user's filters apply, as for `git add`.
 */
export async function carryOver(
  means: Means,
  area: Area,
  source: Source,
  signal: AbortSignal,
): Promise<{ readonly tree: string; readonly notes: readonly string[] }> {
  const index = join(area.folder, 'carry.index')
  const env = { GIT_INDEX_FILE: index, GIT_OBJECT_DIRECTORY: join(area.hostGit, 'objects') }
  const call = (args: readonly string[], options: Pick<CallOptions, 'stdin' | 'okCodes' | 'onStdout'> = {}) =>
    means.git.user(source.root, args, {
      ...options,
      env,
      signal,
      before: ['-c', 'advice.addEmbeddedRepo=false'],
    })
  try {
    await copyIndex(join(source.gitDir, 'index'), index).catch((error: unknown) => {
      // No index yet: everything counts as untracked, which gives the same tree.
      if (codeOf(error) !== 'ENOENT') throw translateFileFailure(error, index)
    })
    const notes: string[] = []
    const added = await call(['add', '--all', '--ignore-errors', '--', ':/'], { okCodes: [0, 1] })
    if (added.code === 1) notes.push('Some uncommitted files could not be read and were not carried over.')
    const restored: string[] = []
    const onStdout = createFieldReader(restoredLinks(restored))
    await call(['diff-index', '--cached', '--raw', '-z', '--no-abbrev', '--no-renames', 'HEAD'], { onStdout })
    if (restored.length > 0) {
      notes.push('Changed submodules and repositories inside the checkout were not carried over.')
      await call(['update-index', '-z', '--index-info'], { stdin: Buffer.from(restored.join(''), 'latin1') })
    }
    return { tree: lineOf(await call(['write-tree', '--missing-ok'])), notes }
  } finally {
    await rm(index, { force: true })
    await rm(`${index}.lock`, { force: true })
  }
}

/**
 * Adds index lines that put links to other repositories back as the base has them: their commits are not ours to carry.
 * Takes facts and name of each change in turn.
 */
function restoredLinks(lines: string[]): (field: string) => void {
  let facts: string | undefined
  return (field) => {
    if (facts === undefined) {
      facts = field
      return
    }
    const [oldMode = '', newMode, oldOid = ''] = facts.slice(1).split(' ')
    facts = undefined
    if (newMode !== '160000') return
    const mode = oldMode === '000000' ? '0' : oldMode
    lines.push(`${mode} ${oldOid}\t${field}\0`)
  }
}
