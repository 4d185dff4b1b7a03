import type { ChangeCounts } from '../contract/session.ts'
import type { ChangeSet, FileDiff, RepositoryInfo } from '../contract/workarea.ts'

/** What is needed to find a workarea again; stored in the `workarea.acquired` fact. */
export interface WorkareaRecord {
  readonly workareaId: string
  readonly sessionId: string
  /** The user's repository: for a linked worktree its main `.git` stays where it is, this is the folder chosen. */
  readonly repositoryPath: string
  readonly path: string
  readonly branch: string
  readonly baseRef: string
  readonly baseCommit: string
  readonly mode: 'shared' | 'copied'
  readonly carriedChanges: boolean
  readonly notes: readonly string[]
  /** Object stores that the clone borrows from, to be bound read-only inside the wall: the whole chain of alternates. */
  readonly borrowedObjectStores: readonly string[]
}

export interface AcquireRequest {
  readonly workareaId: string
  readonly sessionId: string
  readonly repositoryPath: string
  /** Branch, tag or commit; absent = HEAD. */
  readonly base?: string
  /** New branch in the workarea, made from the title: `sb/<slug>`; a suffix is added when the user's repository has it. */
  readonly branchSlug: string
  readonly carryChanges: boolean
  readonly onProgress?: (phase: 'clone' | 'checkout' | 'carry', done: number, total: number | null) => void
}

export interface Landing {
  readonly branch: string
  readonly commit: string
  readonly previousCommit: string | null
  /** One sentence on what was done, e.g. that a new branch was made because the target is dirty. */
  readonly note: string
}

/**
 * Private clones of the user's repositories, one per session (architecture.md §3.18). Host git never opens the clone's
 * `.git`. Errors are `SignalboxError`s with the codes named at `contract/workarea.ts` and `session.land`.
 */
export interface Workareas {
  /** Which kind of repository a folder is; refuses what can't be worked on, with the reason. Reads only. */
  inspect(path: string, signal?: AbortSignal): Promise<RepositoryInfo>
  /** All or nothing: after an error or abort nothing is left behind, in the state directory or in the user's repository. */
  acquire(request: AcquireRequest, signal: AbortSignal): Promise<WorkareaRecord>
  /** Changes of the work tree, committed and uncommitted, against the recorded base. */
  changes(record: WorkareaRecord, signal?: AbortSignal): Promise<ChangeSet>
  /** Cheap: only the counts. */
  counts(
    record: WorkareaRecord,
    signal?: AbortSignal,
  ): Promise<ChangeCounts & { readonly tree: string | null }>
  fileDiff(
    record: WorkareaRecord,
    path: string,
    options: { readonly context: number; readonly ignoreWhiteSpace: boolean },
    signal?: AbortSignal,
  ): Promise<FileDiff>
  /** Stores the present tree as a commit under `refs/signalbox/<session>/result` of the user's repository. */
  saveResult(
    record: WorkareaRecord,
    message: string,
  ): Promise<{ readonly commit: string; readonly tree: string } | null>
  /**
   * Brings the work into the user's repository: commits what is uncommitted, merges or rebases in the workarea, then
   * fast-forwards the target. Conflicts: `land_conflict` with the files, the workarea left with the conflict markers.
   */
  land(
    record: WorkareaRecord,
    options: { readonly target?: string; readonly message: string },
    signal?: AbortSignal,
  ): Promise<Landing>
  /** Only while the branch still stands at the landed commit and, if checked out, is clean; else `land_undo_refused`. */
  undoLand(record: WorkareaRecord, landing: Landing): Promise<void>
  /** Removes the clone, our git directory and our refs in the user's repository (the result ref only when told). */
  discard(record: WorkareaRecord, options: { readonly keepResult: boolean }): Promise<void>
  /** True while the clone is on disk. */
  exists(record: WorkareaRecord): Promise<boolean>
  /** Folders below the state directory that belong to no session of `known` (after a crash), and removes one. */
  orphans(
    known: ReadonlySet<string>,
  ): Promise<readonly { readonly workareaId: string; readonly path: string }[]>
  removeOrphan(workareaId: string): Promise<void>
}
