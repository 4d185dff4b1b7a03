import type { ExitReason, Quota, ResourceName, SpawnOptions } from '../abi.ts'
import {
  CALLS,
  CHILDREN,
  carvePlain,
  causedBelowPlain,
  foldPlain,
  free,
  limitsOf,
  MEM,
  NAMES,
  openPlain,
  pool,
  settlePlain,
  TOKENS,
  USD,
  usageRow,
} from './accounts.fixture.ts'
import {
  complete,
  enqueue,
  type Machine,
  type PlainProcess,
  park,
  type Waiting,
  wallLeft,
  wallMs,
} from './machine.fixture.ts'
import { closeHandle, liveCap, ModelError, postPlain, targetPid } from './mail.fixture.ts'
import { residentTokens } from './memory.fixture.ts'

/** Birth, end, time limits and stopping in the plain model. */

const NEVER = Number.POSITIVE_INFINITY

export function usagePlain(m: Machine, process: PlainProcess): unknown {
  const { account } = process
  const row = (r: number) => usageRow(account, r, causedBelowPlain(account, r))
  return {
    tokens: row(TOKENS),
    toolCalls: row(CALLS),
    usdNanos: row(USD),
    mem: row(MEM),
    children: usageRow(account, CHILDREN, process.children.length),
    wallMs: {
      spent: wallMs(m, process),
      ...(process.wallLimit === NEVER ? {} : { limit: process.wallLimit, available: wallLeft(m, process) }),
    },
  }
}

export function budgetPlain(m: Machine, process: PlainProcess): Record<string, number> {
  const out: Record<string, number> = {}
  for (const r of [TOKENS, CALLS, USD, CHILDREN, MEM]) {
    const left = free(process.account, r)
    if (left !== NEVER) out[NAMES[r] as string] = r === USD ? left / 1e9 : left
  }
  if (process.wallLimit !== NEVER) out.wallMs = wallLeft(m, process)
  if (process.maxMailbox !== NEVER) out.maxMailbox = process.maxMailbox
  return out
}

const isMs = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

export function parseMsPlain(value: unknown): number {
  if (!isMs(value)) throw new ModelError('EINVAL')
  return value
}

function priorityOf(value: unknown): number {
  if (!Number.isInteger(value) || Math.abs(value as number) > 20) throw new ModelError('EINVAL')
  return value as number
}

export function makeProcess(
  m: Machine,
  parent: PlainProcess | undefined,
  init: { name: string; quota: Quota; priority: number; mayRaise: boolean; deadline: number | undefined },
): PlainProcess {
  const { quota } = init
  const wall = quota.wallMs === undefined ? NEVER : parseMsPlain(quota.wallMs)
  const max = quota.maxMailbox ?? NEVER
  if (max !== NEVER && (!Number.isSafeInteger(max) || max < 0)) throw new ModelError('EINVAL')
  const limits = limitsOf(quota)
  if (!limits) throw new ModelError('EINVAL')
  const account = parent ? carvePlain(parent.account, limits) : openPlain(undefined, limits)
  if (!account) throw new ModelError('EQUOTA')
  const process: PlainProcess = {
    ...{ pid: ++m.pids, name: init.name, parent, children: [], account, maxMailbox: max, mailbox: [] },
    ...{ receivers: [], senders: [], completions: [], outstanding: [], watchers: [], waiters: [], names: [] },
    ...{ cleanup: [], handles: [], memory: { resident: [], swap: [], orders: 0 }, body: undefined },
    ...{ isStarted: false, isStopped: false, reason: undefined, mayRaise: init.mayRaise },
    ...{ priority: init.priority, ceiling: init.priority, quantum: 0, reductions: 0 },
    ...{ deadlineAt: NEVER, deadlineTimer: undefined, wallTimer: undefined },
    ...{ wallUsed: 0, wallSince: m.time.now(), wallLimit: wall },
  }
  if (parent) process.wallLimit = Math.min(wall, wallLeft(m, parent))
  m.processes.set(process.pid, process)
  parent?.children.push(process)
  if (init.deadline !== undefined) setDeadlinePlain(m, process, m.time.now() + init.deadline)
  armWallPlain(m, process)
  return process
}

