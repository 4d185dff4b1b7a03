import { spawn } from 'node:child_process'
import type { Executor, LaunchSpec, NetworkDoor } from '../../ports/executor.ts'

export interface ProgramSpec {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** A program that runs, with its streams. */
export interface Program {
  /** The process that everything it starts descends from; undefined where it can't be seen. */
  readonly leader: number | undefined
  readonly stdout: AsyncIterable<Uint8Array>
  /** Undefined: only its end is kept, see `stderrTail`. */
  readonly stderr: AsyncIterable<Uint8Array> | undefined
  readonly stderrTail?: () => string
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** CPU time of the program and of all it waited for, counted by the system; undefined where nobody counted. */
  readonly countedMs: Promise<number | undefined>
  /** Gives the program its input and ends it. Never rejects: a program need not read. */
  feed(input: string): Promise<void>
  /** Ends all of it at once. Idempotent. */
  kill(): void
}

/** Starts a program. Rejects when it can't be started. */
export type StartProgram = (spec: ProgramSpec, signal: AbortSignal) => Promise<Program>

/**
 * The shell stays as the parent, so that the system counts the CPU time of everything that is waited for (`times`, POSIX),
 * and tells it on a descriptor that the program does not inherit.
 */
const COUNTED = '"$@" 3>&-; code=$?; times >&3; exit $code'

/** Starts a program as a plain child in a session of its own. */
export const startPlain: StartProgram = async ({ file, args, cwd, env }) => {
  const child = spawn('/bin/sh', ['-c', COUNTED, 'sh', file, ...args], {
    cwd,
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    // For good: an error that nobody takes would end us.
    child.on('error', reject)
  })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  child.stdin.on('error', () => undefined)
  const counted = collectCounted(child.stdio[3] as NodeJS.ReadableStream)
  return {
    leader: child.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    countedMs: counted,
    feed: (input) => new Promise((resolve) => child.stdin.end(input, () => resolve())),
    kill: () => killGroup(child.pid),
  }
}

async function collectCounted(stream: NodeJS.ReadableStream): Promise<number | undefined> {
  let text = ''
  try {
    for await (const chunk of stream) text = (text + String(chunk)).slice(0, 200)
  } catch {
    return undefined
  }
  return parseTimes(text)
}

/** The second line of what `times` prints, user and system time of the children, such as `0m1.230s 0m0.040s`, in ms. */
export function parseTimes(text: string): number | undefined {
  const line = text.split('\n')[1] ?? ''
  const match = /^(\d+)m(\d+(?:[.,]\d+)?)s\s+(\d+)m(\d+(?:[.,]\d+)?)s\s*$/.exec(line)
  if (!match) return undefined
  const [, userMinutes, userSeconds, systemMinutes, systemSeconds] = match.map((part) =>
    Number(part.replace(',', '.')),
  )
  const seconds = ((userMinutes ?? 0) + (systemMinutes ?? 0)) * 60 + (userSeconds ?? 0) + (systemSeconds ?? 0)
  return Math.round(seconds * 1000)
}

function killGroup(leader: number | undefined): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody of it is left.
  }
}

/** Starts programs behind an executor's wall; what they use is seen by looking, and their pid namespace ends with them. */
export function confinedPrograms(
  executor: Pick<Executor, 'launch'>,
  place: Pick<LaunchSpec, 'sessionId' | 'home' | 'reads' | 'writes'>,
  door: NetworkDoor,
): StartProgram {
  return async (spec, signal) => {
    const launch: LaunchSpec = { ...place, ...spec, survives: false, forwards: [], acceptUnconfined: false }
    const child = await executor.launch(launch, door, signal)
    return {
      leader: child.identity.pid,
      stdout: child.stdout,
      stderr: undefined,
      stderrTail: () => child.stderrTail(),
      exited: child.exited,
      countedMs: Promise.resolve(undefined),
      async feed(input) {
        const writer = child.stdin.getWriter()
        await writer.write(new TextEncoder().encode(input)).catch(() => undefined)
        await writer.close().catch(() => undefined)
      },
      kill() {
        child.terminate(0).catch(() => undefined)
      },
    }
  }
}
