import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SignalboxError } from '../../contract/errors.ts'
import { WorkareaId } from '../../contract/ids.ts'
import type { ChangeSet } from '../../contract/workarea.ts'
import type { Clock, Log } from '../../ports/clock.ts'
import type { WorkareaRecord, Workareas } from '../../ports/workareas.ts'
import { acquireWorkarea } from './acquire.ts'
import {
  type Area,
  areaOf,
  clearStaleLock,
  type LandingState,
  readLandingState,
  requireTree,
} from './area.ts'
import { type Comparison, compareTrees, diffFile, listFiles } from './changes.ts'
import { createGitCalls, lineOf } from './git-calls.ts'
import { hostEnvironment, type UserEnvironment } from './git-environment.ts'
import { translateFileFailure } from './git-errors.ts'
import { createGitProgram, type GitProgram } from './git-program.ts'
import { inspectRepository } from './inspect.ts'
import { landWork, saveWork, undoLanding } from './land.ts'
import { findOrphans, removeArea } from './leftovers.ts'
import type { Means } from './means.ts'
import { takeSnapshot } from './snapshot.ts'
import { createTurns, type Turns } from './turns.ts'

export interface GitWorkareasOptions {
  /** Workareas live in `<stateDirectory>/workareas`. */
  readonly stateDirectory: string
  readonly clock: Clock
  readonly log: Log
  /** `git` on PATH when absent. */
  readonly gitProgram?: string
  /** Of the user: git in the user's repository reads the user's configuration. */
  readonly environment: UserEnvironment
}

const oldestGit = [2, 38] as const
const closingMs = 5_000

/** Private clones of git repositories (architecture.md §3.18). `close` ends running git and waits for it. */
export function createGitWorkareas(options: GitWorkareasOptions): Workareas & { close(): Promise<void> } {
  const { clock, log, environment } = options
  const areasRoot = join(options.stateDirectory, 'workareas')
  const emptyHome = join(areasRoot, '.home')
  const program = createGitProgram(options.gitProgram ?? 'git', clock)
  const git = createGitCalls(program, environment, emptyHome)
  const means: Means = { git, clock, log, user: environment, areasRoot }
  const closing = new AbortController()
  const ready = createReadiness(program, environment, areasRoot, emptyHome, closing.signal)
  const turns = createTurns()
  const views = createViews(means, turns)
  const repository = (record: WorkareaRecord) => `repository:${record.repositoryPath}`
  /** Both turns, always in this order: first the workarea, then the repository. */
  const changing = <T>(record: WorkareaRecord, work: (area: Area) => Promise<T>) =>
    views.inArea(record.workareaId, (area) => turns.run(repository(record), () => work(area)))

  return {
    async inspect(path, signal) {
      await ready()
      return inspectRepository(git, path, signal)
    },
    async acquire(request, signal) {
      await ready()
      const either = AbortSignal.any([signal, closing.signal])
      return turns.run(request.workareaId, () => acquireWorkarea(means, request, either))
    },
    changes: (record, signal) => ready().then(() => views.changes(record, signal)),
    counts: (record, signal) => ready().then(() => views.counts(record, signal)),
    async fileDiff(record, path, diffOptions, signal) {
      await ready()
      const area = areaOf(areasRoot, record.workareaId)
      return diffFile(git, area, await views.compare(record, signal), path, diffOptions, signal)
    },
    saveResult: (record, message) =>
      ready().then(() => changing(record, (area) => saveWork(means, area, record, message))),
    land: (record, landOptions, signal) =>
      ready().then(() => changing(record, (area) => landWork(means, area, record, landOptions, signal))),
    undoLand: (record, landing) =>
      ready().then(() => turns.run(repository(record), () => undoLanding(means, record, landing))),
    async discard(record, { keepResult }) {
      await ready()
      views.forget(record.workareaId)
      await turns.run(record.workareaId, () =>
        removeArea(means, areaOf(areasRoot, record.workareaId), { keepResult }),
      )
    },
    exists: (record) => isFolder(areaOf(areasRoot, record.workareaId).tree),
    orphans: (known) => findOrphans(means, known),
    async removeOrphan(workareaId) {
      await ready()
      await turns.run(workareaId, () =>
        removeArea(means, areaOf(areasRoot, workareaId), { keepResult: true }),
      )
    },
    close: () => closeCalmly(closing, program, turns, clock),
  }
}

