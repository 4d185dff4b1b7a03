import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import type { Landing, WorkareaRecord } from '../../ports/workareas.ts'
import { isAncestor } from './agent-objects.ts'
import {
  type Area,
  type Delivery,
  type LandingState,
  noLanding,
  readLandingState,
  treeOf,
  writeLandingState,
} from './area.ts'
import { chooseBranch } from './branch-name.ts'
import { compareTrees } from './changes.ts'
import {
  branchCommit,
  checkoutsOf,
  chooseLandingPlace,
  type LandingPlace,
  whyNotClean,
} from './landing-place.ts'
import { handOverContents } from './lfs.ts'
import { type Means, refOf } from './means.ts'
import { bringTarget, landConflict, mergeTarget, unsolvedFiles } from './merge.ts'
import { locateSource, type Source } from './source-repository.ts'
import {
  asUndoRefusal,
  deliver,
  makeBranch,
  moveBranch,
  removeBranch,
  requireWritable,
  undoRefused,
} from './user-branch.ts'
import { commitWork, type WorkCommit } from './work-commit.ts'

export interface LandOptions {
  readonly target?: string
  readonly message: string
}

const slugOf = (record: WorkareaRecord) => record.branch.replace(/^sb[/-]/, '')

const short = (commit: string) => commit.slice(0, 9)

/** Brings the work of a session into the user's repository; the only thing that ever changes there is a fast-forward. */
export async function landWork(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  options: LandOptions,
  signal?: AbortSignal,
): Promise<Landing> {
  const source = await locateSource(means.git, record.repositoryPath, signal)
  await requireWritable(source)
  const state = await readLandingState(area)
  const work = await commitSolved(means, area, record, state, options.message, signal)
  const landing =
    (await arrivedBefore(means, area, source, state, work)) ??
    (await landAnew(means, area, record, source, work, options, signal))
  // Only now: a commit that did not arrive must not become history of the next attempt.
  const comparedWith = state.merging?.commit ?? state.comparedWith
  await writeLandingState(area, { merging: null, comparedWith, tip: work.commit, delivering: null })
  return landing
}

async function landAnew(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  source: Source,
  work: WorkCommit,
  options: LandOptions,
  signal?: AbortSignal,
): Promise<Landing> {
  const place = await chooseLandingPlace(means.git, source, {
    target: options.target,
    baseRef: record.baseRef,
    slug: slugOf(record),
  })
  return place.kind === 'new'
    ? await landBeside(means, area, record, source, work, place, signal)
    : await landOnBranch(means, area, record, source, work, place, signal)
}

/** A landing of this very work that was cut off after the branch had moved: it only has to be told. */
async function arrivedBefore(
  means: Means,
  area: Area,
  source: Source,
  { delivering }: LandingState,
  work: WorkCommit,
): Promise<Landing | undefined> {
  if (delivering === null) return undefined
  const { branch, commit, previousCommit, tree } = delivering
  if ((await branchCommit(means.git, source.root, branch)) !== commit) return undefined
  // A clean merge with the target changed the tree before it was sent off.
  if (work.tree !== tree && work.tree !== (await treeOf(means.git, area, commit))) return undefined
  const note = `The work had reached ${branch} already when its landing was cut off.`
  return { branch, commit, previousCommit, note }
}

async function announce(area: Area, delivering: Delivery): Promise<void> {
  await writeLandingState(area, { ...(await readLandingState(area)), delivering })
}

/** The work as a commit, once no conflict of an earlier attempt is left in its files. */
async function commitSolved(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  state: LandingState,
  message: string,
  signal?: AbortSignal,
): Promise<WorkCommit> {
  const unsolved = await unsolvedFiles(area, state.merging?.files ?? [])
  if (unsolved.length > 0) throw landConflict(unsolved, state.merging?.target ?? '')
  const work = await commitWork(means, area, record, state, message, signal)
  if (work.isEmpty) throw nothingToLand(record)
  return work
}

function nothingToLand(record: WorkareaRecord): SignalboxError {
  return new SignalboxError(
    'nothing_to_land',
    { sessionId: record.sessionId },
    { message: 'There is nothing new to land.' },
  )
}

async function landBeside(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  source: Source,
  work: WorkCommit,
  place: Extract<LandingPlace, { kind: 'new' }>,
  signal?: AbortSignal,
): Promise<Landing> {
  await deliver(means.git, area, source, work.commit, refOf(record.sessionId, 'result'), signal)
  const lfsNote = await bringContents(means, area, record, source, work)
  await announce(area, { branch: place.branch, commit: work.commit, previousCommit: null, tree: work.tree })
  await makeBranch(means.git, source, place.branch, work.commit, `land ${record.sessionId}`)
  const note = [
    `${place.why} The work is on the new branch ${place.branch}.`,
    ...work.notes,
    ...lfsNote,
  ].join(' ')
  return { branch: place.branch, commit: work.commit, previousCommit: null, note }
}

