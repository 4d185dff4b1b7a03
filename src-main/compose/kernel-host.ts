import type { KernelHost, KernelNews, ProcessSpec, StartTurn } from '../app/effects/kernel-host.ts'
import type { AuthorityTable, ProcessTable } from '../app/kernel-powers.ts'
import type { Budget, EndReason } from '../contract/session.ts'
import { nodeClock, nodePowers } from '../drivers/host-powers.ts'
import { runtimeDriver } from '../drivers/runtime-driver.ts'
import type { ExitReason, ProcessImage } from '../kernel/abi.ts'
import { CapError, QuotaExceeded } from '../kernel/errors.ts'
import type { HostEvent, HostQuota, Usage } from '../kernel/host-events.ts'
import type { TreeRecording } from '../kernel/journaling.ts'
import { Kernel } from '../kernel/kernel.ts'
import type { ProgramUse } from '../ports/executor.ts'
import { fleetRoot } from '../userland/fleet-root.ts'
import { type EndAnswer, isEndRequest, sessionAgent } from '../userland/session-agent.ts'
import { createAuthorityTable } from './authority-table.ts'
import { forgetIdleAuthorities } from './idle-authorities.ts'
import { createProcessTable, pidOf } from './process-table.ts'
import { followSessions, type SessionPids } from './session-pids.ts'
import { createTurnBook, type TurnBook } from './turn-book.ts'

/** The prompt of a turn as it travels through the kernel: plain data. */
interface Prompt {
  readonly promptId: string | null
  readonly text: string
}

export interface RunningKernel {
  readonly host: KernelHost
  readonly kernel: Kernel
  readonly processes: ProcessTable
  readonly authority: AuthorityTable
  /** How often a session's process used each device it holds; empty when it does not run here. */
  usesOf(sessionId: string): Readonly<Record<string, number>>
  /** Who takes the turns of the session processes; set once, when the session effects stand. */
  serve(startTurn: StartTurn): void
  close(): Promise<void>
}

const runtimes = ['scripted', 'acp', 'kernel', 'otters'] as const

export interface KernelOptions {
  /** The body of a session's process; {@link sessionAgent} unless told otherwise. */
  readonly agent?: (name: string) => ProcessImage
  /** Where a session is recorded; undefined = it is not. */
  readonly record?: (sessionId: string) => TreeRecording | undefined
}

/** What one running kernel's parts share. */
interface Shared {
  readonly kernel: Kernel
  readonly sessions: SessionPids
  /** Last reading of processes that ended. */
  readonly last: Map<number, Usage>
  readonly told: Map<number, Budget>
  readonly turns: TurnBook
  /** What the programs of parts used. */
  readonly programs: Map<number, ProgramUse>
  /** What each sub-agent is to do. */
  readonly titles: Map<number, string>
  readonly agent: (name: string) => ProcessImage
  readonly record: KernelOptions['record']
  /** True while an act is under way whose news its caller records. */
  isQuiet: boolean
}

/**
 * The kernel begins nothing new after half of this in one turn of the event loop, milliseconds. A full collection of
 * garbage takes five to seven and comes on top, and all of it together should stay within eight. Turns this short cost
 * a kernel at full load no throughput that could be measured.
 */
const turnMs = 1

/** Boots the kernel with the fleet's root process and one device per runtime. */
export function startKernel({ agent = sessionAgent, record }: KernelOptions = {}): RunningKernel {
  const clock = nodeClock()
  const kernel = new Kernel({ clock, powers: nodePowers(), limits: { turnMs } })
  const turns = createTurnBook()
  let serveTurn: StartTurn = async () => {
    throw new Error('no runtime stands yet')
  }
  for (const kind of runtimes) {
    kernel.registerDriver(
      runtimeDriver(`runtime:${kind}`, async (owner, request, signal) => {
        if (isEndRequest(request)) return { value: { mayEnd: turns.mayEnd(owner) } satisfies EndAnswer }
        turns.take(owner)
        await serveTurn(owner, readPrompt(request), signal)
        return { value: null }
      }),
    )
  }
  void kernel.boot(fleetRoot(), { grant: [], quota: {} })
  const sessions = followSessions(kernel)
  forgetIdleAuthorities(kernel)
  const shared = sharedBy(kernel, sessions, { turns, agent, record })
  const { told, programs, titles } = shared
  return {
    kernel,
    host: createHost(shared),
    processes: createProcessTable({ kernel, sessions, told, programs, titles, now: clock.now }),
    authority: createAuthorityTable({ kernel, sessions, titles, quietly: (act) => quietly(shared, act) }),
    usesOf: (sessionId) => usesOf(shared, sessionId),
    serve(startTurn) {
      serveTurn = startTurn
    },
    close: () => kernel.shutdown(1000),
  }
}

