import type { Clock } from '../../ports/clock.ts'
import type { ChildExit, RunningProgram } from '../../ports/executor.ts'
import type { Sandbox } from '../../shim/sandbox.ts'
import { createFreezer } from './freezer.ts'
import { sessionProcesses } from './process-tree.ts'

/** A short command while it runs, with a time limit that stands still while the command does. */
export interface HeldRun {
  readonly program: RunningProgram
  /** Ends every process of it at once. */
  kill(): void
  /** It is over: no timer and no group is left. */
  close(): void
}

export interface HeldRunOptions {
  readonly sandbox: Sandbox
  readonly clock: Clock
  /** Control group below which one of its own may be made. */
  readonly group: string | undefined
  readonly timeoutMs: number
  readonly onTimeout: () => void
}

/** Holds a started command so that it can be frozen, thawed and ended from outside. */
export function holdRun({ sandbox, clock, group, timeoutMs, onTimeout }: HeldRunOptions): HeldRun {
  const { pid, startTime } = sandbox
  const processes = sessionProcesses(pid, startTime)
  const freezer = createFreezer(`${pid}`, group)
  const limit = createLimit(clock, timeoutMs, onTimeout)
  let isOver = false
  const kill = () => {
    processes.kill()
    sandbox.kill()
  }
  const exited = sandbox.ended.then(({ code, signal }): ChildExit => ({ code, signal }))
  return {
    program: {
      identity: { shimPid: null, pid, startTime, socketPath: null, logPath: null },
      exited,
      async freeze() {
        if (isOver) return
        limit.halt()
        await freezer.freeze(processes)
      },
      async thaw() {
        if (isOver) return
        await freezer.thaw(processes)
        limit.run()
      },
      async terminate(graceMs) {
        processes.signal('SIGTERM')
        await freezer.thaw(processes)
        const cancel = clock.after(graceMs, kill)
        return exited.finally(cancel)
      },
    },
    kill,
    close() {
      isOver = true
      limit.halt()
      kill()
      freezer.close()
    },
  }
}

/** Calls `onEnd` once `ms` of running time are over; it runs from the start. */
function createLimit(clock: Clock, ms: number, onEnd: () => void) {
  let leftMs = ms
  let sinceMs = 0
  let cancel: (() => void) | undefined
  const run = () => {
    if (cancel) return
    sinceMs = clock.nowMs()
    cancel = clock.after(leftMs, onEnd)
  }
  run()
  return {
    run,
    halt() {
      if (!cancel) return
      cancel()
      cancel = undefined
      leftMs = Math.max(0, leftMs - (clock.nowMs() - sinceMs))
    },
  }
}