async function landOnBranch(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  source: Source,
  work: WorkCommit,
  place: Extract<LandingPlace, { kind: 'branch' }>,
  signal?: AbortSignal,
): Promise<Landing> {
  await bringTarget(means, area, record, source, place.commit)
  if (await isAncestor(means, area, work.commit, place.commit)) throw nothingToLand(record)
  const isAhead = await isAncestor(means, area, place.commit, work.commit)
  const commit = isAhead ? work.commit : await mergeOrStop(means, area, record, work, place, signal)
  await deliver(means.git, area, source, commit, refOf(record.sessionId, 'result'), signal)
  const lfsNote = await bringContents(means, area, record, source, work)
  await announce(area, { branch: place.branch, commit, previousCommit: place.commit, tree: work.tree })
  const obstacle = await moveBranch(means.git, source, {
    branch: place.branch,
    from: place.commit,
    to: commit,
    isCheckedOut: place.checkout !== null,
    why: `land ${record.sessionId}`,
    isSmudgeSkipped: lfsNote.length > 0,
  })
  if (obstacle !== undefined) {
    const branch = await chooseBranch(means.git, source.root, slugOf(record), signal)
    const why = `The checkout of ${place.branch} can't take the work (${obstacle}).`
    return landBeside(means, area, record, source, work, { kind: 'new', branch, why }, signal)
  }
  const merged = isAhead ? '' : ` after merging what had been added to ${place.branch} since`
  const where = place.checkout === null ? '' : ` and its checkout`
  const note = [
    `Moved ${place.branch}${where} forward to ${short(commit)}${merged}.`,
    ...work.notes,
    ...lfsNote,
  ].join(' ')
  return { branch: place.branch, commit, previousCommit: place.commit, note }
}

async function mergeOrStop(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  work: WorkCommit,
  place: Extract<LandingPlace, { kind: 'branch' }>,
  signal?: AbortSignal,
): Promise<string> {
  const merged = await mergeTarget(means, area, record, work, place, signal)
  if (merged.kind === 'clean') return merged.commit
  if (merged.kind === 'nothing') throw nothingToLand(record)
  const merging = { commit: place.commit, target: place.branch, files: merged.files }
  const { tip } = await readLandingState(area)
  await writeLandingState(area, { ...noLanding, merging, comparedWith: place.commit, tip })
  throw landConflict(merged.files, place.branch)
}

/** Large contents travel beside git's objects. Returns a sentence when some are missing. */
async function bringContents(
  means: Means,
  area: Area,
  record: WorkareaRecord,
  source: Source,
  work: WorkCommit,
): Promise<string[]> {
  const { changes } = await compareTrees(means.git, area, record.baseCommit, { tree: work.tree, large: [] })
  const missing = await handOverContents(means, area, changes, join(source.commonDir, 'lfs', 'objects'))
  return missing === 0
    ? []
    : [`The contents of ${missing} LFS ${missing === 1 ? 'file is' : 'files are'} not on this machine.`]
}

/** Stores the present tree as a commit of ours in the user's repository, or null when there is nothing to keep. */
export async function saveWork(means: Means, area: Area, record: WorkareaRecord, message: string) {
  const state = await readLandingState(area)
  // Markers of an unfinished merge are stored as they stand, as plain work and not as a merge.
  const work = await commitWork(means, area, record, { ...state, merging: null }, message)
  if (work.isEmpty) return null
  const source = await locateSource(means.git, record.repositoryPath)
  await deliver(means.git, area, source, work.commit, refOf(record.sessionId, 'result'))
  await bringContents(means, area, record, source, work)
  return { commit: work.commit, tree: work.tree }
}

/** Takes a landing back while nothing has been built on it. */
export async function undoLanding(means: Means, record: WorkareaRecord, landing: Landing): Promise<void> {
  const { git } = means
  const { branch, commit, previousCommit } = landing
  const source = await locateSource(git, record.repositoryPath)
  const current = await branchCommit(git, source.root, branch)
  if (current === null) throw undoRefused(`the branch ${branch} no longer exists.`)
  if (current !== commit)
    throw undoRefused(`${branch} has moved on from ${short(commit)} to ${short(current)}.`)
  const checkouts = await checkoutsOf(git, source.root, branch)
  const elsewhere = checkouts.find((path) => path !== source.root)
  if (elsewhere !== undefined)
    throw undoRefused(`${branch} is checked out in ${elsewhere}.`, 'Check out another branch there.')
  const isCheckedOut = checkouts.length > 0 && source.kind !== 'bare'
  const trouble = isCheckedOut ? await whyNotClean(git, source) : undefined
  if (trouble !== undefined)
    throw undoRefused(`${branch} is checked out and ${trouble}.`, 'Commit or stash them first.')
  const why = `undo landing of ${record.sessionId}`
  try {
    if (previousCommit !== null) {
      const move = { branch, from: commit, to: previousCommit, isCheckedOut, why, isSmudgeSkipped: false }
      const obstacle = await moveBranch(git, source, move)
      if (obstacle !== undefined) throw undoRefused(`its checkout can't be moved (${obstacle}).`)
      return
    }
    if (isCheckedOut) throw undoRefused(`${branch} is checked out.`, 'Check out another branch first.')
    await removeBranch(git, source, branch, commit)
  } catch (error) {
    throw asUndoRefusal(error, branch)
  }
}
