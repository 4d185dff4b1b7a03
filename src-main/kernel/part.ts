import type { ExitReason, ProcessImage } from './abi.ts'
import type { Capability } from './capability.ts'
import { type Core, liveProcess } from './core.ts'
import { heldOn } from './door.ts'
import { CapError } from './errors.ts'
import { lend, quotaOf } from './host.ts'
import type { HostQuota } from './host-events.ts'
import type { Pid } from './ids.ts'
import type { Process } from './process.ts'
import { capRow } from './ps.ts'
import { checkImage, create, start } from './spawn.ts'

/**
 * Parts of a session that run outside the kernel, such as an agent's program or a sub-agent: each is a process of its
 * own, so that it is seen, paid for and ended like any other. It does nothing but wait for its end.
 */
export interface Parts {
  /** Starts one below a live process. ESRCH, EQUOTA, EINVAL; ECAP for a device that the parent does not hold. */
  spawn(parent: Pid, name: string, own?: PartOptions): Pid
  /** Ends one because what it stands for has ended; false when it is gone already. */
  end(pid: Pid, reason: ExitReason): boolean
  /** Books processor time of its program: one reduction for each millisecond. */
  spend(pid: Pid, cpuMs: number): void
}

/** What a part is given. Without it it holds nothing, and shares its parent's pools. */
export interface PartOptions {
  /** Carved out of its parent's. */
  readonly quota?: HostQuota
  /** Devices of its parent that it may open too: derived from the parent's, so that they end with those. */
  readonly devices?: readonly string[]
}

/** The host's calls that parts are made of: done through the journal where there is one, so that a replay does them too. */
export interface PartCalls {
  spawn(parent: Pid, name: string, own?: PartOptions): Pid
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

/** Starts the process that stands for something outside, all or nothing. ESRCH, EQUOTA, EINVAL, ECAP. */
export function spawnPart(
  core: Core,
  parent: Pid,
  name: string,
  { quota = {}, devices = [] }: PartOptions,
): Pid {
  const above = liveProcess(core, parent)
  const held = [...new Set(devices)].map((device) => liveOn(core, above, device))
  const child = create(core, above, {
    image: checkImage(waiting(name)),
    args: undefined,
    quota: quotaOf(quota),
    priority: above.priority,
    mayRaise: false,
    deadlineMs: undefined,
    isHostSpawned: false,
  })
  const given = held.map((cap) => capRow(lend(core, cap, child.pid)))
  start(core, child)
  for (const capability of given) core.host.emit({ type: 'capability.granted', pid: child.pid, capability })
  return child.pid
}

function liveOn(core: Core, process: Process, device: string): Capability {
  for (const cap of heldOn(core, process.pid, device)) if (!core.caps.isExpired(cap)) return cap
  throw new CapError(`process ${process.pid} holds nothing on ${device}`)
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
