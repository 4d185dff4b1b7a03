import type { ResourceName } from './abi.ts'
import { type Amounts, TOKENS, TOOL_CALLS, USD, zero } from './account.ts'
import type { Capability, Closable } from './capability.ts'
import { rightBits } from './capability.ts'
import { chargeOrKill, killOver, settleCost } from './charging.ts'
import type { Core } from './core.ts'
import { Hold } from './hold.ts'
import type { HostCost, RefusalReason } from './host-events.ts'
import type { Pid } from './ids.ts'
import { beginOperation, type DoorOperation, type OperationOutcome } from './operation.ts'
import type { Process } from './process.ts'
import { recordOperation } from './recorder.ts'
import { noteRefusal } from './refusals.ts'

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
  /**
   * Begins an operation on a device whose cost grows while it goes on; `first` is what it costs at least. Refused like
   * `open`, or `over_budget` when not even `first` fits: then the process has been ended.
   */
  begin(device: string, request: OperationRequest, first: HostCost): DoorBeginning
  /** Notes an operation in the recording of the process, if there is one; `end` once, with what it came to. */
  note(operation: {
    readonly kind: string
    readonly driver: string
    readonly request: unknown
  }): DoorNote | undefined
  /** Resolves true as soon as the process is not suspended, false when it ends. */
  whenRunning(): Promise<boolean>
}

export interface DoorOptions {
  /** What is about to be done, for people; kept with a refusal. */
  readonly what?: string
  /** Names that admit it as well (`net:*` for `net:host:443`), tried in order. */
  readonly wider?: readonly string[]
}

/** An operation that is being recorded. */
export interface DoorNote {
  end(outcome: OperationOutcome): void
}

export interface OperationRequest {
  /** What is about to be done, for people; kept with a refusal and named by charges. */
  readonly what: string
  /** Plain data that a recording keeps the hash of. */
  readonly request?: unknown
  /** Names that admit it as well, tried in order. */
  readonly wider?: readonly string[]
}

export type DoorBeginning =
  | { readonly ok: true; readonly operation: DoorOperation }
  | { readonly ok: false; readonly reason: 'over_budget'; readonly resource: ResourceName }
  | { readonly ok: false; readonly reason: RefusalReason | 'invalid_cost' }

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
    begin: (device: string, request: OperationRequest, first: HostCost) =>
      beginDoor(core, process, device, request, first),
    note(operation: Parameters<Door['note']>[0]) {
      const recorded = recordOperation(process, operation)
      return recorded && { end: (outcome: OperationOutcome) => recorded.end(outcome, zero()) }
    },
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
  noteRefusal(core, process, device, reason, options.what ?? '')
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

function chargeDoor(core: Core, process: Process, cost: HostCost, what: string): DoorCharge {
  const amounts = parseHostCost(cost)
  if (!amounts) return { ok: false, reason: 'invalid_cost' }
  if (process.isDead) return { ok: false, reason: 'process_ended' }
  const probe = new Hold(process.account)
  const short = probe.raise(amounts)
  probe.release()
  if (short === undefined) {
    process.tape?.inject('charge', { pid: process.pid, cost, what })
    chargeOrKill(core, process, amounts, what)
    return { ok: true }
  }
  endOver(core, process, short)
  return overBudget(process)
}

function settleDoor(core: Core, process: Process, cost: HostCost, what: string): DoorCharge {
  const amounts = parseHostCost(cost)
  if (!amounts) return { ok: false, reason: 'invalid_cost' }
  const wasDead = process.isDead
  process.tape?.inject('settle', { pid: process.pid, cost, what })
  const overrun = settleCost(core, process, amounts, what)
  if (overrun && !wasDead) endOver(core, process, overrun)
  if (!process.isDead) return { ok: true }
  return wasDead ? { ok: false, reason: 'process_ended' } : overBudget(process)
}

/** What other operations hold decides this too, and a replay holds nothing: it is told. */
function endOver(core: Core, process: Process, resource: ResourceName): void {
  process.tape?.inject('over', { pid: process.pid, resource })
  killOver(core, process, resource)
}

function beginDoor(
  core: Core,
  process: Process,
  device: string,
  request: OperationRequest,
  first: HostCost,
): DoorBeginning {
  const amounts = parseHostCost(first)
  if (!amounts) return { ok: false, reason: 'invalid_cost' }
  const { what, wider = [] } = request
  const opening = openDoor(core, process, device, { what, wider })
  if (!opening.ok) return opening
  const { handle } = opening
  const operation = { kind: what, driver: handle.device, request: request.request }
  let recorded: ReturnType<typeof recordOperation>
  const ended = (outcome: OperationOutcome, cost: Amounts): void => recorded?.end(outcome, cost)
  const begun = beginOperation({ core, process, handle, parse: parseHostCost, overBudget, ended }, amounts)
  if (typeof begun === 'string') return { ok: false, reason: 'over_budget', resource: begun }
  recorded = recordOperation(process, operation)
  return { ok: true, operation: begun }
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
