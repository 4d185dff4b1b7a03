import type { DriverResult } from './abi.ts'
import { parseCost, zero } from './account.ts'
import { copyBody } from './copy.ts'
import type { Core } from './core.ts'
import { type Device, HandleClosed } from './device.ts'
import { KernelError, textOf } from './errors.ts'
import type { Process } from './process.ts'
import type { Judged, Outcome } from './tape.ts'

/** What a driver gave back is not trusted: here it becomes a value or an EDRIVER, and a believable cost. */

export function weigh(outcome: Outcome): Judged {
  return 'error' in outcome ? weighError(outcome.error) : weighResult(outcome.result)
}

/** Logs and counts an operation that ended, and books the reductions that the driver reported. */
export function note(
  core: Core,
  process: Process,
  device: Device,
  op: 'read' | 'write',
  judged: Judged,
): void {
  if (judged.reductions > 0) core.dispatcher.spend(process, judged.reductions)
  const ok = judged.error === undefined
  if (!ok) core.metrics.add('driver_errors_total', 1, device.name, op)
  core.events.pushIo(process.pid, device.name, op, ok, process.isDead)
}

function weighResult(result: unknown): Judged {
  try {
    if (typeof result !== 'object' || result === null) return driverError('driver returned no result')
    const { value, cost } = result as DriverResult
    const parsed = parseCost(cost)
    if (!parsed) return driverError('driver reported an invalid cost')
    const { amounts, reductions, isEstimated } = parsed
    try {
      return { value: copyBody(value), cost: amounts, reductions, error: undefined, isEstimated }
    } catch (error) {
      return { ...driverError(textOf(error)), cost: amounts, reductions, isEstimated }
    }
  } catch (error) {
    return driverError(textOf(error))
  }
}

/** A driver that failed after spending says so in `err.cost`; that is charged as well. */
function weighError(error: unknown): Judged {
  let parsed: ReturnType<typeof parseCost>
  try {
    if (typeof error === 'object' && error !== null && 'cost' in error) parsed = parseCost(error.cost)
  } catch {
    // A getter that throws reports no cost.
  }
  const { amounts = zero(), isEstimated = false } = parsed ?? {}
  const judged = { ...driverError(textOf(error), error), cost: amounts, isEstimated }
  return error instanceof HandleClosed ? { ...judged, error } : judged
}

/** A failure of the driver's, which cost nothing. */
export function driverError(message: string, cause?: unknown): Judged {
  const error = new KernelError('EDRIVER', message, cause === undefined ? {} : { cause })
  return { value: undefined, cost: zero(), reductions: 0, error }
}
