import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Executor, LaunchSpec, NetworkDoor } from '../../ports/executor.ts'
import type { GuestEars, GuestLauncher, GuestLink } from './guest-link.ts'
import { MAX_MESSAGE_CHARS } from './guest-message.ts'
import { splitLines } from './line-splitter.ts'

/** The program that runs one guest: nothing of ours is in its environment, and its arguments name only itself. */
export interface GuestProgram {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Folders and files that it has to read: its own code. */
  readonly reads: readonly string[]
}

/** A running guest program. */
export interface GuestPipes {
  readonly stdin: WritableStream<Uint8Array>
  readonly stdout: ReadableStream<Uint8Array>
  readonly exited: Promise<unknown>
  /** Ends it at once. */
  kill(): void
}

export type StartGuest = (program: GuestProgram, signal: AbortSignal) => Promise<GuestPipes>

/**
 * Guests as processes, for code that is expected to attack: a memory bomb ends that process and not this one, which a
 * thread can't promise (V8 ends the whole process when a single allocation is too large for any heap). `start` decides
 * what stands around the process; inside it Node's permission model refuses files, programs and native code.
 */
export function processGuests(start: StartGuest = startUnconfined): GuestLauncher {
  return ({ memMb }, ears) => {
    const life = new AbortController()
    const pipes = start(guestProgram(memMb), life.signal).then((started) => {
      if (life.signal.aborted) started.kill()
      return started
    })
    const writer = pipes.then(({ stdin }) => stdin.getWriter())
    pipes.then(
      (started) => void listen(started, ears, life.signal),
      (error: unknown) => {
        const words = error instanceof Error ? error.message : 'unknown reason'
        ears.ended(`the sandbox process did not start: ${words}`)
      },
    )
    writer.catch(() => undefined)
    return linkOver(pipes, writer, life)
  }
}

function linkOver(
  pipes: Promise<GuestPipes>,
  writer: Promise<WritableStreamDefaultWriter<Uint8Array>>,
  life: AbortController,
): GuestLink {
  const encoder = new TextEncoder()
  return {
    send(text) {
      // A broken pipe means that the process ends, which is told by its exit.
      writer.then((one) => one.write(encoder.encode(`${text}\n`))).catch(() => undefined)
    },
    terminate() {
      if (life.signal.aborted) return
      life.abort()
      pipes.then(
        (started) => started.kill(),
        () => undefined,
      )
    },
  }
}

/** Passes lines on until the process ends or says something too long to be a line of ours. */
async function listen(pipes: GuestPipes, ears: GuestEars, signal: AbortSignal): Promise<void> {
  let why = 'the sandbox process ended'
  const lines = splitLines(MAX_MESSAGE_CHARS, (line) => {
    if (line.startsWith('x')) why = wordsOf(line) ?? why
    else ears.heard(line)
  })
  try {
    for await (const chunk of pipes.stdout) {
      if (lines(chunk)) continue
      ears.heard(undefined)
      break
    }
  } catch {
    // The pipe broke: the process is gone, or going.
  }
  if (!signal.aborted) await pipes.exited.catch(() => undefined)
  ears.ended(why)
}

function wordsOf(line: string): string | undefined {
  try {
    const words: unknown = JSON.parse(line.slice(1))
    return typeof words === 'string' ? words.slice(0, 200) : undefined
  } catch {
    return undefined
  }
}

function guestProgram(memMb: number): GuestProgram {
  const entry = fileURLToPath(new URL('./guest.worker.ts', import.meta.url))
  // Source is spread over the folder; in out/ the entry's chunks lie beside its folder.
  const code = dirname(dirname(entry))
  const file = realpathSync(process.execPath)
  return {
    file,
    args: [
      '--permission',
      `--allow-fs-read=${code}/*`,
      '--allow-worker',
      '--no-addons',
      '--disallow-code-generation-from-strings',
      '--no-warnings',
      entry,
      String(memMb),
    ],
    // Where this machine stands is none of a guest's business, and must not decide what it does.
    env: { ELECTRON_RUN_AS_NODE: '1', TZ: 'UTC' },
    // A packaged app's code lies in one archive file, which is all that a wall can show.
    reads: [code.replace(/(\.asar)[\\/].*$/, '$1'), dirname(file)],
  }
}

/** A plain child process, with no wall around it but its own limits. */
export const startUnconfined: StartGuest = (program, signal) =>
  new Promise((resolve, reject) => {
    const child = spawn(program.file, program.args, {
      cwd: '/',
      env: program.env,
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
      signal,
      killSignal: 'SIGKILL',
    })
    const exited = new Promise<void>((done) => {
      child.once('exit', () => done())
      child.once('error', () => done())
    })
    // For good: being ended by the signal is an error event as well, and one that nobody takes would end us.
    child.on('error', reject)
    child.once('spawn', () => {
      const { stdin, stdout } = child
      resolve({
        stdin: Writable.toWeb(stdin) as WritableStream<Uint8Array>,
        stdout: Readable.toWeb(stdout) as ReadableStream<Uint8Array>,
        exited,
        kill: () => void child.kill('SIGKILL'),
      })
    })
  })

/** Guests behind an executor's wall, where it holds: no network, and of the files only the guest's own code. */
export function startConfined(
  executor: Pick<Executor, 'launch'>,
  place: Pick<LaunchSpec, 'sessionId' | 'home'>,
): StartGuest {
  const noNetwork: NetworkDoor = () => ({ ok: false, reason: 'a sandbox has no network' })
  return async ({ file, args, env, reads }, signal) => {
    const spec = {
      ...place,
      cwd: place.home,
      file,
      args,
      env,
      reads,
      writes: [],
      survives: false,
      forwards: [],
    }
    const child = await executor.launch({ ...spec, acceptUnconfined: false }, noNetwork, signal)
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      exited: child.exited,
      kill() {
        child.terminate(0).catch(() => undefined)
      },
    }
  }
}
