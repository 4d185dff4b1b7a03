import type { ProcessImage, SyscallName } from '../../kernel/abi.ts'
import { allowed, DEFAULT_ALLOW } from './calls.ts'
import type { GuestLauncher } from './guest-link.ts'
import { Monitor } from './monitor.ts'
import { processGuests } from './process-guest.ts'

const DEFAULT_TIMEOUT_MS = 5_000
const DEFAULT_MEM_MB = 64

export interface SandboxOptions {
  /** System calls the code may make; default {@link DEFAULT_ALLOW}. */
  readonly allow?: readonly SyscallName[]
  /** How long the code may compute without falling silent; default 5 s. */
  readonly timeoutMs?: number
  /** Heap of the code in MiB, and how much the kernel keeps for it beside that; default 64. */
  readonly memMb?: number
  readonly name?: string
  /**
   * What runs the code; default is a process. `threadGuests` starts faster, but is no wall against memory bombs: V8 ends
   * the whole process, ours, when one allocation is larger than any heap.
   */
  readonly launch?: GuestLauncher
  /** Keeps virtual time from passing while the code computes; a kernel on real time needs none. */
  readonly holdTime?: () => () => void
}

/**
 * An image of untrusted code: the source of one function `async (sys, args) => {…}`. It runs in a process or thread of its
 * own with nothing but `sys`, all of whose calls are promises there; capabilities are plain numbers to it. The process's
 * quota and capabilities apply as to any other. It faults when the code throws, attacks its monitor, runs out of memory
 * or does not fall silent in time. Throws TypeError for a call in `allow` that can't cross.
 */
export function sandbox(code: string, options: SandboxOptions = {}): ProcessImage {
  const allow = allowed(options.allow ?? DEFAULT_ALLOW)
  const { timeoutMs = DEFAULT_TIMEOUT_MS, memMb = DEFAULT_MEM_MB, launch = processGuests() } = options
  return {
    name: options.name ?? 'sandbox',
    main(sys, args) {
      const monitor = new Monitor(sys, {
        allow,
        timeoutMs,
        maxHeldChars: memMb * 2 ** 20,
        holdTime: options.holdTime ?? (() => () => undefined),
        image: (inner) => sandbox(inner, options),
      })
      sys.onCleanup(() => monitor.close())
      const link = launch(
        { memMb },
        { heard: (message) => monitor.heard(message), ended: (why) => monitor.ended(why) },
      )
      return monitor.run(link, code, args)
    },
  }
}