export function spawnPlain(m: Machine, parent: PlainProcess, name: string, options: SpawnOptions) {
  const given = (options.caps ?? []).map((ref) => liveCap(m, parent, ref))
  if (name === '') throw new ModelError('EINVAL')
  const wanted = options.priority === undefined ? 0 : priorityOf(options.priority)
  const child = makeProcess(m, parent, {
    name,
    quota: options.quota ?? {},
    priority: parent.mayRaise ? wanted : Math.min(wanted, parent.ceiling),
    mayRaise: options.mayRaise === true && parent.mayRaise,
    deadline: options.deadline === undefined ? undefined : parseMsPlain(options.deadline),
  })
  const refs = given.map((cap) => m.caps.child(cap, child.pid).ref)
  const rights = new Set(['send', 'monitor', 'kill'] as const)
  const resource = { kind: 'process', pid: child.pid } as const
  const cap = m.caps.add({ owner: parent.pid, resource, rights, ends: [], parent: undefined })
  if (options.link) child.watchers.push(parent.pid)
  if (refs.length > 0) postPlain(m, child, { $: 'caps' }, refs)
  announce(m, child)
  return { child, pid: child.pid, cap: cap.ref }
}

export function announce(m: Machine, process: PlainProcess): void {
  m.note(`+ ${process.pid} below ${process.parent?.pid ?? 0} ${process.name} ${process.priority}`)
  enqueue(m, process)
}

function setDeadlinePlain(m: Machine, process: PlainProcess, at: number): void {
  if (process.deadlineTimer) process.deadlineTimer.fire = undefined
  const wasReady = m.queue.has(process)
  m.queue.remove(process)
  process.deadlineAt = at
  if (wasReady) enqueue(m, process)
  if (at !== NEVER) {
    const waitMs = Math.max(0, at - m.time.now())
    process.deadlineTimer = m.time.set(waitMs, () => exitPlain(m, process, { kind: 'deadline' }))
  }
}

function armWallPlain(m: Machine, process: PlainProcess): void {
  if (process.wallTimer) process.wallTimer.fire = undefined
  if (process.wallLimit === NEVER || process.isStopped || process.reason) return
  process.wallTimer = m.time.set(Math.max(0, process.wallLimit - wallMs(m, process)), () => {
    noteExceeded(m, process, 'wallMs', wallMs(m, process), process.wallLimit)
    exitPlain(m, process, { kind: 'quota', resource: 'wallMs' })
  })
}

export function suspendPlain(m: Machine, process: PlainProcess): void {
  if (process.isStopped) return
  process.wallUsed = wallMs(m, process)
  process.isStopped = true
  if (process.wallTimer) process.wallTimer.fire = undefined
  m.queue.remove(process)
  if (m.current === process) m.current = undefined
  m.note(`= ${process.pid} suspended`)
}

export function resumePlain(m: Machine, process: PlainProcess): void {
  if (!process.isStopped) return
  process.isStopped = false
  process.wallSince = m.time.now()
  armWallPlain(m, process)
  m.note(`= ${process.pid} resumed`)
  enqueue(m, process)
}

export function schedPlain(m: Machine, process: PlainProcess, change: Record<string, unknown>): void {
  const wanted = change.priority === undefined ? undefined : priorityOf(change.priority)
  const { deadline } = change
  if (wanted !== undefined) {
    const wasReady = m.queue.has(process)
    m.queue.remove(process)
    process.priority = process.mayRaise ? wanted : Math.min(wanted, process.ceiling)
    if (wasReady) enqueue(m, process)
  }
  if (deadline === null) setDeadlinePlain(m, process, NEVER)
  else if (deadline !== undefined) setDeadlinePlain(m, process, m.time.now() + (deadline as number))
}

function noteExceeded(
  m: Machine,
  process: PlainProcess,
  what: ResourceName,
  used: number,
  limit: number,
): void {
  m.note(`! ${process.pid} over ${what}: ${used} of ${limit === NEVER ? null : limit}`)
}

/** Ends a process over a budget. */
export function killPlain(m: Machine, process: PlainProcess, resource: ResourceName): void {
  if (process.reason) return
  const r = NAMES.indexOf(resource)
  const limit = pool(process.account, r).limit[r] ?? NEVER
  noteExceeded(m, process, resource, causedBelowPlain(process.account, r), limit)
  exitPlain(m, process, { kind: 'quota', resource })
}

/**
 * Books costs one after the other and then ends who went over, by the first that did; a dead process's costs fall on
 * whoever stands above it now.
 */