/** The books of a kernel's processes; an ended process leaves none but its last reading. */
function sharedBy(
  kernel: Kernel,
  sessions: SessionPids,
  more: Pick<Shared, 'turns' | 'agent' | 'record'>,
): Shared {
  const books = { last: new Map<number, Usage>(), told: new Map(), programs: new Map(), titles: new Map() }
  kernel.subscribe((event) => {
    if (event.type !== 'process.exited') return
    if (books.told.delete(event.pid)) keepLast(books.last, event.pid, event.usage)
    books.programs.delete(event.pid)
    books.titles.delete(event.pid)
    more.turns.forget(event.pid)
  })
  return { kernel, sessions, isQuiet: false, ...books, ...more }
}

/** Far more than can be ending at once. */
const mostLast = 1000

function keepLast(last: Map<number, Usage>, pid: number, usage: Usage): void {
  last.set(pid, usage)
  const [oldest] = last.size > mostLast ? last.keys() : []
  if (oldest !== undefined) last.delete(oldest)
}

function readPrompt(request: unknown): Prompt {
  const prompt =
    typeof request === 'object' && request !== null && 'prompt' in request ? request.prompt : undefined
  if (typeof prompt !== 'object' || prompt === null) throw new Error('a turn needs a prompt')
  const text = Reflect.get(prompt, 'text')
  const promptId = Reflect.get(prompt, 'promptId')
  if (typeof text !== 'string') throw new Error('a turn needs a prompt')
  return { text, promptId: typeof promptId === 'string' ? promptId : null }
}

function quietly<T>(shared: Shared, act: () => T): T {
  shared.isQuiet = true
  try {
    return act()
  } finally {
    shared.isQuiet = false
  }
}

function usesOf({ kernel, sessions }: Shared, sessionId: string): Readonly<Record<string, number>> {
  const pid = sessions.ownOf(sessionId)
  const uses: Record<string, number> = {}
  for (const row of pid === undefined ? [] : kernel.caps(pidOf(pid)))
    if (row.kind === 'device') uses[row.target] = (uses[row.target] ?? 0) + row.uses
  return uses
}

function createHost(shared: Shared): KernelHost {
  const { kernel, last } = shared
  return {
    spawn: (spec) => spawn(shared, spec),
    door(pid) {
      const door = kernel.door(pidOf(pid))
      return {
        get isAlive() {
          return door.isAlive
        },
        whenRunning: () => door.whenRunning(),
        begin(device, what, first) {
          const beginning = door.begin(device, { what }, first)
          if (!beginning.ok) return beginning
          const { operation } = beginning
          return {
            ok: true,
            operation: {
              grow: (total) => operation.grow(total),
              finish: (total) => void operation.finish(total),
              onStop: (stop) => operation.onStop(stop),
            },
          }
        },
        note: (driver, request) => door.note({ kind: 'call', driver, request }),
        open: (device) => door.open(device),
        charge: (cost) => door.charge(cost).ok,
        settle: (cost) => void door.settle(cost),
      }
    },
    usage(pid) {
      const usage = kernel.usage(pidOf(pid)) ?? last.get(pid)
      return { toolCalls: usage?.toolCalls.spent ?? 0, wallMs: Math.round(usage?.wallMs.spent ?? 0) }
    },
    devices: (pid) =>
      kernel
        .caps(pidOf(pid))
        .filter((row) => row.kind === 'device')
        .map((row) => row.target),
    prompt: (pid, prompt) => shared.turns.give(pid) && kernel.post(pidOf(pid), { $: 'prompt', prompt }),
    term: (pid) => void kernel.term(pidOf(pid)),
    kill: (pid) => void kernel.signal(pidOf(pid)),
    suspend: (pid) => kernel.isAlive(pidOf(pid)) && kernel.suspend(pidOf(pid)),
    resume: (pid) => kernel.isAlive(pidOf(pid)) && kernel.resume(pidOf(pid)),
    parts: partsOf(shared),
    onNews: (listener) =>
      kernel.subscribe((event) => {
        const isTold = shared.isQuiet && event.type.startsWith('capability.')
        const news = isTold ? undefined : newsOf(event)
        if (news) listener(news)
      }),
  }
}

