import type { DriverHandle, DriverResult } from './abi.ts'
import { type Amounts, exhausted, parseCost, RESOURCES, zero } from './account.ts'
import type { Capability } from './capability.ts'
import { rightBits } from './capability.ts'
import { chargeOrKill, killOver, settleCost, settleOrKill } from './charging.ts'
import { copyBody, copyRequest } from './copy.ts'
import type { Core } from './core.ts'
import { type Device, Handle } from './device.ts'
import { CapError, KernelError, textOf } from './errors.ts'
import type { CapRef } from './ids.ts'
import type { Park, Process } from './process.ts'

/** The chokepoint: only this file calls drivers. Check, pre-flight, prepay, dispatch, validate, settle, deliver. */

const HANDLE_RIGHTS = rightBits(['read', 'write'])

/** Opens a device for a process: right open; parks; ENODEV without a driver, EDRIVER when opening throws. */
export function openDevice(core: Core, process: Process, ref: CapRef, params: unknown): Promise<CapRef> {
  const cap = core.caps.check(process.pid, ref, 'open')
  if (cap.resource.kind !== 'device' || cap.handle) throw new CapError('capability is not a device')
  const device = core.devices.get(cap.resource.driver)
  const driver = device?.driver
  if (!device || !driver) throw new KernelError('ENODEV', `no driver behind ${cap.resource.driver}`)
  const copied = copyBody(params)
  const park = core.dispatcher.park(process, 'io')
  core.dispatcher.inFlight++
  let opening: DriverHandle | Promise<DriverHandle>
  try {
    opening = driver.open(process.pid, copied)
  } catch (error) {
    opening = Promise.reject(error)
  }
  Promise.resolve(opening).then(
    (inner) => opened(core, park, cap, device, inner),
    (error: unknown) => {
      core.dispatcher.inFlight--
      core.metrics.add('driver_errors_total', 1, device.name, 'open')
      core.dispatcher.fail(park, new KernelError('EDRIVER', textOf(error), { cause: error }))
      core.dispatcher.wake()
    },
  )
  return park.promise as Promise<CapRef>
}

function opened(core: Core, park: Park, cap: Capability, device: Device, inner: DriverHandle): void {
  const process = park.process
  core.dispatcher.inFlight--
  core.dispatcher.wake()
  if (typeof inner !== 'object' || inner === null) {
    core.dispatcher.fail(park, new KernelError('EDRIVER', 'driver opened nothing'))
    return
  }
  const handle = new Handle(device, process.pid, inner, (closed, error) => {
    process.handles?.delete(closed)
    core.events.push(process.pid, { kind: 'close', driver: device.name })
    if (error !== undefined)
      core.events.push(process.pid, { kind: 'fault', where: 'close', error: textOf(error) })
  })
  core.events.push(process.pid, { kind: 'open', driver: device.name })
  // What was dispatched before the caller or its capability died completes, and is closed at once.
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
  primary.dependents = new Set([handle])
  process.handles ??= new Set()
  process.handles.add(handle)
  core.dispatcher.complete(park, primary.ref)
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
  const prepaid = op === 'read' ? handle.device.prepaidRead : handle.device.prepaidWrite
  if (!preflight(core, process, handle.device, prepaid)) return never()
  let result: unknown
  try {
    result = handle.call(op, copied)
  } catch (error) {
    return finishNow(core, process, handle.device, op, { error })
  }
  if (!(result instanceof Promise)) return finishNow(core, process, handle.device, op, { result })
  const park = core.dispatcher.park(process, 'io')
  core.dispatcher.inFlight++
  const done = (outcome: Outcome): void => {
    core.dispatcher.inFlight--
    core.dispatcher.wake()
    const settled = judge(core, process, handle.device, op, outcome)
    if (!settleOrKill(core, process, settled.cost, handle.device.name)) return
    if (settled.error) core.dispatcher.fail(park, settled.error)
    else core.dispatcher.complete(park, op === 'write' ? undefined : settled.value)
  }
  result.then(
    (value: unknown) => done({ result: value }),
    (error: unknown) => done({ error }),
  )
  return park.promise
}

