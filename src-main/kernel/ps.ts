import { type Account, RESOURCES } from './account.ts'
import type { Capability } from './capability.ts'
import { rightNames } from './capability.ts'
import type { Core } from './core.ts'
import type { CapRow, Usage } from './host-events.ts'
import type { Pid } from './ids.ts'
import { treeOf } from './lifetime.ts'
import type { Process } from './process.ts'
import { type Caused, usageOf } from './usage.ts'

export type ProcessState = 'new' | 'ready' | 'running' | 'waiting' | 'foreign'

/** One row of `ps`: a snapshot, safe to keep and to send. */
export interface ProcessRow {
  readonly pid: Pid
  readonly parent: Pid | 0
  readonly name: string
  readonly state: ProcessState
  /** What a waiting process waits for: recv, send, io, sleep, waitpid, page. */
  readonly waitingOn?: string
  readonly isStopped: boolean
  readonly priority: number
  /** Absolute kernel ms. */
  readonly deadlineAt?: number
  readonly mailboxDepth: number
  readonly sendersParked: number
  readonly residentTokens: number
  readonly swapTokens: number
  readonly reductions: number
  readonly spawnedAt: number
  readonly usage: Usage
  readonly caps: number
}

/** Rows made at a stretch before a reader is asked whether to go on. */
const ROWS_PER_STEP = 64

/**
 * Rows of all live processes, or of one and everything below it, the ones above first. Sums are taken when the first row is
 * asked for; a reader may pause between steps, and processes that end meanwhile are left out.
 */
export function* processRows(core: Core, top?: Process): Generator<ProcessRow[]> {
  const processes = top ? treeOf(top) : [...core.processes.values()]
  const caused = causedOf(processes)
  for (let from = 0; from < processes.length; from += ROWS_PER_STEP) {
    const step = processes.slice(from, from + ROWS_PER_STEP).filter((process) => !process.isDead)
    yield step.map((process) => processRow(core, process, caused))
  }
}

/** Sums what each account and those below it caused in one pass, where asking each alone would walk every tree again. */
function causedOf(processes: readonly Process[]): Caused {
  const accounts: Account[] = []
  const place = new Map<Account, number>()
  const note = (account: Account): void => {
    if (place.has(account)) return
    place.set(account, accounts.length)
    accounts.push(account)
  }
  for (const { account } of processes) note(account)
  for (let at = 0; at < accounts.length; at++) for (const child of accounts[at]?.children ?? []) note(child)
  const sums = new Float64Array(accounts.length * RESOURCES)
  accounts.forEach((account, at) => {
    for (let r = 0; r < RESOURCES; r++) sums[at * RESOURCES + r] = account.caused[r] ?? 0
  })
  // Pids and so places grow downwards, so that each sum is complete before it is added to the one above.
  for (let at = accounts.length - 1; at >= 0; at--) {
    const parent = accounts[at]?.parent
    const above = parent && place.get(parent)
    if (above === undefined || above >= at) continue
    for (let r = 0; r < RESOURCES; r++)
      sums[above * RESOURCES + r] = (sums[above * RESOURCES + r] ?? 0) + (sums[at * RESOURCES + r] ?? 0)
  }
  return (account, column) => sums[(place.get(account) ?? 0) * RESOURCES + column] ?? 0
}

function processRow(core: Core, process: Process, caused: Caused): ProcessRow {
  const state = stateOf(core, process)
  return {
    pid: process.pid,
    parent: process.parent?.pid ?? 0,
    name: process.name,
    state,
    ...(state === 'waiting' && process.outstanding ? { waitingOn: process.outstanding.kind } : {}),
    isStopped: process.isStopped,
    priority: process.priority,
    ...(process.deadlineAt === Number.POSITIVE_INFINITY ? {} : { deadlineAt: process.deadlineAt }),
    mailboxDepth: process.mailbox.length,
    sendersParked: process.senders.size,
    residentTokens: process.memory?.residentTokens ?? 0,
    swapTokens: process.memory?.swapTokens ?? 0,
    reductions: process.reductions,
    spawnedAt: process.spawnedAt,
    usage: usageOf(core, process, caused),
    caps: core.caps.countOf(process.pid),
  }
}

export function stateOf(core: Core, process: Process): ProcessState {
  if (core.dispatcher.current === process) return 'running'
  if (process.isForeign) return 'foreign'
  if (!process.isStarted) return 'new'
  return process.firstCompletion ? 'ready' : 'waiting'
}

/** A capability without its reference. */
export function capRow(cap: Capability): CapRow {
  let above = cap.parent
  while (above?.isSkeleton) above = above.parent
  return {
    id: cap.id,
    pid: cap.owner,
    kind: cap.handle ? 'handle' : cap.resource.kind,
    target: targetText(cap),
    rights: rightNames(cap.rights),
    ...(cap.expiresAt === Number.POSITIVE_INFINITY ? {} : { expiresAtMs: cap.expiresAt }),
    ...(above ? { parentId: above.id } : {}),
    uses: cap.uses,
    ...(cap.uses === 0 ? {} : { lastUsedAtMs: cap.lastUsedAt }),
  }
}

function targetText({ resource }: Capability): string {
  switch (resource.kind) {
    case 'device':
      return resource.driver
    case 'process':
      return String(resource.pid)
    case 'remote':
      return `${resource.node}/${resource.pid}`
    case 'spawn':
    case 'budget':
      return resource.kind
  }
}

/** Brings the gauges up to date; counters keep themselves. */
export function refreshGauges(core: Core): void {
  const states = new Map<string, number>()
  const depths = new Map<string, number>()
  const parked = new Map<string, number>()
  let resident = 0
  for (const process of core.processes.values()) {
    count(states, process.isStopped ? 'stopped' : stateOf(core, process), 1)
    if (process.mailbox.length > 0) count(depths, process.name, process.mailbox.length)
    if (process.senders.size > 0) count(parked, process.name, process.senders.size)
    resident += process.memory?.residentTokens ?? 0
  }
  const kinds = new Map<string, number>()
  for (const cap of core.caps.list()) count(kinds, cap.handle ? 'handle' : cap.resource.kind, 1)
  const lengths = Array.from(core.dispatcher.ready.lengths(), ([at, n]): [string, number] => [String(at), n])
  core.metrics.gauge('processes', states)
  core.metrics.gauge('mailbox_depth', depths)
  core.metrics.gauge('senders_parked', parked)
  core.metrics.gauge('caps', kinds)
  core.metrics.gauge('ready_queue_length', lengths)
  core.metrics.gauge('mem_resident_tokens', [['', resident]])
}

function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}
