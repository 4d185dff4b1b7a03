import type { Down, ExitReason } from './abi.ts'
import type { Core } from './core.ts'
import { KernelError } from './errors.ts'
import type { Pid } from './ids.ts'
import { post } from './ipc.ts'
import type { Process } from './process.ts'

/** Who learns of an end: monitors and links (a Down message, at most one per pair) and `waitpid` (a result). */

/** Registers a watcher; for a dead target the Down comes at once, unless this watcher had it already. */
export function monitor(core: Core, watcher: Process, target: Pid): void {
  const process = core.processes.get(target)
  if (process) {
    process.watchers.add(watcher.pid)
    return
  }
  const tombstone = core.tombstones.get(target)
  if (!tombstone || tombstone.notified.has(watcher.pid)) return
  tombstone.notified.add(watcher.pid)
  post(core, watcher, downOf(target, tombstone.reason))
}

/** Waits for an end without taking a message; EDEADLK on itself. */
export function waitpid(core: Core, waiter: Process, target: Pid): Promise<ExitReason> {
  if (target === waiter.pid) throw new KernelError('EDEADLK', 'a process cannot wait for itself')
  const process = core.processes.get(target)
  if (!process) {
    const reason = core.tombstones.get(target)?.reason
    if (!reason) throw new KernelError('ESRCH', `no process ${target}`)
    return core.dispatcher.answer(waiter, { ...reason })
  }
  const park = core.dispatcher.park(waiter, 'waitpid')
  process.waiters ??= []
  process.waiters.push(park)
  park.withdraw = () => {
    process.waiters = process.waiters?.filter((one) => one !== park)
  }
  return park.promise as Promise<ExitReason>
}

/** Tells everyone who watches or waits, one Down per watcher. */
export function notifyEnd(core: Core, dead: Process, reason: ExitReason): void {
  for (const pid of dead.watchers) {
    const watcher = core.processes.get(pid)
    if (watcher) post(core, watcher, downOf(dead.pid, reason))
  }
  const waiters = dead.waiters ?? []
  dead.waiters = undefined
  for (const park of waiters) core.dispatcher.complete(park, { ...reason })
}

function downOf(pid: Pid, reason: ExitReason): Down {
  return { $: 'down', pid, reason: { ...reason } }
}
