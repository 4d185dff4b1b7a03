import { existsSync } from 'node:fs'
import { SignalboxError } from '../../contract/errors.ts'

export interface FailureContext {
  readonly command: string
  readonly path: string
  readonly code: number
}

const detailLimit = 600

/** The lines that say what went wrong, without progress noise and without an endless tail. */
function detailOf(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(hint:|Updating files|Receiving|Resolving|remote: )/.test(line))
  return lines.slice(-6).join(' · ').slice(0, detailLimit)
}

/** Turns git's words (always English: the locale is ours) into a code of the contract. */
export function translateGitFailure(stderr: string, context: FailureContext): SignalboxError {
  const { path, command } = context
  const detail = detailOf(stderr) || `exit code ${context.code}`
  const place = { path, detail }
  if (
    /No space left on device|Disk quota exceeded|unable to write (file|loose object|new index)|file write error/i.test(
      stderr,
    )
  )
    return diskFull(path)
  if (/dubious ownership/.test(stderr)) return otherOwner(path)
  if (/not a git repository|must be run in a work tree/i.test(stderr)) {
    return new SignalboxError('not_a_repository', place, { message: `${path} is not a git repository.` })
  }
  if (
    /\.lock': File exists|cannot lock ref .*(File exists|expected)|reference already exists|Another git process/s.test(
      stderr,
    )
  ) {
    return repositoryBusy(path, detail)
  }
  if (
    /Permission denied|Read-only file system|insufficient permission|Operation not permitted/i.test(stderr)
  ) {
    return notWritable(path, detail)
  }
  return new SignalboxError(
    'git_failed',
    { command, detail },
    { message: `git ${command} failed: ${detail}` },
  )
}

export function diskFull(path: string, cause?: unknown): SignalboxError {
  return new SignalboxError(
    'disk_full',
    { path },
    { message: `There is no space left to write to ${path}.`, cause },
  )
}

export function repositoryBusy(path: string, detail: string): SignalboxError {
  return new SignalboxError(
    'repository_busy',
    { path, detail },
    { message: `Another git process is working in ${path}. Try again when it is done.` },
  )
}

export function notWritable(path: string, detail: string): SignalboxError {
  return new SignalboxError(
    'path_not_writable',
    { path, detail },
    { message: `${path} can't be written to: ${detail}` },
  )
}

function otherOwner(path: string): SignalboxError {
  const remedy = `git config --global --add safe.directory '${path.replaceAll("'", "'\\''")}'`
  return new SignalboxError(
    'repository_other_owner',
    { path, detail: `If you trust it, run: ${remedy}` },
    {
      message: `${path} belongs to another user, so git refuses to work in it. If you trust it, run: ${remedy}`,
    },
  )
}

/** A program that can't be started: missing, or the folder it should start in is. */
export function translateSpawnFailure(error: Error, file: string, cwd: string): SignalboxError {
  if (codeOf(error) === 'ENOENT' && !existsSync(cwd)) {
    return new SignalboxError(
      'path_not_found',
      { path: cwd },
      { message: `${cwd} does not exist.`, cause: error },
    )
  }
  return new SignalboxError(
    'git_missing',
    {
      reason: `${file} could not be started (${codeOf(error) || error.message})`,
      remedy: 'Install git 2.38 or newer.',
    },
    { message: 'git could not be started. Install git 2.38 or newer.', cause: error },
  )
}

/** Turns a failed file operation into a code of the contract; what it can't name is passed on unchanged. */
export function translateFileFailure(error: unknown, path: string): unknown {
  if (error instanceof SignalboxError) return error
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return notWritable(path, code)
  return error
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** True for a `SignalboxError` with one of the codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof SignalboxError && codes.includes(error.code)
}
