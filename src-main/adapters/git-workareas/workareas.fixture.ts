import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Clock, Log } from '../../ports/clock.ts'
import type { AcquireRequest, WorkareaRecord } from '../../ports/workareas.ts'
import { createGitWorkareas } from './git-workareas.ts'

/** Real time, for tests that run real programs. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** git as the user and the agent call it, with the user's configuration. */
const gitRunner =
  (env: Record<string, string>) =>
  (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 1e9,
    }).replace(/\n$/, '')

/** Writes files below a folder, making folders as needed. */
const writeFiles = (folder: string, files: Record<string, string | Buffer>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

type RunGit = ReturnType<typeof gitRunner>

/** Makes repositories with one commit. */
function repositoryMaker(root: string, git: RunGit) {
  return (
    name: string,
    files: Record<string, string | Buffer> = { 'a.txt': 'one\ntwo\nthree\n', 'src/b.txt': 'b\n' },
  ) => {
    const folder = join(root, name)
    mkdirSync(folder, { recursive: true })
    git(folder, 'init', '--quiet')
    writeFiles(folder, files)
    git(folder, 'add', '--all')
    git(folder, 'commit', '--quiet', '-m', 'first')
    return folder
  }
}

/** Requests with fresh ids. */
function requestMaker() {
  let number = 0
  return (repositoryPath: string, more: Partial<AcquireRequest> = {}): AcquireRequest => {
    number += 1
    const id = String(number).padStart(4, '0')
    return {
      workareaId: `wka-${id}`,
      sessionId: `ses-${id}`,
      repositoryPath,
      branchSlug: 'fix-it',
      carryChanges: false,
      ...more,
    }
  }
}

/** A scratch folder with a user's home, a state directory and real repositories; everything is removed by `close`. */
export function createBench(options: { readonly home?: string } = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-workareas-')))
  const home = options.home ?? join(root, 'home')
  const stateDirectory = join(root, 'state')
  mkdirSync(home, { recursive: true })
  mkdirSync(stateDirectory)
  writeFileSync(
    join(home, '.gitconfig'),
    '[user]\n\tname = Mira Holt\n\temail = mira@example.test\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n',
  )
  const environment = { PATH: process.env.PATH, HOME: home }
  const warnings: string[] = []
  const log: Log = {
    info: () => undefined,
    warn: (message) => warnings.push(message),
    error: (message) => warnings.push(message),
  }
  const workareas = createGitWorkareas({ stateDirectory, clock: realClock, log, environment })
  const env = { PATH: process.env.PATH ?? '', HOME: home, LC_ALL: 'C.UTF-8', GIT_TERMINAL_PROMPT: '0' }

  const git = gitRunner(env)

  const repository = repositoryMaker(root, git)
  const request = requestMaker()
  const acquire = (repositoryPath: string, more: Partial<AcquireRequest> = {}) =>
    workareas.acquire(request(repositoryPath, more), new AbortController().signal)
  const close = async () => {
    await workareas.close()
    rmSync(root, { recursive: true, force: true })
  }
  /** Names below the state directory's workareas, without our empty home. */
  const areas = () => {
    const folder = join(stateDirectory, 'workareas')
    return existsSync(folder) ? readdirSync(folder).filter((name) => name !== '.home') : []
  }
  const ourRefs = (folder: string) => git(folder, 'for-each-ref', '--format=%(refname)', 'refs/signalbox')
  const commitInTree = (record: WorkareaRecord, message: string) => {
    git(record.path, 'add', '--all')
    git(record.path, 'commit', '--quiet', '-m', message)
    return git(record.path, 'rev-parse', 'HEAD')
  }
  return {
    write: writeFiles,
    root,
    home,
    stateDirectory,
    environment,
    workareas,
    warnings,
    git,
    repository,
    request,
    acquire,
    close,
    areas,
    ourRefs,
    commitInTree,
  }
}

export type Bench = ReturnType<typeof createBench>

/** Everything below a folder as one text: names, kinds, modes and contents; to prove that nothing was touched. */
export function fingerprint(folder: string): string {
  return execFileSync(
    'sh',
    [
      '-c',
      'find . -printf "%p %y %m %l\\n" | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum',
    ],
    {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1e9,
    },
  )
}

/** The error of a refused call, or undefined when it was not refused. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; data: Record<string, unknown> } | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'data' in error) {
      const data = typeof error.data === 'object' && error.data !== null ? { ...error.data } : {}
      return { code: String(error.code), message: error.message, data }
    }
    throw error
  }
}

/** A program that leaves a mark when anything runs it. */
export function makeTrap(
  folder: string,
  name: string,
): { readonly program: string; readonly sprung: () => boolean } {
  const mark = join(folder, `${name}.sprung`)
  const program = join(folder, `${name}.sh`)
  writeFileSync(program, `#!/bin/sh\necho sprung >> '${mark}'\ncat 2>/dev/null\nexit 0\n`)
  chmodSync(program, 0o755)
  return { program, sprung: () => existsSync(mark) }
}

/** Registers what only root can set up (other owners, small file systems); for others it says so and leaves it out. */
export function onlyRoot<R extends (name: string, ...rest: never[]) => unknown>(register: R): R {
  if (process.getuid?.() === 0) return register
  const leaveOut = (name: string) => console.log(`left out, needs root: ${name}`)
  return leaveOut as R
}
