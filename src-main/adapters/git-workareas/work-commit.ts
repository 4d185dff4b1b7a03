import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import { readAgentHead } from './agent-head.ts'
import { isAncestor, takenOver, takeOverCommits } from './agent-objects.ts'
import { type Area, type LandingState, treeOf, withoutTree } from './area.ts'
import { lineOf, shownName, zeroFields } from './git-calls.ts'
import { hasCode } from './git-errors.ts'
import type { Means } from './means.ts'
import { plainFolder } from './plain-files.ts'
import { commitTree, takeSnapshot, userIdentity } from './snapshot.ts'

/** The whole work of a session as one commit on top of its base, in our git directory. */
export interface WorkCommit {
  readonly commit: string
  readonly tree: string
  /** True when neither a file nor a commit differs from the base. */
  readonly isEmpty: boolean
  readonly notes: readonly string[]
}

/**
 * Commits what is uncommitted on top of what the agent committed. The agent's own commits are kept when they can be
 * read, pass git's checks and descend from the base; else its files become one commit on the base. What is landed as
 * content is always the tree that the diff shows.
 */
export async function commitWork(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  state: LandingState,
  message: string,
  signal?: AbortSignal,
): Promise<WorkCommit> {
  const { git } = means
  const snapshot = await takeSnapshot(git, area, { base: record.baseCommit, whole: true, signal })
  const agent = await agentCommit(means, area, record, signal)
  const notes = [...agent.notes, ...(await leftOut(means, area, agent.commit, snapshot.tree))]
  const start = await newest(means, area, agent.commit, state.tip)
  const isSame = (await treeOf(git, area, start)) === snapshot.tree
  const merging = state.merging?.commit
  if (isSame && merging === undefined) {
    return { commit: start, tree: snapshot.tree, isEmpty: start === record.baseCommit, notes }
  }
  const author = await userIdentity(git, record.repositoryPath)
  const parents = merging === undefined ? [start] : [merging, start]
  const commit = await commitTree(git, area, {
    tree: snapshot.tree,
    parents,
    message,
    author,
    atMs: means.clock.nowMs(),
  })
  await git.host(withoutTree(area), ['update-ref', 'refs/signalbox/tip', commit], { signal })
  return { commit, tree: snapshot.tree, isEmpty: false, notes }
}

/** Files that the agent committed although they are ignored: the diff does not show them, so they are not landed. */
async function leftOut(means: Means, area: Area, agent: string, tree: string): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', '--diff-filter=D', agent, tree]
  const missing = zeroFields(await means.git.host(withoutTree(area), args)).map(shownName)
  const folder = plainFolder(area.tree)
  const there: string[] = []
  for (const name of missing) {
    if (await folder.withFile(name.split('/'), async () => true)) there.push(name)
  }
  if (there.length === 0) return []
  return [
    `Left out because they are ignored, though committed: ${there.slice(0, 5).join(', ')}${there.length > 5 ? ', …' : ''}.`,
  ]
}

/** The commit to build on: our own last one when it holds the agent's already, so that nothing is committed twice. */
async function newest(means: Means, area: Area, agent: string, tip: string | null): Promise<string> {
  return tip !== null && (await isAncestor(means, area, agent, tip)) ? tip : agent
}

async function agentCommit(means: Means, area: Area, record: WorkareaRecord, signal?: AbortSignal) {
  const base = { commit: record.baseCommit, notes: [] as string[] }
  const head = await readAgentHead(area.tree)
  if (head === undefined || head === record.baseCommit) return base
  try {
    if ((await takenOver(means, area)) !== head)
      await takeOverCommits(means, area, head, await quarantineOf(means, area), signal)
    if (await isAncestor(means, area, record.baseCommit, head)) return { commit: head, notes: [] }
    return { ...base, notes: ['The session left its base behind, so its files became one commit.'] }
  } catch (error) {
    if (!hasCode(error, 'git_failed', 'not_a_repository')) throw error
    means.log.warn('commits of a session were refused', { workareaId: area.id, error: String(error) })
    return {
      ...base,
      notes: ["The session's own commits did not pass git's checks, so its files became one commit."],
    }
  }
}

/** The quarantine may use what our git directory uses: the borrowed stores, and what was taken over before. */
async function quarantineOf(means: Means, area: Area) {
  const config = await means.git.host(withoutTree(area), ['config', '--get', 'extensions.partialClone'], {
    okCodes: [0, 1],
  })
  return {
    // Borrowing from our own git directory brings its whole chain along; nobody but us can write there.
    stores: [join(area.hostGit, 'objects')],
    isPartial: lineOf(config) !== '',
    shallow: await readFile(join(area.hostGit, 'shallow'), 'utf8').catch(() => undefined),
  }
}
