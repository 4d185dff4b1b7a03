import { Worker } from 'node:worker_threads'
import type { GuestLauncher } from './guest-link.ts'

/** Young generation and stack of a sandbox's thread, in MiB. */
const YOUNG_MB = 8
const STACK_MB = 4
const CODE_MB = 16

/** Starts a thread that gets nothing of ours: no environment, no arguments, no flags, and a heap of its own size. */
export function startGuestThread(entry: URL, memMb: number): Worker {
  return new Worker(entry, {
    name: 'sandbox',
    env: {},
    argv: [],
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxOldGenerationSizeMb: memMb,
      maxYoungGenerationSizeMb: YOUNG_MB,
      codeRangeSizeMb: CODE_MB,
      stackSizeMb: STACK_MB,
    },
  })
}

/**
 * Guests as worker threads: a heap of their own, no environment, no arguments, nothing on the standard streams. The
 * wall is the stripped context inside; a thread alone would be none. For code that is expected to attack, use a process.
 */
export const threadGuests: GuestLauncher = ({ memMb }, ears) => {
  const worker = startGuestThread(new URL('./guest.worker.ts', import.meta.url), memMb)
  let why = 'the sandbox thread ended'
  worker.on('message', (message: unknown) => ears.heard(message))
  worker.on('messageerror', () => ears.heard(undefined))
  worker.on('error', (error: unknown) => {
    why = wordsOf(error)
  })
  worker.on('exit', () => ears.ended(why))
  return {
    send: (text) => worker.postMessage(text),
    terminate() {
      void worker.terminate()
    },
  }
}

/** An error event carries what the thread says it threw: only its code is read, as text. */
function wordsOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'the sandbox ran out of memory'
  return typeof code === 'string' ? `the sandbox thread failed: ${code}` : 'the sandbox thread failed'
}
