import { CALLS, chargePlain, free, NAMES, TOKENS, USD } from './accounts.fixture.ts'
import type { PlainCap, PlainHandle } from './caps.fixture.ts'
import { type Behaviour, behave, believe, TICK, uniqueFraction } from './device.fixture.ts'
import { killPlain, settleOrKillPlain } from './life.fixture.ts'
import { complete, type Machine, type PlainProcess, park, type Waiting } from './machine.fixture.ts'
import { closeHandle, ModelError, rightCap } from './mail.fixture.ts'
import type { Outcome } from './program.fixture.ts'

/** Opening, reading and writing the one device, in the plain model. */

/** The call ended its caller. */
export const ENDED = Symbol('ended')

export function openPlainDevice(
  m: Machine,
  process: PlainProcess,
  ref: unknown,
  params: unknown,
  waiting: Waiting,
): Waiting {
  const cap = rightCap(m, process, ref, 'open')
  if (cap.resource.kind !== 'device' || cap.resource.handle) throw new ModelError('ECAP')
  park(m, waiting)
  const serial = ++m.driverCalls
  m.note(`open ${process.pid} ${serial}`)
  const delayMs = (params === 'slow' ? 7 : 1) * TICK + uniqueFraction(serial)
  m.time.set(
    delayMs,
    () => {
      if (params === 'fail') complete(m, waiting, { code: 'EDRIVER' })
      else opened(m, process, cap, serial, waiting)
    },
    true,
  )
  return waiting
}

function opened(m: Machine, process: PlainProcess, cap: PlainCap, number: number, waiting: Waiting): void {
  const handle: PlainHandle = { opener: process.pid, number, isClosed: false }
  if (process.reason || !m.caps.isLive(cap)) {
    closeHandle(m, handle)
    complete(m, waiting, { value: m.caps.fresh() })
    return
  }
  const { ref } = m.caps.add({
    owner: process.pid,
    resource: { kind: 'device', name: 'dev', handle },
    rights: new Set(['read', 'write']),
    ends: cap.ends,
    parent: cap,
    opened: handle,
  })
  process.handles.push(handle)
  complete(m, waiting, { value: ref })
}

function usableHandle(m: Machine, process: PlainProcess, ref: unknown, right: 'read' | 'write'): PlainHandle {
  const { resource } = rightCap(m, process, ref, right)
  if (resource.kind !== 'device' || !resource.handle) throw new ModelError('ECAP')
  if (resource.handle.isClosed) throw new ModelError('ECLOSED')
  return resource.handle
}

/** Nothing left of something limited, or too little for what is paid before: ends the caller before any effect. */
function isStopped(m: Machine, process: PlainProcess, times: number): boolean {
  const empty = [CALLS, TOKENS, USD].find((r) => free(process.account, r) <= 0)
  const refused = empty === undefined ? chargePlain(process.account, [times, 0, 0]) : NAMES[empty]
  if (refused) killPlain(m, process, refused)
  return refused !== undefined
}

interface Judged {
  readonly cost: readonly number[]
  readonly outcome: Outcome
}

function judge(process: PlainProcess, { isThrown, result }: Behaviour): Judged {
  const free = [0, 0, 0]
  const failed = { code: 'EDRIVER' }
  if (typeof result !== 'object' || result === null) return { cost: free, outcome: failed }
  const { value, cost } = result as { value?: unknown; cost?: unknown }
  const believed = believe(cost)
  if (isThrown) return { cost: believed?.amounts ?? free, outcome: failed }
  if (!believed) return { cost: free, outcome: failed }
  process.quantum -= believed.reductions
  process.reductions += believed.reductions
  return { cost: believed.amounts, outcome: typeof value === 'function' ? failed : { value } }
}

export function transferPlain(
  m: Machine,
  process: PlainProcess,
  ref: unknown,
  right: 'read' | 'write',
  request: unknown,
  waiting: Waiting,
): Waiting | Outcome | typeof ENDED {
  const handle = usableHandle(m, process, ref, right)
  if (typeof request === 'function') throw new ModelError('EINVAL')
  if (isStopped(m, process, 1)) return ENDED
  const behaviour = call(m, handle, right, request)
  const finish = (): Outcome => {
    const { cost, outcome } = judge(process, behaviour)
    settleOrKillPlain(m, process, [cost])
    return right === 'write' && 'value' in outcome ? { value: undefined } : outcome
  }
  if (behaviour.delayMs === 0) {
    const outcome = finish()
    return process.reason ? ENDED : outcome
  }
  park(m, waiting)
  m.time.set(behaviour.delayMs, () => complete(m, waiting, finish()), true)
  return waiting
}

function call(m: Machine, handle: PlainHandle, right: string, request: unknown): Behaviour {
  const serial = ++m.driverCalls
  m.note(`${right} ${handle.number} ${serial} ${JSON.stringify(request)}`)
  return behave(request, serial)
}

export function readAllPlain(
  m: Machine,
  process: PlainProcess,
  ref: unknown,
  requests: readonly unknown[],
  waiting: Waiting,
): Waiting | Outcome | typeof ENDED {
  const handle = usableHandle(m, process, ref, 'read')
  if (requests.length === 0) return { value: [] }
  if (isStopped(m, process, requests.length)) return ENDED
  park(m, waiting)
  const behaviours = requests.map((request) => call(m, handle, 'read', request))
  let left = behaviours.length
  const one = (): void => {
    if (--left > 0) return
    complete(m, waiting, finishAll(m, process, behaviours))
  }
  for (const { delayMs } of behaviours) {
    if (delayMs > 0) m.time.set(delayMs, one, true)
  }
  for (const { delayMs } of behaviours) if (delayMs === 0) left--
  return waiting
}

/** Books each in the order of the requests; the first failure counts, and the process ends once. */
function finishAll(m: Machine, process: PlainProcess, behaviours: readonly Behaviour[]): Outcome {
  const values: unknown[] = []
  let failed: Outcome | undefined
  const costs: (readonly number[])[] = []
  for (const behaviour of behaviours) {
    const { cost, outcome } = judge(process, behaviour)
    costs.push(cost)
    if ('value' in outcome) values.push(outcome.value)
    else failed ??= outcome
  }
  settleOrKillPlain(m, process, costs)
  return failed ?? { value: values }
}