/** Clean-up of what was cancelled, and a landing under way, may end in peace; a git that hangs may not. */
async function closeCalmly(
  closing: AbortController,
  program: GitProgram,
  turns: Turns,
  clock: Clock,
): Promise<void> {
  closing.abort()
  const stopTimer = clock.after(closingMs, () => void program.close())
  await turns.idle()
  stopTimer()
  await program.close()
}

async function isFolder(path: string): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined)
  return status?.isDirectory() ?? false
}

/** Makes our folders and looks at git's version once; a failure is tried again next time. */
function createReadiness(
  program: GitProgram,
  environment: UserEnvironment,
  areasRoot: string,
  emptyHome: string,
  closing: AbortSignal,
): () => Promise<void> {
  let readiness: Promise<void> | undefined
  async function prepare(): Promise<void> {
    try {
      await mkdir(emptyHome, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw translateFileFailure(error, areasRoot)
    }
    const env = hostEnvironment(environment, emptyHome)
    const version = lineOf(await program.run({ args: ['version'], cwd: areasRoot, env, about: areasRoot }))
    const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version)?.slice(1) ?? []).map(Number)
    if (major > oldestGit[0] || (major === oldestGit[0] && minor >= oldestGit[1])) return
    const reason = `${version} is too old`
    const remedy = `Install git ${oldestGit.join('.')} or newer.`
    throw new SignalboxError('git_missing', { reason, remedy }, { message: `${reason}. ${remedy}` })
  }
  return async () => {
    if (closing.aborted) throw new SignalboxError('cancelled', {}, { message: 'Signalbox is closing.' })
    readiness ??= prepare().catch((error: unknown) => {
      readiness = undefined
      throw error
    })
    return readiness
  }
}

/** What a live view reads. The last comparison is kept per workarea: an unchanged tree is not compared twice. */
function createViews(means: Means, turns: Turns) {
  const { git } = means
  const latest = new Map<string, Comparison>()
  const opened = new Set<string>()

  function inArea<T>(workareaId: string, work: (area: Area, state: LandingState) => Promise<T>): Promise<T> {
    const area = areaOf(means.areasRoot, workareaId)
    return turns.run(workareaId, async () => {
      await requireTree(area)
      // Left by a git that was killed, in this run or an earlier one: in our turn nobody else can hold it.
      if (!opened.has(workareaId)) await clearStaleLock(area)
      opened.add(workareaId)
      try {
        return await work(area, await readLandingState(area))
      } catch (error) {
        opened.delete(workareaId)
        throw error
      }
    })
  }

  function compare(record: WorkareaRecord, signal?: AbortSignal): Promise<Comparison> {
    return inArea(record.workareaId, async (area, state) => {
      const snapshot = await takeSnapshot(git, area, { base: record.baseCommit, whole: false, signal })
      const base = state.comparedWith ?? record.baseCommit
      const known = latest.get(record.workareaId)
      if (known !== undefined && isSame(known, base, snapshot)) return known
      const comparison = await compareTrees(git, area, base, snapshot, signal)
      latest.set(record.workareaId, comparison)
      return comparison
    })
  }

  return {
    inArea,
    compare,
    async counts(record: WorkareaRecord, signal?: AbortSignal) {
      const { counts, snapshot } = await compare(record, signal)
      return { ...counts, tree: snapshot.tree }
    },
    async changes(record: WorkareaRecord, signal?: AbortSignal): Promise<ChangeSet> {
      const comparison = await compare(record, signal)
      const area = areaOf(means.areasRoot, record.workareaId)
      const { files, isCut } = await listFiles(git, area, comparison, signal)
      return {
        workareaId: WorkareaId.parse(record.workareaId),
        baseRef: record.baseRef,
        baseCommit: comparison.base,
        counts: comparison.counts,
        files,
        isCut,
        readAtMs: means.clock.nowMs(),
      }
    },
    forget(workareaId: string) {
      latest.delete(workareaId)
      opened.delete(workareaId)
    },
  }
}

function isSame(known: Comparison, base: string, snapshot: Comparison['snapshot']): boolean {
  const sizes = (large: Comparison['snapshot']['large']) => JSON.stringify(large)
  return (
    known.base === base &&
    known.snapshot.tree === snapshot.tree &&
    sizes(known.snapshot.large) === sizes(snapshot.large)
  )
}
