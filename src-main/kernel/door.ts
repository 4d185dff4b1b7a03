import type { ResourceName } from './abi.ts'
import { type Amounts, TOKENS, TOOL_CALLS, USD, zero } from './account.ts'
import type { Capability, Closable } from './capability.ts'
import { rightBits } from './capability.ts'
import { chargeOrKill, settleOrKill } from './charging.ts'
import type { Core } from './core.ts'
import type { HostCost, RefusalReason } from './host-events.ts'
import type { Pid } from './ids.ts'
import type { Process } from './process.ts'

/**
 * What code outside the kernel holds to act for one session: it asks before it acts, and pays. A door never acts
 * under authority of its own, and has no way to name another process.
 */
export interface Door {
  readonly pid: Pid
  /** False once the process has ended. */
  readonly isAlive: boolean
  /** True while the process is suspended: hold new work (see `whenRunning`). */
  readonly isPaused: boolean
  /** Opens a named device for the process. A refusal names `device`, is counted, and is a kernel fact. */
  open(device: string, options?: DoorOptions): DoorOpening
  /**
   * Charges before an effect, all components or none. When it does not fit the process is ended with
   * quota{resource} and the effect must not happen.
   */
  charge(cost: HostCost, what?: string): DoorCharge
  /**
   * Books a cost that was already incurred; it is always booked, an ended process's on the account above it.
   * `over_budget` means that this ended the process.
   */
  settle(cost: HostCost, what?: string): DoorCharge
  /** Resolves true as soon as the process is not suspended, false when it ends. */
  whenRunning(): Promise<boolean>
}

export interface DoorOptions {
  /** What is about to be done, for people; kept with a refusal. */
  readonly what?: string
  /** Names that admit it as well (`net:*` for `net:host:443`), tried in order. */
  readonly wider?: readonly string[]
}

export type DoorOpening =
  | { readonly ok: true; readonly handle: DoorHandle }
  | { readonly ok: false; readonly reason: RefusalReason }

export type DoorCharge =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'over_budget'; readonly resource: ResourceName }
  | { readonly ok: false; readonly reason: 'process_ended' | 'invalid_cost' }

/** An opened authority. Long-lived work (a proxied connection) listens to `onClose`; short work may just drop it. */
export interface DoorHandle {
  /** The name that admitted it, which may be one of the wider ones. */
  readonly device: string
  /** Public number of the capability. */
  readonly capabilityId: number
  readonly isOpen: boolean
  /** Runs `close` once, when the capability is revoked or narrowed away, or the process ends. */
  onClose(close: () => void): void
  /** Stops listening. */
  close(): void
}

const OPEN = rightBits(['open'])
/** Distinct refused names counted per process; the rest share one counter. */
const MAX_REFUSED_NAMES = 256
const OTHER_NAMES = '*'

export function createDoor(core: Core, process: Process): Door {
  return Object.freeze({
    pid: process.pid,
    get isAlive() {
      return !process.isDead
    },
    get isPaused() {
      return process.isStopped && !process.isDead
    },
    open: (device: string, options: DoorOptions = {}) => openDoor(core, process, device, options),
    charge: (cost: HostCost, what = 'door') => chargeDoor(core, process, cost, what),
    settle: (cost: HostCost, what = 'door') => settleDoor(core, process, cost, what),
    whenRunning: () => whenRunning(process),
  })
}

function openDoor(core: Core, process: Process, device: string, options: DoorOptions): DoorOpening {
  if (process.isDead) return { ok: false, reason: 'process_ended' }
  let sawExpired = false
  for (const name of [device, ...(options.wider ?? [])]) {
    for (const cap of heldOn(core, process.pid, name)) {
      if (core.caps.isExpired(cap)) {
        sawExpired = true
        continue
      }
      core.caps.used(cap)
      return { ok: true, handle: doorHandle(core, process, cap, name) }
    }
  }
  const reason = sawExpired ? 'expired' : core.devices.get(device) ? 'not_held' : 'no_device'
  refuse(core, process, device, reason, options.what ?? '')
  return { ok: false, reason }
}

