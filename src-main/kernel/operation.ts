import type { ResourceName } from './abi.ts'
import { type Amounts, RESOURCES, zero } from './account.ts'
import { killOver, settleCost } from './charging.ts'
import type { Core } from './core.ts'
import type { DoorCharge, DoorHandle } from './door.ts'
import { Hold } from './hold.ts'
import type { HostCost } from './host-events.ts'
import type { Process } from './process.ts'

/**
 * Work on a session's behalf whose cost grows while it goes on, such as a streamed model answer. The cost so far is held,
 * so that the answer can be cut off the moment it no longer fits; the true cost is booked once, at the end.
 */
export interface DoorOperation {
  readonly isEnded: boolean
  /** The name of the device that admitted it, which may be one of the wider ones. */
  readonly device: string
  /** Runs `stop` once, when the capability is revoked or narrowed away or the process ends before the work does. */
  onStop(stop: () => void): void
  /**
   * The whole cost so far. `over_budget`: it no longer fits; what was used is booked, the process has been ended with
   * quota{resource}, and the work must stop.
   */
  grow(total: HostCost): DoorCharge
  /** The whole true cost, booked once; later calls change nothing. `outcome` goes into the recording, if there is one. */
  finish(total: HostCost, outcome?: OperationOutcome): DoorCharge
}

/** What a recording keeps of an operation: its value, or why it failed. */
export type OperationOutcome = { readonly value: unknown } | { readonly error: string }

export interface OperationParts {
  readonly core: Core
  readonly process: Process
  readonly handle: DoorHandle
  /** Told once, with the outcome and the cost booked. */
  readonly ended: (outcome: OperationOutcome, cost: Amounts) => void
  readonly parse: (cost: HostCost) => Amounts | undefined
  readonly overBudget: (process: Process) => DoorCharge
}

/** Begins an operation that holds `first`; names the resource when not even that fits: then the process has been ended. */
export function beginOperation(parts: OperationParts, first: Amounts): DoorOperation | ResourceName {
  const { process, core } = parts
  const hold = new Hold(process.account)
  const short = hold.raise(first)
  if (short !== undefined) {
    // A replay holds nothing, so that it has to be told.
    process.tape?.inject('over', { pid: process.pid, resource: short })
    killOver(core, process, short)
    return short
  }
  process.holds ??= new Set()
  process.holds.add(hold)
  return new Operation(parts, hold)
}

class Operation implements DoorOperation {
  isEnded = false
  readonly #parts: OperationParts
  readonly #hold: Hold
  /** Booked already, when the budget ended in the middle. */
  readonly #booked: Amounts = zero()
  #seen: Amounts = zero()

  constructor(parts: OperationParts, hold: Hold) {
    this.#parts = parts
    this.#hold = hold
  }

  get device(): string {
    return this.#parts.handle.device
  }

  onStop(stop: () => void): void {
    this.#parts.handle.onClose(() => {
      if (!this.isEnded) stop()
    })
  }

  grow(total: HostCost): DoorCharge {
    const { process, parse, overBudget } = this.#parts
    const amounts = parse(total)
    if (!amounts) return { ok: false, reason: 'invalid_cost' }
    if (process.isDead || this.isEnded) return overBudget(process)
    this.#seen = larger(this.#seen, amounts)
    if (this.#hold.raise(this.#seen) === undefined) return { ok: true }
    return this.#book(this.#seen)
  }

  finish(total: HostCost, outcome: OperationOutcome = { value: null }): DoorCharge {
    const { parse, ended } = this.#parts
    if (this.isEnded) return { ok: true }
    const amounts = parse(total)
    this.isEnded = true
    this.#parts.handle.close()
    const charge = this.#book(amounts ?? this.#seen)
    ended(outcome, this.#booked)
    return amounts ? charge : { ok: false, reason: 'invalid_cost' }
  }

  /** Books what is not booked yet, after giving the hold back. */
  #book(total: Amounts): DoorCharge {
    const { core, process, handle, overBudget } = this.#parts
    this.#hold.release()
    process.holds?.delete(this.#hold)
    const rest = zero()
    for (let r = 0; r < RESOURCES; r++) {
      rest[r] = Math.max(0, (total[r] ?? 0) - (this.#booked[r] ?? 0))
      this.#booked[r] = (this.#booked[r] ?? 0) + (rest[r] ?? 0)
    }
    const wasDead = process.isDead
    const overrun = settleCost(core, process, rest, handle.device)
    if (overrun && !wasDead) killOver(core, process, overrun)
    return process.isDead ? overBudget(process) : { ok: true }
  }
}

function larger(left: Amounts, right: Amounts): Amounts {
  const out = zero()
  for (let r = 0; r < RESOURCES; r++) out[r] = Math.max(left[r] ?? 0, right[r] ?? 0)
  return out
}