export function settleOrKillPlain(
  m: Machine,
  process: PlainProcess,
  costs: readonly (readonly number[])[],
): void {
  let payer = process.account
  while (payer.isFolded && payer.parent) payer = payer.parent
  const over = costs.flatMap((cost) => settlePlain(payer, cost))
  if (process.reason) for (const resource of over) m.note(`! ${process.pid} late over ${resource}`)
  else if (over[0]) killPlain(m, process, over[0])
}

export function exitPlain(m: Machine, process: PlainProcess, reason: ExitReason): void {
  if (process.reason) return
  process.reason = reason
  m.reasons.set(process.pid, reason)
  for (const timer of [process.deadlineTimer, process.wallTimer]) if (timer) timer.fire = undefined
  m.queue.remove(process)
  for (const hook of [...process.cleanup].reverse()) attempt(hook)
  for (const handle of process.handles) closeHandle(m, handle)
  for (const name of process.names) m.names.delete(name)
  withdrawAll(m, process)
  for (const { waiting } of process.senders.splice(0)) complete(m, waiting, { code: 'ESRCH' })
  for (const message of process.mailbox.splice(0)) {
    for (const cap of m.caps.live()) if (message.caps.includes(cap.ref)) cap.isGone = true
  }
  for (const cap of m.caps.all) if (cap.owner === process.pid) cap.isGone = true
  adopt(m, process)
  const usage = usagePlain(m, process)
  process.account.resident = 0
  foldPlain(process.account)
  m.processes.delete(process.pid)
  for (const pid of process.watchers) tellDown(m, m.processes.get(pid), pid, process.pid, reason)
  for (const waiting of process.waiters.splice(0)) complete(m, waiting, { value: reason })
  m.note(`- ${process.pid} ${JSON.stringify(reason)} ${JSON.stringify(usage)}`)
  if (m.current === process) m.current = undefined
}

function attempt(hook: () => void): void {
  try {
    hook()
  } catch {
    // Guarded: one hook's failure is not the next one's.
  }
}

function withdrawAll(_m: Machine, process: PlainProcess): void {
  for (const waiting of process.outstanding.splice(0)) {
    waiting.isDone = true
    if (waiting.timer) waiting.timer.fire = undefined
    waiting.withdraw?.()
  }
  process.completions = []
  process.receivers = []
}

function adopt(_m: Machine, process: PlainProcess): void {
  const { parent } = process
  for (const child of process.children) {
    child.parent = parent
    parent?.children.push(child)
  }
  process.children = []
  if (parent) parent.children = parent.children.filter((one) => one !== process)
}

function tellDown(
  m: Machine,
  watcher: PlainProcess | undefined,
  watcherPid: number,
  pid: number,
  reason: ExitReason,
): void {
  const pair = `${watcherPid}<${pid}`
  if (m.told.has(pair)) return
  m.told.add(pair)
  if (watcher) postPlain(m, watcher, { $: 'down', pid, reason }, [])
}

export function monitorPlain(m: Machine, watcher: PlainProcess, ref: unknown): void {
  const pid = targetPid(m, watcher, ref, 'monitor')
  const target = m.processes.get(pid)
  const reason = m.reasons.get(pid)
  if (target) target.watchers.push(watcher.pid)
  else if (reason) tellDown(m, watcher, watcher.pid, pid, reason)
}

export function waitPlain(
  m: Machine,
  waiter: PlainProcess,
  ref: unknown,
  waiting: Waiting,
): Waiting | ExitReason {
  const pid = targetPid(m, waiter, ref, 'monitor')
  if (pid === waiter.pid) throw new ModelError('EDEADLK')
  const target = m.processes.get(pid)
  if (!target) return m.reasons.get(pid) as ExitReason
  target.waiters.push(park(m, waiting))
  waiting.withdraw = () => {
    target.waiters = target.waiters.filter((one) => one !== waiting)
  }
  return waiting
}

/** What the kernel's own table says of a process when all is quiet. */
export function rowPlain(m: Machine, process: PlainProcess): string {
  const swapTokens = process.memory.swap.reduce((sum, one) => sum + one.tokens, 0)
  const caps = m.caps.live().filter((cap) => cap.owner === process.pid).length
  const numbers = [process.priority, process.mailbox.length, process.senders.length]
  const memory = [residentTokens(process.memory), swapTokens]
  const state = [process.reductions, process.isStopped, process.parent?.pid ?? 0, caps]
  return `# ${process.pid} ${[...numbers, ...memory, ...state].join(' ')} ${JSON.stringify(usagePlain(m, process))}`
}
