import type { Core } from './core.ts'
import type { HostCalls } from './host-calls.ts'
import type { Pid } from './ids.ts'
import type { Process } from './process.ts'

/**
 * Ends everything: asks the host's processes, then the roots, and after `graceMs` kernel time kills what is left,
 * leaf first, with reason shutdown. Resolves when no process lives.
 */
export async function shutdown(core: Core, calls: HostCalls, graceMs: number): Promise<void> {
  const limit = core.clock.now() + graceMs
  const asked = [...core.processes.values()].filter((process) => process.isHostSpawned)
  for (const { pid } of asked) ask(core, calls, pid)
  await untilDead(core, asked, limit)
  const roots = [...core.processes.values()].filter((process) => !process.parent)
  for (const { pid } of roots) ask(core, calls, pid)
  await untilDead(core, [...core.processes.values()], limit)
  while (core.processes.size > 0) for (const process of leaves(core)) end(core, calls, process)
}

/** A replay has no calls of its own; its processes are just taken down. */
function ask(core: Core, calls: HostCalls, pid: Pid): void {
  if (!core.tape?.isReplay) calls.do('term', { pid })
}

function end(core: Core, calls: HostCalls, process: Process): void {
  if (core.tape?.isReplay) core.exit(process, { kind: 'shutdown' })
  else calls.do('signal', { pid: process.pid, reason: { kind: 'shutdown' } })
}

/** Waits until all of these have ended or the time has come. */
function untilDead(core: Core, processes: readonly Process[], limit: number): Promise<void> {
  const left = new Set(processes.filter((process) => !process.isDead).map((process) => process.pid))
  const waitMs = limit - core.clock.now()
  if (left.size === 0 || waitMs <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      unsubscribe()
      timer.cancel()
      resolve()
    }
    const timer = core.clock.setTimer(waitMs, done)
    const unsubscribe = core.host.subscribe((event) => {
      if (event.type === 'process.exited' && left.delete(event.pid) && left.size === 0) done()
    })
  })
}

function leaves(core: Core): Process[] {
  return [...core.processes.values()].filter((process) => (process.children?.size ?? 0) === 0)
}
