import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BudgetOutcome, ProcessPlace, ProcessSample, ProcessTable } from '../app/kernel-powers.ts'
import type { ProgramUse, ResourceUse } from '../contract/process.ts'
import type { Budget } from '../contract/session.ts'
import { LimitTooLow } from '../kernel/budget.ts'
import { QuotaExceeded } from '../kernel/errors.ts'
import type { UsageRow } from '../kernel/host-events.ts'
import type { Pid } from '../kernel/ids.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { ProcessRow as KernelRow } from '../kernel/ps.ts'
import type { SessionPids } from './session-pids.ts'

/** Work on many rows gives way after this long, half of what the main thread may be held for. */
const sliceMs = 4

/** Gives an iterable's items and waits a turn whenever they, and what was done with them, took long enough. */
export async function* inSlices<T>(steps: Iterable<T>): AsyncGenerator<T> {
  let sinceMs = performance.now()
  for (const step of steps) {
    yield step
    if (performance.now() - sinceMs < sliceMs) continue
    await nextTurn()
    sinceMs = performance.now()
  }
}

/** The contract's plain number as the kernel's brand; the kernel answers ESRCH for one that is none. */
export const pidOf = (pid: number) => pid as Pid

export interface TableParts {
  readonly kernel: Kernel
  readonly sessions: SessionPids
  /** What each session's process was given, as it was asked for. */
  readonly told: Map<number, Budget>
  /** What the programs of parts used, as last measured. */
  readonly programs: ReadonlyMap<number, ProgramUse>
  /** What each sub-agent is to do, by its pid. */
  readonly titles: ReadonlyMap<number, string>
  /** The kernel's time, epoch ms. */
  readonly now: () => number
}

/** The kernel's processes for the console. */
export function createProcessTable(parts: TableParts): ProcessTable {
  const { kernel } = parts
  const ifAlive = (pid: number, act: (pid: Pid) => void): void => {
    if (kernel.isAlive(pidOf(pid))) act(pidOf(pid))
  }
  return {
    nowMs: () => Math.round(parts.now()),
    sample: (sessionId) => sample(parts, sessionId),
    find: (pid) => (kernel.isAlive(pidOf(pid)) ? placeOf(parts, pid) : undefined),
    suspend: (pid) => ifAlive(pid, (live) => kernel.suspend(live)),
    resume: (pid) => ifAlive(pid, (live) => kernel.resume(live)),
    term: (pid) => void kernel.term(pidOf(pid)),
    kill: (pid) => void kernel.signal(pidOf(pid)),
    setPriority: (pid, priority) => ifAlive(pid, (live) => kernel.setPriority(live, priority)),
    changeBudget: (pid, change) => changeBudget(parts, pid, change),
    setFleetAllowance(usdNanos) {
      if (kernel.rootPid !== undefined) kernel.setAllowance(usdNanos)
    },
    metricsText: () => kernel.metricsText(),
  }
}

async function* sample(
  parts: TableParts,
  sessionId: string | undefined,
): AsyncGenerator<readonly ProcessSample[]> {
  const { kernel, sessions } = parts
  const own = sessionId === undefined ? undefined : sessions.ownOf(sessionId)
  if (sessionId !== undefined && (own === undefined || !kernel.isAlive(pidOf(own)))) return
  const steps = kernel.psSteps(own === undefined ? undefined : pidOf(own))
  for await (const step of inSlices(steps)) yield step.map((row) => toSample(parts, row))
}

function placeOf({ kernel, sessions, titles }: TableParts, pid: number): ProcessPlace {
  if (pid === kernel.rootPid) return { kind: 'fleet', sessionId: null }
  const belonging = sessions.of(pid)
  const kind = belonging?.isOwn ? 'session' : titles.has(pid) ? 'sub_agent' : 'part'
  return { kind, sessionId: belonging?.sessionId ?? null }
}

function toSample(parts: TableParts, row: KernelRow): ProcessSample {
  const { programs, titles } = parts
  const { usage } = row
  return {
    pid: row.pid,
    parent: row.parent,
    name: titles.get(row.pid) ?? row.name,
    ...placeOf(parts, row.pid),
    state: row.isStopped ? 'stopped' : row.state,
    waitingOn: row.waitingOn ?? null,
    priority: row.priority,
    deadlineAtMs: row.deadlineAt === undefined ? null : Math.round(row.deadlineAt),
    mailbox: row.mailboxDepth,
    sendersParked: row.sendersParked,
    use: {
      tokens: toUse(usage.tokens),
      usdNanos: toUse(usage.usdNanos),
      toolCalls: toUse(usage.toolCalls),
      wallMs: toUse(usage.wallMs),
      mem: toUse(usage.mem),
      children: toUse(usage.children),
    },
    residentTokens: row.residentTokens,
    swapTokens: row.swapTokens,
    reductions: row.reductions,
    caps: row.caps,
    startedAtMs: Math.round(row.spawnedAt),
    program: programs.get(row.pid) ?? null,
  }
}

function toUse({ spent, limit, available }: UsageRow): ResourceUse {
  return {
    spent: Math.max(0, Math.round(spent)),
    limit: limit === undefined ? null : Math.round(limit),
    available: available === undefined ? null : Math.round(available),
  }
}

const names: Readonly<Record<string, keyof Budget>> = {
  tokens: 'tokens',
  usd: 'usdNanos',
  toolCalls: 'toolCalls',
  wallMs: 'wallMs',
}

function changeBudget({ kernel, told }: TableParts, pid: number, change: Partial<Budget>): BudgetOutcome {
  try {
    kernel.changeBudget(pidOf(pid), change)
  } catch (error) {
    if (error instanceof LimitTooLow)
      return { ok: false, resource: names[error.resource] ?? 'tokens', limit: 'used', amount: error.used }
    if (error instanceof QuotaExceeded)
      return {
        ok: false,
        resource: names[error.resource] ?? 'tokens',
        limit: 'left',
        amount: error.available,
      }
    throw error
  }
  const now = limitsOf(kernel, pid)
  const before = told.get(pid) ?? now
  if (told.has(pid)) told.set(pid, { ...before, ...change })
  return { ok: true, told: before, now }
}

/** The limits of a live process as a budget; one that it shares with those above is none of its own. */
function limitsOf(kernel: Kernel, pid: number): Budget {
  const usage = kernel.usage(pidOf(pid))
  return {
    tokens: usage?.tokens.limit ?? null,
    usdNanos: usage?.usdNanos.limit ?? null,
    toolCalls: usage?.toolCalls.limit ?? null,
    wallMs: usage?.wallMs.limit === undefined ? null : Math.round(usage.wallMs.limit),
  }
}
