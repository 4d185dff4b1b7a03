import type { DriverHandle } from './abi.ts'
import { type Capability, rightBits } from './capability.ts'
import { killOver, settleCost, settleOrKill } from './charging.ts'
import { type Core, never } from './core.ts'
import { type Device, Handle } from './device.ts'
import { BatchFailed, type BatchOutcome, type KernelError, textOf } from './errors.ts'
import type { CapRef } from './ids.ts'
import type { Park, Process } from './process.ts'
import type { Judged } from './tape.ts'
import { note } from './verdict.ts'

/** How operations end, however their outcome came about: noted, charged, handed over. */

const HANDLE_RIGHTS = rightBits(['read', 'write'])

/** Gives the caller its handle. What was dispatched before the caller or its capability died is closed at once. */
export function finishOpen(
  core: Core,
  park: Park,
  cap: Capability,
  device: Device,
  inner: DriverHandle,
): void {
  const { process } = park
  const handle = new Handle(device, process.pid, inner, (closed, error) => {
    process.handles?.delete(closed)
    core.events.push(process.pid, { kind: 'close', driver: device.name })
    if (error !== undefined)
      core.events.push(process.pid, { kind: 'fault', where: 'close', error: textOf(error) })
  })
  core.events.push(process.pid, { kind: 'open', driver: device.name })
  if (process.isDead || cap.isRevoked || device.isGone) {
    handle.close()
    core.dispatcher.complete(park, core.caps.deadRef())
    return
  }
  let primary: Capability
  try {
    primary = core.caps.opened(cap, handle, HANDLE_RIGHTS)
  } catch (error) {
    handle.close()
    core.dispatcher.fail(park, error)
    return
  }
  core.events.pushCap(process.pid, 'cap.derive', primary.id, HANDLE_RIGHTS)
  primary.dependents = new Set([handle])
  process.handles ??= new Set()
  process.handles.add(handle)
  core.dispatcher.complete(park, primary.ref satisfies CapRef)
}

/** Ends an operation whose driver answered without a promise: its caller does not park. */
export function finishNow(
  core: Core,
  process: Process,
  device: Device,
  op: 'read' | 'write',
  judged: Judged,
): Promise<unknown> {
  note(core, process, device, op, judged)
  if (!settleOrKill(core, process, judged.cost, device.name, judged.isEstimated)) return never()
  if (judged.error) return core.dispatcher.refuse(process, judged.error)
  return core.dispatcher.answer(process, op === 'write' ? undefined : judged.value)
}

/** Settles every item that ran, in request order; then the caller dies once, or gets the first error, or all values. */
export function finishBatch(core: Core, park: Park, device: Device, outcomes: readonly Judged[]): void {
  const { process } = park
  const ended: BatchOutcome[] = []
  let firstError: KernelError | undefined
  let overrun: ReturnType<typeof settleCost>
  for (const judged of outcomes) {
    note(core, process, device, 'read', judged)
    const over = settleCost(core, process, judged.cost, device.name, judged.isEstimated)
    overrun ??= over
    firstError ??= judged.error
    ended.push({ value: judged.value, error: judged.error })
  }
  if (process.isDead) return
  if (overrun) killOver(core, process, overrun)
  else if (firstError) core.dispatcher.fail(park, new BatchFailed(firstError, ended))
  else
    core.dispatcher.complete(
      park,
      ended.map(({ value }) => value),
    )
}
