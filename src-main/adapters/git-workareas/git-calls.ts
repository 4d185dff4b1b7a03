import {
  hostEnvironment,
  hostOptions,
  type UserEnvironment,
  userEnvironment,
  userOptions,
} from './git-environment.ts'
import type { GitOutcome, GitProgram } from './git-program.ts'

export interface CallOptions {
  readonly stdin?: string | Uint8Array
  readonly signal?: AbortSignal | undefined
  readonly okCodes?: readonly number[]
  readonly timeoutMs?: number
  readonly onStdout?: (chunk: Buffer) => void
  readonly onStderr?: (text: string) => void
  /** Options before the command, e.g. one more `-c`. */
  readonly before?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The two ways this room calls git, kept apart so that no call can mix them up. */
export interface GitCalls {
  /** In the user's repository: found from `cwd` as git itself finds it, so that its ownership check counts. */
  user(cwd: string, args: readonly string[], options?: CallOptions): Promise<GitOutcome>
  /** In a git directory of ours; `workTree` absent = as a bare repository, so that no file of the tree is read. */
  host(place: HostPlace, args: readonly string[], options?: CallOptions): Promise<GitOutcome>
}

export interface HostPlace {
  readonly gitDir: string
  readonly workTree?: string
  /** What an error names; the git directory when absent. */
  readonly about?: string
}

export function createGitCalls(program: GitProgram, user: UserEnvironment, emptyHome: string): GitCalls {
  const forUser = userEnvironment(user, emptyHome)
  const forHost = hostEnvironment(user, emptyHome)
  return {
    user(cwd, args, options = {}) {
      const { before = [], env = {}, ...rest } = options
      return program.run({
        ...rest,
        args: [...userOptions, ...before, ...args],
        cwd,
        about: cwd,
        env: { ...forUser, ...env },
      })
    },
    host(place, args, options = {}) {
      const { before = [], env = {}, ...rest } = options
      const where = place.workTree === undefined ? {} : { GIT_WORK_TREE: place.workTree }
      return program.run({
        ...rest,
        args: [...hostOptions, ...before, ...args],
        cwd: place.workTree ?? place.gitDir,
        about: place.about ?? place.workTree ?? place.gitDir,
        env: { ...forHost, GIT_DIR: place.gitDir, ...where, ...env },
      })
    },
  }
}

/** Reads only: git must not even refresh the user's index on the side. */
export const readOnly = { GIT_OPTIONAL_LOCKS: '0' } as const

/** Output without its one closing newline; paths may hold newlines of their own. */
export function lineOf(outcome: GitOutcome): string {
  const text = outcome.stdout.toString('utf8')
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

/** The fields of `-z` output as bytes in latin1, so that a name of any bytes survives the way back to git. */
export function zeroFields(outcome: GitOutcome): string[] {
  const fields = outcome.stdout.toString('latin1').split('\0')
  fields.pop()
  return fields
}

/** Reads `-z` output (or lines) as it comes, so that a list of any length never holds the thread for long. */
export function createFieldReader(
  onField: (field: string) => void,
  end: '\0' | '\n' = '\0',
): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const fields = (rest + chunk.toString('latin1')).split(end)
    rest = fields.pop() ?? ''
    for (const field of fields) onField(field)
  }
}

/** What people see of a name that was read as latin1 bytes. */
export function shownName(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
