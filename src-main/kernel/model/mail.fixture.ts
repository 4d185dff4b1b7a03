import type { Right, SendOptions } from '../abi.ts'
import type { PlainCap, PlainHandle } from './caps.fixture.ts'
import {
  complete,
  type Machine,
  type PlainMessage,
  type PlainProcess,
  park,
  type Waiting,
} from './machine.fixture.ts'

/** Capabilities in use, and messages, in the plain model. */

const NEVER = Number.POSITIVE_INFINITY

export class ModelError extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export function ownedCap(m: Machine, process: PlainProcess, ref: unknown): PlainCap {
  const cap = m.caps.owned(process.pid, ref)
  if (!cap) throw new ModelError('ECAP')
  return cap
}

export function liveCap(m: Machine, process: PlainProcess, ref: unknown): PlainCap {
  const cap = ownedCap(m, process, ref)
  if (m.caps.isExpired(cap, m.time.now())) throw new ModelError('ECAP')
  return cap
}

export function rightCap(m: Machine, process: PlainProcess, ref: unknown, right: Right): PlainCap {
  const cap = liveCap(m, process, ref)
  if (!cap.rights.has(right)) throw new ModelError('ECAP')
  return cap
}

export function targetPid(m: Machine, process: PlainProcess, ref: unknown, right: Right): number {
  const { resource } = rightCap(m, process, ref, right)
  if (resource.kind !== 'process') throw new ModelError('ECAP')
  return resource.pid
}

export function liveTarget(m: Machine, process: PlainProcess, ref: unknown, right: Right): PlainProcess {
  const target = m.processes.get(targetPid(m, process, ref, right))
  if (!target) throw new ModelError('ESRCH')
  return target
}

export function mintPlain(m: Machine, owner: number, pid: number, rights: Right[]): string {
  const resource = { kind: 'process', pid } as const
  return m.caps.add({ owner, resource, rights: new Set(rights), ends: [], parent: undefined }).ref
}

export function derivePlain(
  m: Machine,
  process: PlainProcess,
  ref: unknown,
  rights: readonly Right[] | undefined,
  endsAt: number | undefined,
): string {
  const cap = liveCap(m, process, ref)
  if (rights?.some((right) => !cap.rights.has(right))) throw new ModelError('ECAP')
  const ends = endsAt === undefined ? cap.ends : [...cap.ends, endsAt]
  return m.caps.child(cap, process.pid, new Set(rights ?? cap.rights), ends).ref
}

/** Everything below dies; handles opened through any of it close. Returns how many died. */
export function revokePlain(m: Machine, process: PlainProcess, ref: unknown): number {
  const died = m.caps.revoke(ownedCap(m, process, ref))
  const closing = died.flatMap((cap) => (cap.opened ? [cap.opened] : []))
  // The reference fixes no order among handles that close together.
  for (const handle of closing.sort((a, b) => a.number - b.number)) closeHandle(m, handle)
  return died.length
}

export function closeHandle(m: Machine, handle: PlainHandle): void {
  if (handle.isClosed) return
  handle.isClosed = true
  m.note(`close ${handle.number}`)
  const opener = m.processes.get(handle.opener)
  if (opener) opener.handles = opener.handles.filter((one) => one !== handle)
}

export function sendPlain(
  m: Machine,
  sender: PlainProcess,
  ref: unknown,
  body: unknown,
  options: SendOptions,
  waiting: Waiting,
): Waiting | undefined {
  const receiver = liveTarget(m, sender, ref, 'send')
  const { caps: refs = [], corr, deadline } = options
  if (typeof body === 'function' || Number.isNaN(deadline)) throw new ModelError('EINVAL')
  const caps = refs.map((one) => liveCap(m, sender, one))
  sender.quantum -= caps.length
  sender.reductions += caps.length
  const message: PlainMessage = {
    ...{ id: `m${++m.messages}`, from: sender.pid, to: receiver.pid, body: structuredClone(body) },
    ...{ corr, deadline: deadline ?? NEVER, caps: [] },
  }
  if (!isFull(receiver) || isWanted(receiver, corr)) {
    deliverPlain(m, receiver, message, caps)
    return undefined
  }
  if (receiver === sender) throw new ModelError('EDEADLK')
  parkSender(m, receiver, { waiting: park(m, waiting), message, caps })
  return waiting
}

