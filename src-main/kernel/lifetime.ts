import { type Core, requireAlive, setTimer } from './core.ts'
import { KernelError } from './errors.ts'
import type { Process } from './process.ts'
import { tellExceeded } from './usage.ts'

/** What time does to a process: its deadline, its wall-time ceiling, its priority, and being stopped. */

const NEVER = Number.POSITIVE_INFINITY

/** Sets an absolute deadline (Infinity clears it): the process is killed once `now >= at`, in any state. */
export function setDeadline(core: Core, process: Process, at: number): void {
  process.deadlineTimer?.cancel()
  process.deadlineTimer = undefined
  const wasQueued = core.dispatcher.ready.isQueued(process)
  if (wasQueued) core.dispatcher.ready.remove(process)
  process.deadlineAt = at
  if (wasQueued) core.dispatcher.enqueue(process)
  if (at === NEVER) return
  process.deadlineTimer = setTimer(core, process, Math.max(0, at - core.clock.now()), () => {
    core.events.push(process.pid, { kind: 'sched.deadline' })
    core.exit(process, { kind: 'deadline' })
  })
}

/** Starts or restarts the timer of the wall-time ceiling; stopped time does not count. */
export function armWall(core: Core, process: Process): void {
  process.wallTimer?.cancel()
  process.wallTimer = undefined
  if (process.wallLimitMs === NEVER || process.isStopped || process.isDead) return
  const leftMs = process.wallLimitMs - process.wallMs(core.clock.now())
  process.wallTimer = setTimer(core, process, Math.max(0, leftMs), () => {
    // A host timer may fire a fraction early against the clock.
    if (process.wallMs(core.clock.now()) < process.wallLimitMs - 1) return armWall(core, process)
    tellExceeded(core, process, 'wallMs')
    core.exit(process, { kind: 'quota', resource: 'wallMs' })
  })
}

/** Stops dispatch of a process; idempotent. Its mailbox fills, its I/O completes, its deadline still counts. */
export function suspend(core: Core, process: Process): void {
  if (process.isStopped || process.isDead) return
  process.wallUsedMs = process.wallMs(core.clock.now())
  process.isStopped = true
  armWall(core, process)
  core.dispatcher.ready.remove(process)
  core.dispatcher.release(process)
  core.events.push(process.pid, { kind: 'suspend' })
  core.host.emit({ type: 'process.suspended', pid: process.pid })
}

/** Lets a stopped process go on; what completed meanwhile is dispatched in the order in which it did. */
export function resume(core: Core, process: Process): void {
  if (!process.isStopped || process.isDead) return
  process.isStopped = false
  process.stoppedWith = undefined
  process.wallSince = core.clock.now()
  armWall(core, process)
  core.events.push(process.pid, { kind: 'resume' })
  core.host.emit({ type: 'process.resumed', pid: process.pid })
  core.dispatcher.enqueue(process)
  process.releaseDoors()
}

/** Stops a process and everything below it. What was stopped for itself already stays so when this one goes on. */
export function suspendTree(core: Core, top: Process): void {
  top.stoppedWith = top.pid
  for (const process of treeOf(top)) {
    if (process.isStopped) continue
    process.stoppedWith = top.pid
    suspend(core, process)
  }
}

/**
 * Lets a process go on, with everything that stopped together with it. While the process above it stands still it only
 * goes on together with that one.
 */
export function resumeTree(core: Core, top: Process): void {
  const above = top.parent?.isStopped ? top.parent.stoppedWith : undefined
  for (const process of treeOf(top)) {
    if (process !== top && process.stoppedWith !== top.pid) continue
    process.stoppedWith = above
    if (above === undefined) resume(core, process)
  }
}

/** A process and all below it, the ones above first; collected at once, so that the tree may change meanwhile. */
export function treeOf(top: Process): Process[] {
  const tree = [top]
  for (let at = 0; at < tree.length; at++) for (const child of tree[at]?.children ?? []) tree.push(child)
  return tree
}

export function clearTimers(process: Process): void {
  process.deadlineTimer?.cancel()
  process.wallTimer?.cancel()
}

/** Checks a priority: an integer from -20 to 20, else EINVAL. */
export function parsePriority(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < -20 || value > 20) {
    throw new KernelError('EINVAL', 'priority must be an integer from -20 to 20')
  }
  return value
}

/** Changes a process's own scheduling: lowering is free, raising stops at its ceiling unless it may raise. */
export function reschedule(
  core: Core,
  process: Process,
  change: { priority?: number; deadline?: number | null | undefined },
): void {
  if (typeof change !== 'object' || change === null) throw new KernelError('EINVAL', 'sched needs an object')
  const { priority, deadline } = change
  const wanted = priority === undefined ? undefined : parsePriority(priority)
  let at: number | undefined
  if (deadline === null || deadline === NEVER) at = NEVER
  else if (deadline !== undefined) {
    if (typeof deadline !== 'number' || Number.isNaN(deadline) || deadline < 0) {
      throw new KernelError('EINVAL', 'deadline must be at least 0')
    }
    at = core.clock.now() + deadline
  }
  requireAlive(process)
  if (wanted !== undefined)
    setPriority(core, process, process.mayRaise ? wanted : Math.min(wanted, process.ceiling))
  if (at !== undefined) setDeadline(core, process, at)
}

export function setPriority(core: Core, process: Process, priority: number): void {
  const wasQueued = core.dispatcher.ready.isQueued(process)
  if (wasQueued) core.dispatcher.ready.remove(process)
  process.priority = priority
  if (wasQueued) core.dispatcher.enqueue(process)
}
