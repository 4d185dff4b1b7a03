import * as z from 'zod'
import { AtMs, Count, PathText, SessionId, systemText, WorkareaId } from './ids.ts'
import { command, query } from './procedure.ts'
import { ChangeCounts } from './session.ts'

export const FileStatus = z.enum([
  'added',
  'modified',
  'deleted',
  'renamed',
  'copied',
  'type-changed',
  'conflicted',
])
export type FileStatus = z.infer<typeof FileStatus>

/** One changed path of a workarea against its base. Paths are hostile text, `/`-separated, relative to the root. */
export const ChangedFile = z.object({
  path: z.string(),
  oldPath: z.string().nullable(),
  status: FileStatus,
  /** null for binary files. */
  insertions: Count.nullable(),
  deletions: Count.nullable(),
  isBinary: z.boolean(),
  oldMode: z.string().nullable(),
  newMode: z.string().nullable(),
  oldSizeBytes: Count.nullable(),
  newSizeBytes: Count.nullable(),
})
export type ChangedFile = z.infer<typeof ChangedFile>

export const DiffLine = z.object({
  kind: z.enum(['context', 'added', 'removed']),
  oldLine: Count.nullable(),
  newLine: Count.nullable(),
  text: z.string(),
  /** The line ends the file without a newline. */
  noNewline: z.boolean().optional(),
})
export type DiffLine = z.infer<typeof DiffLine>

export const Hunk = z.object({
  header: z.string(),
  oldStart: Count,
  oldCount: Count,
  newStart: Count,
  newCount: Count,
  lines: z.array(DiffLine),
})
export type Hunk = z.infer<typeof Hunk>

export const FileDiff = z.object({
  file: ChangedFile,
  hunks: z.array(Hunk),
  /** Set when the diff was cut because the file is large: how many lines were left out. */
  omittedLines: Count,
  /** Data URI of each side for images up to 5 MiB, else null. */
  oldImage: z.string().nullable(),
  newImage: z.string().nullable(),
})
export type FileDiff = z.infer<typeof FileDiff>

export const ChangeSet = z.object({
  workareaId: WorkareaId,
  baseRef: z.string(),
  baseCommit: z.string(),
  counts: ChangeCounts,
  files: z.array(ChangedFile),
  /** True when more than 20,000 files changed and the list was cut. */
  isCut: z.boolean(),
  readAtMs: AtMs,
})
export type ChangeSet = z.infer<typeof ChangeSet>

/** What a folder is, before a session is started on it. `notes` are sentences for people. */
export const RepositoryInfo = z.object({
  path: z.string(),
  root: z.string(),
  kind: z.enum(['plain', 'bare', 'linked-worktree']),
  head: z.object({ branch: z.string().nullable(), commit: z.string().nullable(), isDetached: z.boolean() }),
  isDirty: z.boolean(),
  dirtyFiles: Count,
  branches: z.array(z.string()),
  isShallow: z.boolean(),
  isPartial: z.boolean(),
  hasSubmodules: z.boolean(),
  usesLfs: z.boolean(),
  fileCount: Count,
  notes: z.array(z.string()),
})
export type RepositoryInfo = z.infer<typeof RepositoryInfo>

const of = z.object({ sessionId: SessionId })

export const workarea = {
  inspect: query({
    input: z.object({ path: PathText }),
    output: RepositoryInfo,
    errors: [
      'not_a_repository',
      'path_not_found',
      'path_not_readable',
      'repository_other_owner',
      'git_missing',
      'git_failed',
    ],
  }),
  changes: query({
    input: of,
    output: ChangeSet,
    errors: ['session_not_found', 'workarea_not_found', 'workarea_gone', 'git_failed'],
  }),
  fileDiff: query({
    input: of.extend({
      path: PathText,
      context: z.int().min(0).max(100_000).default(3),
      ignoreWhiteSpace: z.boolean().default(false),
    }),
    output: FileDiff,
    errors: ['session_not_found', 'workarea_not_found', 'workarea_gone', 'not_found', 'git_failed'],
  }),
  open: command({
    input: of.extend({ what: z.enum(['folder', 'editor']), path: systemText(4096).optional() }),
    output: z.object({ atSeq: Count }),
    errors: ['session_not_found', 'workarea_gone', 'not_found'],
  }),
}
