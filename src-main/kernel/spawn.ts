import type { ProcessImage, Quota, SpawnOptions } from './abi.ts'
import { type Account, carve, openRoot } from './account.ts'
import { rightBits } from './capability.ts'
import { copyBody } from './copy.ts'
import { type Core, parseMs, requireAlive } from './core.ts'
import { checkName } from './device.ts'
import { CapError, KernelError, QuotaExceeded, textOf } from './errors.ts'
import { type CapRef, KERNEL_PID, type Pid } from './ids.ts'
import { carriedBy, delegate, post } from './ipc.ts'
import { armWall, parsePriority, setDeadline } from './lifetime.ts'
import { Mailbox } from './mailbox.ts'
import { Process } from './process.ts'
import { usageOf } from './usage.ts'

/** Birth of a process: everything is checked and carved first, then it exists; or nothing happened. */

const NEVER = Number.POSITIVE_INFINITY
const ALL_ON_CHILD = rightBits(['send', 'monitor', 'kill'])

/** Options after one reading: a getter on the caller's object gets no second chance. */
export interface Birth {
  readonly image: ProcessImage
  readonly args: unknown
  readonly quota: Quota
  readonly priority: number
  readonly mayRaise: boolean
  /** Milliseconds from now, undefined for none. */
  readonly deadlineMs: number | undefined
  readonly isHostSpawned: boolean
}

/** The `spawn` call: right spawn where spawning is gated. Rejects with EQUOTA, ECAP or EINVAL, without any effect. */
export function spawn(
  core: Core,
  parent: Process,
  image: ProcessImage,
  options: SpawnOptions = {},
): { pid: Pid; cap: CapRef } {
  const { args, caps = [], quota, link, priority, deadline, mayRaise } = options
  if (!Array.isArray(caps)) throw new KernelError('EINVAL', 'caps must be a list')
  const carried = carriedBy(core, parent, [...caps])
  if (core.isSpawnGated) checkSpawnRight(core, parent)
  const birth: Birth = {
    image: checkImage(image),
    args: copyBody(args),
    quota: { ...quota },
    priority: childPriority(parent, priority),
    mayRaise: mayRaise === true && parent.mayRaise,
    deadlineMs: deadline === undefined ? undefined : parseMs(deadline, 'deadline'),
    isHostSpawned: false,
  }
  // Reading what the caller gave may have run its code.
  requireAlive(parent)
  const child = create(core, parent, birth)
  const given = delegate(core, carried, child.pid)
  const cap = core.caps.mint(parent.pid, { kind: 'process', pid: child.pid }, ALL_ON_CHILD)
  core.events.pushCap(parent.pid, 'cap.mint', cap.id, cap.rights)
  if (link) child.watchers.add(parent.pid)
  if (given.length > 0) post(core, child, { $: 'caps' }, given)
  start(core, child)
  return { pid: child.pid, cap: cap.ref }
}

/** Where spawning is gated, holding any live spawn capability with the right decides. */
function checkSpawnRight(core: Core, parent: Process): void {
  const bit = rightBits(['spawn'])
  for (const cap of core.caps.list(parent.pid)) {
    if (cap.resource.kind === 'spawn' && (cap.rights & bit) !== 0 && !core.caps.isExpired(cap)) return
  }
  throw new CapError('no capability to spawn')
}

/** Makes the process and its account, not yet runnable. EQUOTA or EINVAL leave nothing behind. */
export function create(core: Core, parent: Process | undefined, birth: Birth): Process {
  const { quota } = birth
  const wallMs = quota.wallMs === undefined ? NEVER : parseMs(quota.wallMs, 'quota wallMs')
  const maxMailbox = parseMailbox(quota.maxMailbox)
  let account: Account
  try {
    account = parent ? carve(parent.account, quota) : openRoot(quota)
  } catch (error) {
    if (error instanceof QuotaExceeded) core.metrics.add('syscall_errors_total', 1, 'carve', 'EQUOTA')
    throw error
  }
  const process = new Process({
    pid: core.nextPid(),
    image: birth.image,
    name: birth.image.name,
    account,
    mailbox: new Mailbox(maxMailbox),
    args: birth.args,
    parent,
    now: core.clock.now(),
  })
  process.priority = birth.priority
  process.ceiling = birth.priority
  process.mayRaise = birth.mayRaise
  process.isHostSpawned = birth.isHostSpawned
  process.wallLimitMs = parent ? Math.min(wallMs, parent.wallLeft(core.clock.now())) : wallMs
  const tape = parent ? parent.tape : core.tape
  tape?.adopt(process)
  core.processes.set(process.pid, process)
  if (parent) {
    parent.children ??= new Set()
    parent.children.add(process)
  }
  if (birth.deadlineMs !== undefined) setDeadline(core, process, core.clock.now() + birth.deadlineMs)
  armWall(core, process)
  return process
}

/** Announces the process and queues it; its parent goes on first. */
export function start(core: Core, process: Process): void {
  core.metrics.spawns++
  const parent = process.parent?.pid ?? KERNEL_PID
  core.events.push(process.pid, { kind: process.parent ? 'spawn' : 'boot', name: process.name, parent })
  core.host.emit({
    type: 'process.spawned',
    pid: process.pid,
    parent,
    name: process.name,
    priority: process.priority,
    isHostSpawned: process.isHostSpawned,
    usage: usageOf(core, process),
  })
  core.dispatcher.enqueue(process)
}

/** Runs a body up to its first park; how it ends is how the process ends. */
export function run(core: Core, process: Process): void {
  process.isStarted = true
  const { image, sys, args } = process
  if (!sys) return
  let running: Promise<void>
  try {
    running = Promise.resolve(image.main(sys, args))
  } catch (error) {
    running = Promise.reject(error)
  }
  running.then(
    () => {
      returned(process)
      core.exit(process, { kind: 'normal' })
    },
    (error: unknown) => {
      returned(process)
      if (!process.isDead)
        core.events.push(process.pid, { kind: 'fault', where: 'main', error: textOf(error) })
      core.exit(process, { kind: 'fault', error: textOf(error) })
    },
  )
}

/** Where it is journaled, the return of a body counts like a call: what the host did before it comes before it. */
function returned(process: Process): void {
  process.tape?.catchUp()
  if (!process.isDead) process.tape?.called()
}

export function checkImage(image: ProcessImage): ProcessImage {
  if (typeof image !== 'object' || image === null || typeof image.main !== 'function') {
    throw new KernelError('EINVAL', 'an image needs a main function')
  }
  checkName(image.name)
  return image
}

function childPriority(parent: Process, wanted: number | undefined): number {
  const priority = wanted === undefined ? 0 : parsePriority(wanted)
  return parent.mayRaise ? priority : Math.min(priority, parent.ceiling)
}

function parseMailbox(value: number | undefined): number {
  if (value === undefined || value === NEVER) return NEVER
  if (!Number.isSafeInteger(value) || value < 0)
    throw new KernelError('EINVAL', 'maxMailbox must be a whole number')
  return value
}
