import type { Capability } from './capability.ts'
import { rightNames } from './capability.ts'
import type { Core } from './core.ts'
import type { CapRow, Usage } from './host-events.ts'
import type { Pid } from './ids.ts'
import type { Process } from './process.ts'
import { usageOf } from './usage.ts'

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

export function processRow(core: Core, process: Process): ProcessRow {
  let swapTokens = 0
  for (const { segment } of process.memory?.swap.values() ?? []) swapTokens += segment.tokens
  let caps = 0
  for (const _cap of core.caps.list(process.pid)) caps++
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
    swapTokens,
    reductions: process.reductions,
    spawnedAt: process.spawnedAt,
    usage: usageOf(core, process),
    caps,
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
  const states: [string, number][] = []
  const depths: [string, number][] = []
  const parked: [string, number][] = []
  let resident = 0
  for (const process of core.processes.values()) {
    states.push([process.isStopped ? 'stopped' : stateOf(core, process), 1])
    if (process.mailbox.length > 0) depths.push([process.name, process.mailbox.length])
    if (process.senders.size > 0) parked.push([process.name, process.senders.size])
    resident += process.memory?.residentTokens ?? 0
  }
  const kinds: [string, number][] = []
  for (const cap of core.caps.list()) kinds.push([cap.handle ? 'handle' : cap.resource.kind, 1])
  const lengths = Array.from(core.dispatcher.ready.lengths(), ([at, n]): [string, number] => [String(at), n])
  core.metrics.gauge('processes', states)
  core.metrics.gauge('mailbox_depth', depths)
  core.metrics.gauge('senders_parked', parked)
  core.metrics.gauge('caps', kinds)
  core.metrics.gauge('ready_queue_length', lengths)
  core.metrics.gauge('mem_resident_tokens', [['', resident]])
}
