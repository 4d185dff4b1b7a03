import { spawn } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { SignalboxError } from '../../contract/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { translateGitFailure, translateSpawnFailure } from './git-errors.ts'

/** One call of git: arguments as an array, never a shell line. */
export interface GitRequest {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** What an error names as the place of the trouble; a path that means something to the user. */
  readonly about: string
  readonly stdin?: string | Uint8Array
  readonly signal?: AbortSignal | undefined
  /** Exit codes that are answers, not failures; [0] when absent. */
  readonly okCodes?: readonly number[]
  readonly timeoutMs?: number
  /** stdout goes here instead of being collected. */
  readonly onStdout?: (chunk: Buffer) => void
  readonly onStderr?: (text: string) => void
}

export interface GitOutcome {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs git. Throws `SignalboxError`s: `git_missing`, `cancelled`, or what the words on stderr mean. */
export interface GitProgram {
  run(request: GitRequest): Promise<GitOutcome>
  /** Kills what is running and refuses what comes later. */
  close(): Promise<void>
}

const maxCollectedBytes = 256 * 1024 * 1024
const maxStderrChars = 64 * 1024
const defaultTimeoutMs = 10 * 60_000

/** Collects a child's output within bounds; the tail of stderr is what explains a failure. */
function collect(child: ReturnType<typeof spawn>, request: GitRequest, onOverflow: () => void) {
  const chunks: Buffer[] = []
  let bytes = 0
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    if (request.onStdout) {
      // The reader parses: let others have the thread between two chunks of a long answer.
      child.stdout?.pause()
      void setImmediate().then(() => child.stdout?.resume())
      return request.onStdout(chunk)
    }
    bytes += chunk.length
    if (bytes > maxCollectedBytes) return onOverflow()
    chunks.push(chunk)
  })
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    request.onStderr?.(text)
    stderr = (stderr + text).slice(-maxStderrChars)
  })
  return { stdout: () => Buffer.concat(chunks), stderr: () => stderr }
}

/** Kills the whole group: git's own children (index-pack, upload-pack, filters) must not outlive a cancelled call. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Already gone: exactly what was wanted.
  }
}

type Ending = 'aborted' | 'timeout' | 'overflow' | 'closed' | undefined

function judge(request: GitRequest, outcome: GitOutcome, ending: Ending): GitOutcome {
  if (ending === 'aborted' || ending === 'closed') {
    throw new SignalboxError('cancelled', {}, { message: 'The git operation was cancelled.' })
  }
  const command = commandName(request.args)
  if (ending === 'timeout') {
    throw new SignalboxError(
      'git_failed',
      { command, detail: 'no answer in time' },
      { message: `git ${command} did not finish in time.` },
    )
  }
  if (ending === 'overflow') {
    throw new SignalboxError(
      'git_failed',
      { command, detail: 'too much output' },
      { message: `git ${command} printed more than can be read.` },
    )
  }
  if ((request.okCodes ?? [0]).includes(outcome.code)) return outcome
  throw translateGitFailure(outcome.stderr, { command, path: request.about, code: outcome.code })
}

/** The first word that is neither an option nor the value of `-c` or `-C`. */
function commandName(args: readonly string[]): string {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? ''
    if (word === '-c' || word === '-C') at += 1
    else if (!word.startsWith('-')) return word
  }
  return 'git'
}

function runOne(
  file: string,
  clock: Clock,
  running: Map<number, () => void>,
  request: GitRequest,
): Promise<GitOutcome> {
  return new Promise((resolve, reject) => {
    let ending: Ending
    const child = spawn(file, [...request.args], {
      cwd: request.cwd,
      env: { ...request.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    })
    const end = (how: Exclude<Ending, undefined>) => {
      ending ??= how
      if (process.platform === 'win32') child.kill('SIGKILL')
      else killGroup(child.pid)
    }
    const collected = collect(child, request, () => end('overflow'))
    const onAbort = () => end('aborted')
    request.signal?.addEventListener('abort', onAbort, { once: true })
    const stopTimer = clock.after(request.timeoutMs ?? defaultTimeoutMs, () => end('timeout'))
    if (child.pid !== undefined) running.set(child.pid, () => end('closed'))
    const settle = (finish: () => void) => {
      stopTimer()
      request.signal?.removeEventListener('abort', onAbort)
      if (child.pid !== undefined) running.delete(child.pid)
      try {
        finish()
      } catch (error) {
        reject(error)
      }
    }
    child.once('error', (error) => settle(() => reject(translateSpawnFailure(error, file, request.cwd))))
    child.once('close', (code) =>
      settle(() =>
        resolve(
          judge(
            request,
            { code: code ?? -1, stdout: collected.stdout(), stderr: collected.stderr() },
            ending,
          ),
        ),
      ),
    )
    // git may answer before it has read everything; its exit code tells, a broken pipe does not.
    child.stdin.on('error', () => undefined)
    child.stdin.end(request.stdin ?? '')
  })
}

/** Starts git children, each in a process group of its own. */
export function createGitProgram(file: string, clock: Clock): GitProgram {
  const running = new Map<number, () => void>()
  let isClosed = false
  let starting: Promise<void> = Promise.resolve()

  async function run(request: GitRequest): Promise<GitOutcome> {
    // Starting a process holds the thread for some milliseconds: never two in one turn of the event loop.
    const mine = starting.then(() => setImmediate())
    starting = mine
    await mine
    if (isClosed || request.signal?.aborted)
      throw new SignalboxError('cancelled', {}, { message: 'The git operation was cancelled.' })
    return runOne(file, clock, running, request)
  }

  return {
    run,
    async close() {
      isClosed = true
      for (const stop of [...running.values()]) stop()
    },
  }
}