function parkSender(m: Machine, receiver: PlainProcess, parked: PlainProcess['senders'][number]): void {
  const { waiting, message } = parked
  const leave = (): void => {
    receiver.senders = receiver.senders.filter((one) => one !== parked)
  }
  receiver.senders.push(parked)
  waiting.withdraw = leave
  if (message.deadline === NEVER) return
  waiting.timer = m.time.set(Math.max(0, message.deadline - m.time.now()) + 1, () => {
    leave()
    complete(m, waiting, { value: undefined })
  })
}

export function postPlain(m: Machine, receiver: PlainProcess, body: unknown, caps: string[]): void {
  const id = `m${++m.messages}`
  const message = { id, from: 0, to: receiver.pid, body, corr: undefined, deadline: NEVER, caps }
  deliverPlain(m, receiver, message, [])
}

const isFull = (process: PlainProcess): boolean =>
  process.mailbox.filter((message) => message.from !== 0).length >= process.maxMailbox

const isWanted = (process: PlainProcess, corr: string | undefined): boolean =>
  process.receivers.some((one) => one.corr === undefined || one.corr === corr)

function deliverPlain(m: Machine, receiver: PlainProcess, message: PlainMessage, caps: PlainCap[]): void {
  m.delivered++
  for (const cap of caps) {
    const isDead = !m.caps.isLive(cap) || m.caps.isExpired(cap, m.time.now())
    message.caps.push(isDead ? m.caps.fresh() : m.caps.child(cap, receiver.pid).ref)
  }
  const taker = receiver.receivers.find((one) => one.corr === undefined || one.corr === message.corr)
  if (!taker) {
    receiver.mailbox.push(message)
    return
  }
  if (isLate(m, message)) return
  receiver.receivers = receiver.receivers.filter((one) => one !== taker)
  complete(m, taker.waiting, { value: asMessage(message) })
}

/** A message past its deadline takes what it carries with it. */
function isLate(m: Machine, message: PlainMessage): boolean {
  if (m.time.now() <= message.deadline) return false
  for (const cap of m.caps.live()) if (message.caps.includes(cap.ref)) cap.isGone = true
  return true
}

function asMessage({ deadline, corr, ...rest }: PlainMessage): unknown {
  return {
    ...rest,
    ...(corr === undefined ? {} : { corr }),
    ...(deadline === NEVER ? {} : { deadline }),
  }
}

/** Lets parked senders in, oldest first, while there is room or somebody waits for exactly that. */
function admit(m: Machine, receiver: PlainProcess): void {
  for (const parked of [...receiver.senders]) {
    if (isFull(receiver) && !isWanted(receiver, parked.message.corr)) return
    receiver.senders = receiver.senders.filter((one) => one !== parked)
    if (m.time.now() <= parked.message.deadline) deliverPlain(m, receiver, parked.message, parked.caps)
    complete(m, parked.waiting, { value: undefined })
  }
}

export function recvPlain(
  m: Machine,
  process: PlainProcess,
  options: { timeoutMs?: number; corr?: string } | undefined,
  waiting: Waiting,
): Waiting | { readonly message: unknown } {
  const corr = options?.corr
  const timeoutMs = options?.timeoutMs
  for (;;) {
    const at = process.mailbox.findIndex((one) => corr === undefined || one.corr === corr)
    const [found] = at < 0 ? [] : process.mailbox.splice(at, 1)
    if (!found) break
    admit(m, process)
    if (!isLate(m, found)) return { message: asMessage(found) }
  }
  if (timeoutMs === 0) throw new ModelError('ETIMEDOUT')
  const receiver = { waiting: park(m, waiting), corr }
  process.receivers.push(receiver)
  if (timeoutMs !== undefined) {
    waiting.timer = m.time.set(timeoutMs, () => {
      process.receivers = process.receivers.filter((one) => one !== receiver)
      complete(m, waiting, { code: 'ETIMEDOUT' })
    })
  }
  admit(m, process)
  return waiting
}