/** The image of all sub-agents: process names are labels of metrics, and there must not be one per task for ever. */
const agentPart = 'sub-agent'

function partsOf(shared: Shared): KernelHost['parts'] {
  const { kernel, programs, titles } = shared
  return {
    spawn: (parent, name) =>
      kernel.isAlive(pidOf(parent)) ? kernel.parts.spawn(pidOf(parent), name) : undefined,
    spawnAgent(parent, { title, devices, budget }) {
      if (!kernel.isAlive(pidOf(parent))) return 'gone'
      try {
        const pid = kernel.parts.spawn(pidOf(parent), agentPart, { quota: limitsIn(budget), devices })
        titles.set(pid, title)
        return pid
      } catch (error) {
        if (error instanceof QuotaExceeded) return 'over_budget'
        if (error instanceof CapError) return 'not_held'
        throw error
      }
    },
    end: (pid, reason) => void kernel.parts.end(pidOf(pid), exitReasonOf(reason)),
    measured(pid, { cpuMs, memoryBytes }, newCpuMs) {
      if (!kernel.isAlive(pidOf(pid))) return
      programs.set(pid, { cpuMs: Math.round(cpuMs), memoryBytes })
      kernel.parts.spend(pidOf(pid), newCpuMs)
    },
  }
}

function spawn(shared: Shared, spec: ProcessSpec): { pid: number; parent: number } {
  const { kernel, sessions, told, agent } = shared
  for (const device of spec.devices) kernel.registerAuthority(device)
  const [first, ...later] = spec.prompts
  const { pid } = kernel.spawnHost({
    // Without its id: process names are labels of metrics, and there must not be one per session for ever.
    image: agent('session'),
    args: { runtime: `runtime:${spec.runtime}`, prompt: first },
    quota: quotaOf(kernel, spec.budget),
    devices: spec.devices,
    priority: spec.priority,
  })
  // Before it first runs, so that the recording is whole.
  const recording = shared.record?.(spec.sessionId)
  if (recording) kernel.record(pid, recording)
  sessions.own(pid, spec.sessionId)
  told.set(pid, spec.budget)
  shared.turns.open(pid, spec.prompts.length)
  for (const prompt of later) kernel.post(pid, { $: 'prompt', prompt })
  return { pid, parent: kernel.rootPid ?? 0 }
}

/** Only how a program ends: normally, or with a fault. */
function exitReasonOf(reason: EndReason): ExitReason {
  return reason.kind === 'fault' ? reason : { kind: 'normal' }
}

/**
 * A limit that is null is not set; the kernel tells it apart from 0 by its absence. Of the money it gets no more than the
 * fleet has left: it was admitted when there was enough, and a little may have gone since.
 */
function quotaOf(kernel: Kernel, budget: Budget): HostQuota {
  const quota = limitsIn(budget)
  const left = kernel.rootPid === undefined ? undefined : kernel.usage(kernel.rootPid)?.usdNanos.available
  if (left === undefined || quota.usdNanos === undefined) return quota
  return { ...quota, usdNanos: Math.max(0, Math.min(quota.usdNanos, left)) }
}

function limitsIn(budget: Partial<Budget>): HostQuota {
  return Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== null)) as HostQuota
}

function newsOf(event: HostEvent): KernelNews | undefined {
  const { pid } = event
  switch (event.type) {
    case 'process.exited':
      return { type: 'exited', pid, reason: event.reason }
    case 'process.suspended':
      return { type: 'suspended', pid }
    case 'process.resumed':
      return { type: 'resumed', pid }
    case 'budget.exceeded':
      return { type: event.type, pid, resource: event.resource, used: event.used, limit: event.limit }
    case 'capability.revoked':
      return { type: event.type, pid, device: event.capability.target }
    case 'capability.narrowed':
      return {
        type: event.type,
        pid,
        device: event.device,
        detail: event.capabilities.map((row) => row.target).join(', '),
      }
    default:
      return undefined
  }
}
