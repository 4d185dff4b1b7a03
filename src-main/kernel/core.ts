import type { Clock, ExitReason, KernelPowers, Pager, Recaller, Timer } from './abi.ts'
import type { CapTable } from './capability.ts'
import type { DeviceTable } from './device.ts'
import type { Dispatcher } from './dispatcher.ts'
import { KernelError } from './errors.ts'
import type { EventLog } from './events.ts'
import type { HostBus } from './host-events.ts'
import type { MsgId, Numbering, Pid, SegId } from './ids.ts'
import type { Metrics } from './metrics.ts'
import type { Process, Tombstone } from './process.ts'
import type { Routes } from './routes.ts'
import type { Tape } from './tape.ts'

/** Everything ring 0 shares. Each file of the kernel is a set of functions over it. */
export interface Core {
  readonly clock: Clock
  readonly powers: KernelPowers
  readonly processes: Map<Pid, Process>
  readonly tombstones: Map<Pid, Tombstone>
  readonly names: Map<string, Process>
  readonly caps: CapTable
  readonly devices: DeviceTable
  readonly dispatcher: Dispatcher
  readonly events: EventLog
  readonly metrics: Metrics
  readonly host: HostBus
  /** Other nodes. */
  readonly routes: Routes
  readonly pager: Pager
  readonly recaller: Recaller
  readonly isSpawnGated: boolean
  /** Records or replays the whole kernel. */
  tape: Tape | undefined
  readonly nextPid: () => Pid
  readonly messages: Numbering<MsgId>
  readonly segments: Numbering<SegId>
  /** Ends a process; late-bound because the exit sequence needs every other part. */
  exit(process: Process, reason: ExitReason): void
}

/** The live process behind a pid, or ESRCH. */
export function liveProcess(core: Core, pid: Pid): Process {
  const process = core.processes.get(pid)
  if (!process) throw new KernelError('ESRCH', `no process ${pid}`)
  return process
}

/** To be asked once all of a caller's arguments are read, since reading them may run its code. EDEAD when that ended it. */
export function requireAlive(process: Process): void {
  if (process.isDead) throw new KernelError('EDEAD', 'process has ended')
}

/** Checks a number of milliseconds; EINVAL unless finite and at least 0. */
export function parseMs(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new KernelError('EINVAL', `${what} must be a finite number of at least 0`)
  }
  return value
}

/** A timer on behalf of a process; its firing is journaled where the process is, and time is real. */
export function setTimer(core: Core, process: Process, ms: number, fire: () => void): Timer {
  return process.tape ? process.tape.timer(process, ms, fire) : core.clock.setTimer(ms, fire)
}

/** What a call of a dead process returns, and every call once a replay has diverged. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}
