import type { KernelConfig } from './abi.ts'
import { CapTable, type CapTableEvents } from './capability.ts'
import { isVirtual, TurnClock } from './clock.ts'
import type { Core } from './core.ts'
import { DeviceTable } from './device.ts'
import { Dispatcher, type DispatcherConfig, type DispatcherHooks } from './dispatcher.ts'
import { type KernelError, textOf } from './errors.ts'
import { EventLog } from './events.ts'
import { exitProcess } from './exit.ts'
import { HostBus } from './host-events.ts'
import { createNumbering, type MsgId, type Pid, type SegId } from './ids.ts'
import { KernelTime } from './kernel-time.ts'
import { count, Metrics } from './metrics.ts'
import { DefaultPager, KeywordRecaller } from './pager.ts'
import { SeededRandom } from './random.ts'
import { Routes } from './routes.ts'
import { run } from './spawn.ts'
import { createSys } from './syscalls.ts'

/** Puts the parts of a kernel together. */

const DEFAULT_QUANTUM = 64
const DEFAULT_AGING = 256
const DEFAULT_DISPATCHES = 512
const DEFAULT_TURN_MS = 8
const DEFAULT_LIVELOCK = 10_000_000

export interface CoreHooks {
  /** The kernel can't go on. */
  halted(error: KernelError): void
  /** Between turns of the event loop. */
  turned(): void
}

/** `pids` are given out first, one per process: a replay of a tree has the numbers that its processes had. */
export function createCore(
  config: KernelConfig & { readonly seed: string },
  hooks: CoreHooks,
  pids: readonly Pid[] = [],
): Core {
  const { clock, powers } = config
  const now = (): number => clock.now()
  const time = new KernelTime(clock, isVirtual(clock) || clock instanceof TurnClock)
  const events = new EventLog(time)
  const metrics = new Metrics()
  const tombstones: Core['tombstones'] = new Map()
  const capEvents: CapTableEvents = {
    died(cap, why) {
      if (why === 'revoked') count(metrics.revocations, cap.handle ? 'handle' : cap.resource.kind)
      for (const dependent of cap.dependents ?? []) dependent.close()
    },
    processUnnamed: (pid) => tombstones.delete(pid),
  }
  const caps = new CapTable(new SeededRandom(config.seed), now, capEvents, () => time.lately())
  const dispatcher: Dispatcher = new Dispatcher(dispatcherConfig(config, metrics), {
    ...dispatcherHooks(config, time, () => core),
    ...hooks,
  })
  const core: Core = {
    clock,
    powers,
    processes: new Map(),
    tombstones,
    names: new Map(),
    caps,
    devices: new DeviceTable(),
    dispatcher,
    events,
    metrics,
    routes: new Routes(config),
    host: new HostBus((error) =>
      events.push(undefined, { kind: 'fault', where: 'listener', error: textOf(error) }),
    ),
    pager: config.pager ?? new DefaultPager(),
    recaller: config.recaller ?? new KeywordRecaller(),
    isSpawnGated: config.capGatedSpawn ?? false,
    tape: undefined,
    ...createCounters(pids),
    exit: (process, reason) => exitProcess(core, process, reason),
  }
  return core
}

/** What the dispatcher has the rest of the kernel do. */
function dispatcherHooks(
  { clock }: KernelConfig,
  time: KernelTime,
  core: () => Core,
): Omit<DispatcherHooks, keyof CoreHooks> {
  return {
    start(process) {
      process.sys = createSys(core(), process)
      run(core(), process)
    },
    stalled(process, ms) {
      core().metrics.observe('mainloop_stall_seconds', ms / 1000)
      // How long things take in the world is no part of a run that has to repeat exactly.
      if (isVirtual(clock) || process.tape) return
      const message = `main thread held for ${Math.round(ms)} ms`
      core().events.push(process.pid, { kind: 'log', level: 'warn', message })
    },
    foreign(process) {
      core().metrics.add('foreign_awaits_total', 1)
      // In a replay nothing says when that ends, unless it is something that time waits for, such as a sandbox.
      const { dispatcher } = core()
      if (!dispatcher.steps || dispatcher.inFlight > 0) return
      const error = 'awaits what no journal holds, so that its course is not determined'
      core().events.push(process.pid, { kind: 'fault', where: 'replay', error })
    },
    parked: (process, on) => core().events.push(process.pid, { kind: 'park', on }),
    timeRead: () => void time.exact(),
    sampled: (process, name) => core().events.push(process.pid, { kind: 'syscall', name }),
  }
}

/** Numbers of processes, messages and segments, none given out twice. */
function createCounters(pids: readonly Pid[]): Pick<Core, 'nextPid' | 'messages' | 'segments'> {
  let processes = 0
  let lastPid = 0
  return {
    nextPid() {
      lastPid = pids[processes++] ?? lastPid + 1
      return lastPid as Pid
    },
    messages: createNumbering<MsgId>('m'),
    segments: createNumbering<SegId>('s'),
  }
}

/** The settings of the dispatcher that a journal has to know, because the order of dispatches depends on them. */
export function schedulingOf(config: KernelConfig): { quantum: number; agingRounds: number } {
  const { quantum = DEFAULT_QUANTUM, limits = {} } = config
  return { quantum, agingRounds: limits.agingRounds ?? DEFAULT_AGING }
}

function dispatcherConfig(config: KernelConfig, metrics: Metrics): DispatcherConfig {
  const { clock, powers, limits = {} } = config
  return {
    clock,
    powers,
    metrics,
    ...schedulingOf(config),
    dispatchesPerTurn: limits.dispatchesPerTurn ?? DEFAULT_DISPATCHES,
    // Under a virtual clock equal runs must be equal, so how long they take must not matter.
    turnMs: limits.turnMs ?? (isVirtual(clock) ? Number.POSITIVE_INFINITY : DEFAULT_TURN_MS),
    maxDispatchesWithoutTimeAdvance: limits.maxDispatchesWithoutTimeAdvance ?? DEFAULT_LIVELOCK,
  }
}
