import type { ExitReason, ProcessImage } from './abi.ts'
import { type Core, liveProcess } from './core.ts'
import type { Pid } from './ids.ts'
import { checkImage, create, start } from './spawn.ts'

/**
 * Parts of a session that run outside the kernel, such as an agent's program: each is a process of its own, so that it is
 * seen, paid for and ended like any other. It shares its parent's pools and does nothing but wait for its end.
 */
export interface Parts {
  /** Starts one below a live process. ESRCH, EQUOTA, EINVAL. */
  spawn(parent: Pid, name: string): Pid
  /** Ends one because what it stands for has ended; false when it is gone already. */
  end(pid: Pid, reason: ExitReason): boolean
  /** Books processor time of its program: one reduction for each millisecond. */
  spend(pid: Pid, cpuMs: number): void
}

/** The host's calls that parts are made of: done through the journal where there is one, so that a replay does them too. */
export interface PartCalls {
  spawn(parent: Pid, name: string): Pid
  end(pid: Pid, reason: ExitReason): boolean
}

export function createParts(core: Core, calls: PartCalls): Parts {
  return {
    spawn: calls.spawn,
    end: calls.end,
    spend(pid, cpuMs) {
      const process = core.processes.get(pid)
      if (process && Number.isSafeInteger(cpuMs) && cpuMs > 0) core.dispatcher.spend(process, cpuMs)
    },
  }
}

/** Starts the process that stands for something outside. ESRCH, EQUOTA, EINVAL. */
export function spawnPart(core: Core, parent: Pid, name: string): Pid {
  const above = liveProcess(core, parent)
  const child = create(core, above, {
    image: checkImage(waiting(name)),
    args: undefined,
    quota: {},
    priority: above.priority,
    mayRaise: false,
    deadlineMs: undefined,
    isHostSpawned: false,
  })
  start(core, child)
  return child.pid
}

function waiting(name: string): ProcessImage {
  return {
    name,
    async main(sys) {
      for (;;) {
        const message = await sys.recv<{ readonly $?: unknown } | undefined>()
        if (message.from === 0 && message.body?.$ === 'term') await sys.exit({ kind: 'shutdown' })
      }
    },
  }
}