/** A process's capabilities to open a device, expired ones included. */
export function* heldOn(core: Core, pid: Pid, device: string): Generator<Capability> {
  for (const cap of core.caps.list(pid)) {
    if (cap.resource.kind !== 'device' || cap.resource.driver !== device) continue
    if (!cap.handle && (cap.rights & OPEN) !== 0) yield cap
  }
}

function doorHandle(core: Core, process: Process, cap: Capability, device: string): DoorHandle {
  const dependent: Closable = {
    close() {
      cap.dependents?.delete(dependent)
      const run = closers
      closers = []
      for (const closer of run) {
        try {
          closer()
        } catch (error) {
          core.events.push(process.pid, { kind: 'fault', where: 'door', error: String(error) })
        }
      }
    },
  }
  let closers: (() => void)[] = []
  const isOpen = (): boolean => !cap.isRevoked && !cap.isSkeleton && !core.caps.isExpired(cap)
  return {
    device,
    capabilityId: cap.id,
    get isOpen() {
      return isOpen()
    },
    onClose(closer) {
      closers.push(closer)
      if (!isOpen()) return dependent.close()
      cap.dependents ??= new Set()
      cap.dependents.add(dependent)
    },
    close() {
      closers = []
      cap.dependents?.delete(dependent)
    },
  }
}

function refuse(core: Core, process: Process, device: string, reason: RefusalReason, what: string): void {
  process.refusals ??= new Map()
  const known = process.refusals.has(device) || process.refusals.size < MAX_REFUSED_NAMES
  const key = known ? device : OTHER_NAMES
  const count = (process.refusals.get(key) ?? 0) + 1
  process.refusals.set(key, count)
  core.metrics.add('syscall_errors_total', 1, 'door', 'ECAP')
  // Powers of two only: an agent that knocks a million times makes twenty facts.
  if ((count & (count - 1)) === 0) {
    core.host.emit({ type: 'capability.refused', pid: process.pid, device: key, what, reason, count })
  }
}

function chargeDoor(core: Core, process: Process, cost: HostCost, what: string): DoorCharge {
  const amounts = parseHostCost(cost)
  if (!amounts) return { ok: false, reason: 'invalid_cost' }
  if (process.isDead) return { ok: false, reason: 'process_ended' }
  return chargeOrKill(core, process, amounts, what) ? { ok: true } : overBudget(process)
}

function settleDoor(core: Core, process: Process, cost: HostCost, what: string): DoorCharge {
  const amounts = parseHostCost(cost)
  if (!amounts) return { ok: false, reason: 'invalid_cost' }
  const wasDead = process.isDead
  if (settleOrKill(core, process, amounts, what)) return { ok: true }
  return wasDead ? { ok: false, reason: 'process_ended' } : overBudget(process)
}

function overBudget(process: Process): DoorCharge {
  const reason = process.exitReason
  if (reason?.kind === 'quota') return { ok: false, reason: 'over_budget', resource: reason.resource }
  return { ok: false, reason: 'process_ended' }
}

/** Reported figures are not trusted: undefined for anything that is not a whole number of at least 0. */
function parseHostCost(cost: HostCost): Amounts | undefined {
  const amounts = zero()
  if (typeof cost !== 'object' || cost === null) return undefined
  const { tokens = 0, toolCalls = 0, usdNanos = 0 } = cost
  for (const value of [tokens, toolCalls, usdNanos]) {
    if (!Number.isSafeInteger(value) || value < 0) return undefined
  }
  amounts[TOKENS] = tokens
  amounts[TOOL_CALLS] = toolCalls
  amounts[USD] = usdNanos
  return amounts
}

function whenRunning(process: Process): Promise<boolean> {
  if (process.isDead || !process.isStopped) return Promise.resolve(!process.isDead)
  return new Promise((resolve) => {
    process.heldDoors ??= new Set()
    process.heldDoors.add(resolve)
  })
}
