import type { DriverHandle } from './abi.ts'
import { type Amounts, exhausted, RESOURCES, zero } from './account.ts'
import { chargeOrKill, killOver, settleOrKill } from './charging.ts'
import { copyBody, copyRequest } from './copy.ts'
import { type Core, never, requireAlive } from './core.ts'
import { type Device, Handle, HandleClosed } from './device.ts'
import { CapError, KernelError, textOf } from './errors.ts'
import type { CapRef } from './ids.ts'
import { finishBatch, finishNow, finishOpen } from './io-ends.ts'
import { openJournaled, readAllJournaled, transferJournaled } from './journaled-io.ts'
import type { Process } from './process.ts'
import type { Judged, Outcome } from './tape.ts'
import { note, weigh } from './verdict.ts'

/** The chokepoint: nothing else calls drivers. Check, pre-flight, prepay, dispatch, validate, settle, deliver. */

/** Opens a device for a process: right open; parks; ENODEV without a driver, EDRIVER when opening throws. */
export function openDevice(core: Core, process: Process, ref: CapRef, params: unknown): Promise<CapRef> {
  const cap = core.caps.check(process.pid, ref, 'open')
  if (cap.resource.kind !== 'device' || cap.handle) throw new CapError('capability is not a device')
  const device = core.devices.get(cap.resource.driver)
  if (!device) throw new KernelError('ENODEV', `no device ${cap.resource.driver}`)
  const copied = copyBody(params)
  // Reading what the caller gave may have run its code.
  if (cap.isRevoked || cap.isSkeleton) throw new CapError('capability ended while its use was prepared')
  if (process.tape) return openJournaled(core, process, process.tape, cap, device, copied)
  const { driver } = device
  if (!driver) throw new KernelError('ENODEV', `no driver behind ${device.name}`)
  const park = core.dispatcher.park(process, 'io')
  const failed = (error: unknown): void => {
    core.metrics.add('driver_errors_total', 1, device.name, 'open')
    core.dispatcher.fail(park, new KernelError('EDRIVER', textOf(error), { cause: error }))
  }
  core.dispatcher.inFlight++
  let opening: DriverHandle | Promise<DriverHandle>
  try {
    opening = driver.open(process.pid, copied)
  } catch (error) {
    opening = Promise.reject(error)
  }
  const landed = (): void => {
    core.dispatcher.inFlight--
    core.dispatcher.wake()
  }
  Promise.resolve(opening).then(
    (inner) => {
      landed()
      if (typeof inner !== 'object' || inner === null) failed('driver opened nothing')
      else finishOpen(core, park, cap, device, inner)
    },
    (error: unknown) => {
      landed()
      failed(error)
    },
  )
  return park.promise as Promise<CapRef>
}

/** Reads or writes through a handle: the caller pays, whoever opened it. */
export function transfer(
  core: Core,
  process: Process,
  ref: CapRef,
  op: 'read' | 'write',
  data: unknown,
): Promise<unknown> {
  const handle = usable(core, process, ref, op)
  const copied = copyRequest(data)
  requireUsable(process, handle)
  const { device } = handle
  const prepaid = op === 'read' ? device.prepaidRead : device.prepaidWrite
  if (!preflight(core, process, device, prepaid)) return never()
  if (process.tape) return transferJournaled(core, process, process.tape, handle, op, copied)
  let result: unknown
  try {
    result = handle.call(op, copied)
  } catch (error) {
    return finishNow(core, process, device, op, weigh({ error }))
  }
  if (!(result instanceof Promise)) return finishNow(core, process, device, op, weigh({ result }))
  const startedMs = core.powers.monotonicMs()
  const park = core.dispatcher.park(process, 'io')
  core.dispatcher.inFlight++
  const done = (judged: Judged): void => {
    core.dispatcher.inFlight--
    core.dispatcher.wake()
    core.metrics.observe('driver_op_seconds', (core.powers.monotonicMs() - startedMs) / 1000, device.name, op)
    note(core, process, device, op, judged)
    if (!settleOrKill(core, process, judged.cost, device.name, judged.isEstimated)) return
    if (judged.error) core.dispatcher.fail(park, judged.error)
    else core.dispatcher.complete(park, op === 'write' ? undefined : judged.value)
  }
  result.then(
    (value: unknown) => done(weigh({ result: value })),
    (error: unknown) => done(weigh({ error })),
  )
  return park.promise
}

/** All requests at once under one park; charges and the first error are taken in request order. */
export function readAll(
  core: Core,
  process: Process,
  ref: CapRef,
  requests: readonly unknown[],
): Promise<unknown[]> {
  const handle = usable(core, process, ref, 'read')
  if (!Array.isArray(requests)) throw new KernelError('EINVAL', 'requests must be a list')
  const copied = Array.from(requests, copyRequest)
  requireUsable(process, handle)
  const { device } = handle
  if (copied.length === 0) return core.dispatcher.answer(process, [])
  const batch = zero()
  for (let r = 0; r < RESOURCES; r++) batch[r] = (device.prepaidRead[r] ?? 0) * copied.length
  if (!preflight(core, process, device, batch)) return never()
  if (process.tape) return readAllJournaled(core, process, process.tape, handle, copied)
  const park = core.dispatcher.park(process, 'io')
  void runBatch(core, process, handle, copied).then((outcomes) => {
    finishBatch(core, park, device, outcomes.map(weigh))
  })
  return park.promise as Promise<unknown[]>
}

async function runBatch(
  core: Core,
  process: Process,
  handle: Handle,
  requests: readonly unknown[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(requests.length)
  const { name } = handle.device
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < requests.length; at = next++) {
      const startedMs = core.powers.monotonicMs()
      // Each request for itself: a driver that waits in virtual time stands aside once per request, too.
      core.dispatcher.inFlight++
      try {
        // What has not begun when the caller ends never does.
        if (process.isDead) throw new HandleClosed()
        outcomes[at] = { result: await handle.call('read', requests[at]) }
      } catch (error) {
        outcomes[at] = { error }
      }
      core.dispatcher.inFlight--
      core.dispatcher.wake()
      core.metrics.observe('driver_op_seconds', (core.powers.monotonicMs() - startedMs) / 1000, name, 'read')
    }
  }
  const lanes = Math.min(handle.device.concurrency, requests.length)
  await Promise.all(Array.from({ length: lanes }, lane))
  return outcomes
}

function usable(core: Core, process: Process, ref: CapRef, op: 'read' | 'write'): Handle {
  const cap = core.caps.check(process.pid, ref, op)
  const handle = cap.handle
  if (!(handle instanceof Handle)) throw new CapError('capability is not an open handle')
  if (handle.device.isGone) throw new KernelError('ENODEV', `no device ${handle.device.name}`)
  requireUsable(process, handle)
  if (op === 'read' ? !handle.canRead : !handle.canWrite) {
    throw new KernelError('ENOTSUP', `${handle.device.name} has no ${op}`)
  }
  return handle
}

/** Asked again once the request is read, since that may have run the caller's code. EDEAD, ECLOSED. */
function requireUsable(process: Process, handle: Handle): void {
  requireAlive(process)
  if (handle.isClosed) throw new KernelError('ECLOSED', 'handle is closed')
}

/** Stops before any external effect what can't be paid; false when that ended the process. */
function preflight(core: Core, process: Process, device: Device, prepaid: Amounts): boolean {
  const empty = exhausted(process.account, device.uses)
  if (empty) {
    killOver(core, process, empty)
    return false
  }
  for (const amount of prepaid) if (amount > 0) return chargeOrKill(core, process, prepaid, device.name)
  return true
}
