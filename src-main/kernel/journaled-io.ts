import type { DriverHandle } from './abi.ts'
import { type Amounts, zero } from './account.ts'
import type { Capability } from './capability.ts'
import { settleOrKill } from './charging.ts'
import { type Core, never } from './core.ts'
import { type Device, type Handle, HandleClosed } from './device.ts'
import { KernelError, textOf } from './errors.ts'
import type { CapRef, Pid } from './ids.ts'
import { finishBatch, finishNow, finishOpen } from './io-ends.ts'
import type { Park, Process } from './process.ts'
import type { Issue, Judged, Outcome, Tape } from './tape.ts'
import { driverError, note, weigh } from './verdict.ts'

/** The chokepoint for processes that are recorded or replayed: as in io.ts, with the tape between it and the driver. */

/** What a replay has to know of a device that it does not have. */
interface Traits {
  readonly canRead: boolean
  readonly canWrite: boolean
  readonly prepaidRead: Amounts
  readonly prepaidWrite: Amounts
  readonly uses: readonly number[]
  readonly concurrency: number
}

export function openJournaled(
  core: Core,
  process: Process,
  tape: Tape,
  cap: Capability,
  device: Device,
  params: unknown,
): Promise<CapRef> {
  const { driver } = device
  const spec = { process, kind: 'open', driver: device.name, request: params } as const
  const begun = tape.begin(spec)
  if (!begun) return never()
  const park = core.dispatcher.park(process, 'io')
  let inner: DriverHandle | undefined
  tape.issue(begun, {
    ...spec,
    call() {
      if (!driver) throw new KernelError('ENODEV', `no driver behind ${device.name}`)
      return driver.open(process.pid, params)
    },
    judge(outcome) {
      inner = openedBy(outcome)
      if (!inner) return refusal(outcome)
      return { value: traitsOf(device, inner), cost: zero(), reductions: 0, error: undefined }
    },
    deliver(judged) {
      if (judged.error) {
        core.metrics.add('driver_errors_total', 1, device.name, 'open')
        core.dispatcher.fail(park, judged.error)
        return
      }
      const traits = judged.value as Traits
      if (!inner) takeOn(device, traits)
      finishOpen(core, park, cap, device, inner ?? reopening(device, process.pid, params, traits))
    },
    mayAnswerAtOnce: false,
    isIdempotent: driver?.idempotent === true,
  })
  return park.promise as Promise<CapRef>
}

function openedBy(outcome: Outcome): DriverHandle | undefined {
  const result = 'result' in outcome ? outcome.result : undefined
  return typeof result === 'object' && result !== null ? (result as DriverHandle) : undefined
}

function refusal(outcome: Outcome): Judged {
  if (!('error' in outcome)) return driverError('driver opened nothing')
  const { error } = outcome
  const judged = driverError(textOf(error), error)
  return error instanceof KernelError && error.code === 'ENODEV' ? { ...judged, error } : judged
}

function traitsOf(device: Device, inner: DriverHandle): Traits {
  const { prepaidRead, prepaidWrite, uses, concurrency } = device
  const canRead = typeof inner.read === 'function'
  const canWrite = typeof inner.write === 'function'
  return { canRead, canWrite, prepaidRead, prepaidWrite, uses, concurrency }
}

/** What the driver had declared decides what is charged before an operation, so it holds in the replay too. */
function takeOn(device: Device, { prepaidRead, prepaidWrite, uses, concurrency }: Traits): void {
  device.prepaidRead = prepaidRead
  device.prepaidWrite = prepaidWrite
  device.uses = uses
  device.concurrency = concurrency
}

/** A handle opened in the replayed part: should the kernel go live, its first use opens it, unjournaled. */
function reopening(device: Device, owner: Pid, params: unknown, traits: Traits): DriverHandle {
  let opened: Promise<DriverHandle> | undefined
  const open = async (): Promise<DriverHandle> => {
    const { driver } = device
    if (!driver) throw new KernelError('ENODEV', `no driver behind ${device.name}`)
    try {
      opened ??= Promise.resolve(driver.open(owner, params))
      return await opened
    } catch (error) {
      opened = undefined
      throw error
    }
  }
  const read = async (request: unknown) =>
    (await open()).read?.(request) ?? Promise.reject(new Error('driver has no read'))
  const write = async (data: unknown) =>
    (await open()).write?.(data) ?? Promise.reject(new Error('driver has no write'))
  return {
    ...(traits.canRead ? { read } : {}),
    ...(traits.canWrite ? { write } : {}),
    close: async () => (await opened)?.close?.(),
  }
}

export function transferJournaled(
  core: Core,
  process: Process,
  tape: Tape,
  handle: Handle,
  op: 'read' | 'write',
  request: unknown,
): Promise<unknown> {
  const { device } = handle
  const spec = { process, kind: op, driver: device.name, request } as const
  const begun = tape.begin(spec)
  if (!begun) return never()
  let park: Park | undefined
  const judged = tape.issue(begun, {
    ...issueOf(handle, op, request),
    ...spec,
    deliver(late) {
      note(core, process, device, op, late)
      if (!settleOrKill(core, process, late.cost, device.name, late.isEstimated) || !park) return
      if (late.error) core.dispatcher.fail(park, late.error)
      else core.dispatcher.complete(park, op === 'write' ? undefined : late.value)
    },
    mayAnswerAtOnce: true,
  })
  if (judged) return finishNow(core, process, device, op, judged)
  if (process.isDead) return never()
  park = core.dispatcher.park(process, 'io')
  return park.promise
}

function issueOf(
  handle: Handle,
  op: 'read' | 'write',
  request: unknown,
): Pick<Issue, 'call' | 'judge' | 'isIdempotent'> {
  return {
    call: () => handle.call(op, request),
    judge: weigh,
    isIdempotent: handle.device.driver?.idempotent === true,
  }
}

/** Numbers all requests in their order before the first is asked; as many run at once as the device allows. */
export function readAllJournaled(
  core: Core,
  process: Process,
  tape: Tape,
  handle: Handle,
  requests: readonly unknown[],
): Promise<unknown[]> {
  const { device } = handle
  const begun = requests.map((request) => tape.begin({ process, kind: 'read', driver: device.name, request }))
  if (begun.includes(undefined)) return never()
  const park = core.dispatcher.park(process, 'io')
  const outcomes: Judged[] = new Array(requests.length)
  let left = requests.length
  let next = 0
  const issueNext = (): void => {
    const at = next++
    const op = begun[at]
    if (!op) return
    tape.issue(op, {
      ...issueOf(handle, 'read', requests[at]),
      call() {
        // What has not begun when the caller ends never does.
        if (process.isDead) throw new HandleClosed()
        return handle.call('read', requests[at])
      },
      process,
      kind: 'read',
      driver: device.name,
      request: requests[at],
      deliver(judged) {
        outcomes[at] = judged
        if (--left === 0) finishBatch(core, park, device, outcomes)
        else issueNext()
      },
      mayAnswerAtOnce: false,
    })
  }
  for (let lane = Math.min(device.concurrency, requests.length); lane > 0; lane--) issueNext()
  return park.promise as Promise<unknown[]>
}