/** A driver that answers without a promise does not park its caller. */
function finishNow(
  core: Core,
  process: Process,
  device: Device,
  op: string,
  outcome: Outcome,
): Promise<unknown> {
  const settled = judge(core, process, device, op, outcome)
  if (!settleOrKill(core, process, settled.cost, device.name)) return never()
  if (settled.error) return core.dispatcher.refuse(process, settled.error)
  return core.dispatcher.answer(process, op === 'write' ? undefined : settled.value)
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
  const copied = requests.map(copyRequest)
  const { device } = handle
  if (copied.length === 0) return core.dispatcher.answer(process, [])
  const batch = zero()
  for (let r = 0; r < RESOURCES; r++) batch[r] = (device.prepaidRead[r] ?? 0) * copied.length
  if (!preflight(core, process, device, batch)) return never()
  const park = core.dispatcher.park(process, 'io')
  core.dispatcher.inFlight++
  void runBatch(handle, copied).then((outcomes) => {
    core.dispatcher.inFlight--
    core.dispatcher.wake()
    finishBatch(core, park, device, outcomes)
  })
  return park.promise as Promise<unknown[]>
}

function finishBatch(core: Core, park: Park, device: Device, outcomes: readonly Outcome[]): void {
  const process = park.process
  const values: unknown[] = []
  let firstError: KernelError | undefined
  let overrun: ReturnType<typeof settleCost>
  for (const outcome of outcomes) {
    const settled = judge(core, process, device, 'read', outcome)
    const over = settleCost(core, process, settled.cost, device.name)
    overrun ??= over
    firstError ??= settled.error
    values.push(settled.value)
  }
  if (process.isDead) return
  if (overrun) killOver(core, process, overrun)
  else if (firstError) core.dispatcher.fail(park, firstError)
  else core.dispatcher.complete(park, values)
}

async function runBatch(handle: Handle, requests: readonly unknown[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(requests.length)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < requests.length; at = next++) {
      try {
        outcomes[at] = { result: await handle.call('read', requests[at]) }
      } catch (error) {
        outcomes[at] = { error }
      }
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
  if (handle.isClosed) throw new KernelError('ECLOSED', 'handle is closed')
  if (op === 'read' ? !handle.canRead : !handle.canWrite) {
    throw new KernelError('ENOTSUP', `${handle.device.name} has no ${op}`)
  }
  return handle
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

type Outcome = { readonly result: unknown } | { readonly error: unknown }

interface Judged {
  readonly value: unknown
  readonly cost: Amounts
  readonly error: KernelError | undefined
}

/** Turns what a driver gave back, which is not trusted, into a value or an EDRIVER, and a believable cost. */
function judge(core: Core, process: Process, device: Device, op: string, outcome: Outcome): Judged {
  const late = process.isDead
  const judged = 'error' in outcome ? judgeError(outcome.error) : judgeResult(core, process, outcome.result)
  if (judged.error) core.metrics.add('driver_errors_total', 1, device.name, op)
  const ok = judged.error === undefined
  const ev = { kind: 'io', driver: device.name, op, ok } as const
  core.events.push(process.pid, late ? { ...ev, late } : ev)
  return judged
}

function judgeResult(core: Core, process: Process, result: unknown): Judged {
  try {
    if (typeof result !== 'object' || result === null) return driverError('driver returned no result')
    const { value, cost } = result as DriverResult
    const parsed = parseCost(cost)
    if (!parsed) return driverError('driver reported an invalid cost')
    if (parsed.reductions > 0) core.dispatcher.spend(process, parsed.reductions)
    try {
      return { value: copyBody(value), cost: parsed.amounts, error: undefined }
    } catch (error) {
      return { ...driverError(textOf(error)), cost: parsed.amounts }
    }
  } catch (error) {
    return driverError(textOf(error))
  }
}

/** A driver that failed after spending says so in `err.cost`; that is charged as well. */
function judgeError(error: unknown): Judged {
  let cost = zero()
  try {
    if (typeof error === 'object' && error !== null && 'cost' in error)
      cost = parseCost(error.cost)?.amounts ?? cost
  } catch {
    // A getter that throws reports no cost.
  }
  return { value: undefined, cost, error: new KernelError('EDRIVER', textOf(error), { cause: error }) }
}

function driverError(message: string): Judged {
  return { value: undefined, cost: zero(), error: new KernelError('EDRIVER', message) }
}

/** What a call of a dead process returns. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}
