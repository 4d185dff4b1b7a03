import type { RunOutcome } from './executor.ts'
import type { RuntimeSession } from './runtime.ts'

/** A text file of the workarea; `path` is relative with `/`. `isCut`: only the first bytes are in `text`. */
export interface FileText {
  readonly path: string
  readonly text: string
  readonly sizeBytes: number
  readonly isCut: boolean
}

/** Lines added and removed by one write. */
export interface FileChange {
  readonly path: string
  readonly isNew: boolean
  readonly insertions: number
  readonly deletions: number
}

export interface ListedFile {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link'
  readonly sizeBytes: number
}

export interface FoundLine {
  readonly path: string
  readonly line: number
  readonly text: string
}

export interface CommandOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly maxOutputBytes: number
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: string) => void
}

/**
 * What tools of an in-process runtime do in a session's workarea. Paths are relative to it, or absolute inside it; no
 * link leads out. It asks no door: the runtime does, before each call. Errors: `forbidden` (outside, or inside `.git`),
 * `path_not_found`, `path_not_readable` (also: no text), `path_not_writable`.
 */
export interface WorkareaTools {
  readText(path: string): Promise<FileText>
  writeText(path: string, text: string): Promise<FileChange>
  /** Replaces `find`, which must occur exactly once unless `everywhere`. */
  edit(path: string, find: string, replacement: string, everywhere: boolean): Promise<FileChange>
  /** Entries below `path` in order of name, without `.git`, at most `most` of them. */
  list(
    path: string,
    options: { readonly depth: number; readonly most: number },
  ): Promise<{ readonly entries: readonly ListedFile[]; readonly isCut: boolean }>
  /** Lines that hold `text` (no pattern) in text files below `path`. */
  search(
    text: string,
    options: {
      readonly path: string
      readonly ignoreCase: boolean
      readonly most: number
      readonly signal: AbortSignal
    },
  ): Promise<{ readonly lines: readonly FoundLine[]; readonly isCut: boolean }>
  /** Runs a program behind the wall; `node` is the product's own where there is no other. */
  run(command: readonly string[], options: CommandOptions): Promise<RunOutcome>
}

export type OpenWorkareaTools = (
  session: Pick<RuntimeSession, 'workareaPath' | 'home' | 'run'>,
) => WorkareaTools
