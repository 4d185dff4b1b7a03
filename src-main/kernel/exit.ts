import type { ExitReason } from './abi.ts'
import { fold, MEM, release } from './account.ts'
import type { Core } from './core.ts'
import { KernelError, textOf } from './errors.ts'
import { dropMailbox } from './ipc.ts'
import { clearTimers } from './lifetime.ts'
import { count } from './metrics.ts'
import type { Process } from './process.ts'
import { usageOf } from './usage.ts'
import { notifyEnd } from './watch.ts'

/**
 * Ends a process. The order is fixed: names, capabilities and the account are settled before anyone learns of the
 * end, so that a supervisor reacting to it can register, carve and start again at once. The first cause wins.
 */
export function exitProcess(core: Core, process: Process, reason: ExitReason): void {
  if (process.isDead) return
  process.isDead = true
  process.exitReason = reason
  process.tape?.exited(process)
  clearTimers(process)
  core.dispatcher.ready.remove(process)
  runCleanup(core, process)
  for (const handle of process.handles ?? []) handle.close()
  for (const name of process.names ?? []) core.names.delete(name)
  process.names = undefined
  withdrawCalls(process)
  failSenders(core, process)
  dropMailbox(core, process)
  core.caps.deleteOwned(process.pid)
  adoptOrphans(process)
  const usage = settleAccount(core, process)
  core.processes.delete(process.pid)
  if (core.caps.isNamed(process.pid)) {
    core.tombstones.set(process.pid, { pid: process.pid, reason, notified: process.watchers })
  }
  notifyEnd(core, process, reason)
  count(core.metrics.exits, reason.kind)
  core.events.push(process.pid, { kind: 'exit', reason })
  core.host.emit({ type: 'process.exited', pid: process.pid, reason, usage })
  process.releaseDoors()
  releaseMemory(process)
  core.dispatcher.release(process)
}

/** Last registered first; they run for every reason, and a killed body never resumes, so they are all it has. */
function runCleanup(core: Core, process: Process): void {
  const hooks = process.cleanup ?? []
  process.cleanup = undefined
  for (const hook of hooks.reverse()) {
    try {
      const result: unknown = hook()
      if (result instanceof Promise) {
        result.catch((error: unknown) => {
          core.events.push(process.pid, { kind: 'fault', where: 'cleanup', error: textOf(error) })
        })
      }
    } catch (error) {
      core.events.push(process.pid, { kind: 'fault', where: 'cleanup', error: textOf(error) })
    }
  }
}

/** Its own parked calls never settle; a parked send is taken back out of the receiver's queue. */
function withdrawCalls(process: Process): void {
  for (let park = process.outstanding; park; park = park.nextOutstanding) {
    park.isDone = true
    park.timer?.cancel()
    park.withdraw?.()
  }
  process.outstanding = undefined
  process.firstCompletion = undefined
  process.lastCompletion = undefined
  process.receivers = []
}

function failSenders(core: Core, process: Process): void {
  for (const parked of process.senders) {
    core.dispatcher.fail(parked.park, new KernelError('ESRCH', `process ${process.pid} ended`))
  }
  process.senders.clear()
}

function adoptOrphans(process: Process): void {
  const parent = process.parent
  for (const child of process.children ?? []) {
    child.parent = parent
    if (!parent) continue
    parent.children ??= new Set()
    parent.children.add(child)
  }
  process.children = undefined
  parent?.children?.delete(process)
}

/** Takes the last reading, then gives back memory and folds the account into the one above. */
function settleAccount(core: Core, process: Process) {
  for (const hold of process.holds ?? []) hold.release()
  process.holds = undefined
  const usage = usageOf(core, process)
  const resident = process.memory?.residentTokens ?? 0
  if (resident > 0) release(process.account, MEM, resident)
  process.memory?.clear()
  fold(process.account)
  return usage
}

/** A pid may be held in closures for long; what it pointed to need not be. */
function releaseMemory(process: Process): void {
  process.parent = undefined
  process.args = undefined
  process.sys = undefined
  process.memory = undefined
}
