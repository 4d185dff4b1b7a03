import type { Message, RecvOptions, RemoteSender, Resource, SendOptions, Term } from './abi.ts'
import type { Capability } from './capability.ts'
import { copyBody } from './copy.ts'
import { type Core, liveProcess, parseMs, requireAlive, setTimer } from './core.ts'
import { CapError, KernelError } from './errors.ts'
import { type CapRef, KERNEL_PID, type MsgId, type Pid } from './ids.ts'
import { transfer } from './io.ts'
import { type Letter, newLetter } from './mailbox.ts'
import type { Park, ParkedSend, Process } from './process.ts'
import { sendRemote } from './remote.ts'

/** The message switch: send, receive, back-pressure, deadlines. */

const NEVER = Number.POSITIVE_INFINITY

interface ReadOptions {
  readonly caps: readonly CapRef[]
  readonly corr: MsgId | undefined
  readonly deadlineAt: number
}

/** Sends a copy of `body`; parks while the receiver's mailbox is full. Right send, or write on a handle. */
export function send(
  core: Core,
  sender: Process,
  target: CapRef,
  body: unknown,
  options: SendOptions | undefined,
): Promise<void> {
  const cap = core.caps.live(sender.pid, target)
  if (cap.resource.kind === 'device') return transfer(core, sender, target, 'write', body) as Promise<void>
  core.caps.exercise(cap, 'send')
  if (cap.resource.kind === 'remote') return sendAway(core, sender, cap.resource, body, options)
  if (cap.resource.kind !== 'process') throw new CapError('capability is not a process')
  const receiver = liveProcess(core, cap.resource.pid)
  const copied = copyBody(body)
  const { caps: refs, corr, deadlineAt } = readOptions(options)
  // Reading what the caller gave may have run its code.
  if (cap.isRevoked || cap.isSkeleton) throw new CapError('capability ended while its use was prepared')
  if (receiver.isDead) throw new KernelError('ESRCH', `no process ${receiver.pid}`)
  const carried = carriedBy(core, sender, refs)
  if (carried.length > 0) core.dispatcher.spend(sender, carried.length)
  const id = core.messages.next()
  const letter = newLetter(id, sender.pid, receiver.pid, copied, corr, deadlineAt)
  if (receiver.mailbox.isFull && !isAwaited(receiver, corr)) {
    if (receiver === sender) throw new KernelError('EDEADLK', 'own mailbox is full')
    return parkSend(core, sender, receiver, { letter, carried })
  }
  admit(core, receiver, letter, carried)
  return core.dispatcher.answer(sender, undefined)
}

function sendAway(
  core: Core,
  sender: Process,
  address: Extract<Resource, { kind: 'remote' }>,
  body: unknown,
  options: SendOptions | undefined,
): Promise<void> {
  const { caps, ...rest } = readOptions(options)
  if (caps.length > 0) throw new KernelError('EINVAL', 'capabilities do not leave their kernel')
  const copied = copyBody(body)
  requireAlive(sender)
  return sendRemote(core, sender, address, copied, rest)
}

/** Puts a message of the kernel or the host at the tail of a mailbox: never bounded, never parked. */
export function post(core: Core, receiver: Process, body: unknown, caps: readonly CapRef[] = []): void {
  const id = core.messages.next()
  const letter = newLetter(id, KERNEL_PID, receiver.pid, body, undefined, NEVER)
  if (caps.length > 0) letter.caps = caps
  deliver(core, receiver, letter)
}

/** Queues a message that came from another node, under the bound of the mailbox; false when that is full. */
export function admitRemote(
  core: Core,
  receiver: Process,
  remote: RemoteSender,
  body: unknown,
  corr: MsgId | undefined,
  deadlineAt: number,
): boolean {
  if (receiver.mailbox.isFull && !isAwaited(receiver, corr)) return false
  const id = core.messages.next()
  deliver(core, receiver, newLetter(id, KERNEL_PID, receiver.pid, body, corr, deadlineAt, remote))
  return true
}

/** Asks a process to wind down. */
export function postTerm(core: Core, receiver: Process, from: Pid): void {
  const term: Term = { $: 'term', from }
  post(core, receiver, term)
}

/** Takes the oldest message, or the oldest reply to `corr`; parks without one. ETIMEDOUT only with a timeout. */
export function recv(core: Core, process: Process, options: RecvOptions | undefined): Promise<Message> {
  const corr = options?.corr
  const timeoutMs = options?.timeoutMs
  if (timeoutMs !== undefined) parseMs(timeoutMs, 'timeoutMs')
  requireAlive(process)
  for (let found = process.mailbox.take(corr); found; found = process.mailbox.take(corr)) {
    if (process.senders.size > 0) admitSenders(core, process)
    if (isExpired(core, found)) continue
    core.events.pushReceived(process.pid, found.from)
    return core.dispatcher.answer<Message>(process, found, true)
  }
  if (timeoutMs === 0) throw new KernelError('ETIMEDOUT', 'no message')
  const park = core.dispatcher.park(process, 'recv')
  park.corr = corr
  process.receivers.push(park)
  if (timeoutMs !== undefined) {
    park.timer = setTimer(core, process, timeoutMs, () => {
      process.receivers = process.receivers.filter((one) => one !== park)
      core.dispatcher.fail(park, new KernelError('ETIMEDOUT', 'no message in time'))
    })
  }
  // A sender may be parked on a mailbox of size zero: a waiting receiver is its room.
  if (process.senders.size > 0) admitSenders(core, process)
  return park.promise as Promise<Message>
}

/** Throws away a mailbox with the capabilities its messages carry. */
export function dropMailbox(core: Core, process: Process): void {
  for (let next = process.mailbox.take(undefined); next; next = process.mailbox.take(undefined)) {
    discardCaps(core, next)
  }
}

function readOptions(options: SendOptions | undefined): ReadOptions {
  if (options === undefined) return NO_OPTIONS
  const caps = options?.caps
  const deadline = options?.deadline
  const corr = options?.corr
  if (caps !== undefined && !Array.isArray(caps)) throw new KernelError('EINVAL', 'caps must be a list')
  if (corr !== undefined && typeof corr !== 'string') throw new KernelError('EINVAL', 'corr must be text')
  if (deadline !== undefined && (typeof deadline !== 'number' || Number.isNaN(deadline))) {
    throw new KernelError('EINVAL', 'deadline must be a number')
  }
  return { caps: caps ? [...caps] : NO_REFS, corr, deadlineAt: deadline ?? NEVER }
}

const NO_OPTIONS: ReadOptions = Object.freeze({ caps: Object.freeze([]), corr: undefined, deadlineAt: NEVER })
const NO_CARRIED: readonly Capability[] = Object.freeze([])
const NO_REFS: readonly CapRef[] = Object.freeze([])

/** Whether some parked `recv` would take a message with this `corr` at once. */
function isAwaited(receiver: Process, corr: MsgId | undefined): boolean {
  return takerOf(receiver, corr) >= 0
}

/** Index of the oldest parked `recv` that takes a message with this `corr`, or -1. */
function takerOf({ receivers }: Process, corr: MsgId | undefined): number {
  for (let i = 0; i < receivers.length; i++) {
    const wanted = receivers[i]?.corr
    if (wanted === undefined || wanted === corr) return i
  }
  return -1
}

/** Takes a parked `recv` out of those that wait. */
function unpark(receivers: Park[], at: number): Park | undefined {
  return receivers.length === 1 ? receivers.pop() : receivers.splice(at, 1)[0]
}

function parkSend(
  core: Core,
  sender: Process,
  receiver: Process,
  message: Omit<ParkedSend, 'park'>,
): Promise<void> {
  const park = core.dispatcher.park(sender, 'send')
  const parked: ParkedSend = { park, ...message }
  const { deadline } = message.letter
  receiver.senders.add(parked)
  park.withdraw = () => receiver.senders.delete(parked)
  if (deadline !== undefined) {
    // Valid while now <= deadline, hence the extra millisecond.
    park.timer = setTimer(core, sender, Math.max(0, deadline - core.clock.now()) + 1, () => {
      receiver.senders.delete(parked)
      expired(core, receiver, sender.pid)
      core.dispatcher.complete(park, undefined)
    })
  }
  return park.promise as Promise<void>
}

/** Lets parked senders in, oldest first, while there is room or somebody waits for exactly that message. */
function admitSenders(core: Core, receiver: Process): void {
  for (const parked of receiver.senders) {
    if (receiver.mailbox.isFull && !isAwaited(receiver, parked.letter.corr)) return
    receiver.senders.delete(parked)
    try {
      if (isPast(core, parked.letter)) expired(core, receiver, parked.park.process.pid)
      else admit(core, receiver, parked.letter, parked.carried)
      core.dispatcher.complete(parked.park, undefined)
    } catch (error) {
      core.dispatcher.fail(parked.park, error)
    }
  }
}

/** Delegates what a message carries, at this moment and not before, and delivers it. */
function admit(core: Core, receiver: Process, letter: Letter, carried: readonly Capability[]): void {
  if (carried.length > 0) letter.caps = delegate(core, carried, receiver.pid)
  deliver(core, receiver, letter)
}

/** Hands a message to a parked `recv` that wants it, else queues it. */
function deliver(core: Core, receiver: Process, letter: Letter): void {
  core.metrics.messages++
  if (letter.from !== KERNEL_PID) core.events.pushSent(letter.from, receiver.pid, letter.caps.length)
  const taker = takerOf(receiver, letter.corr)
  if (taker < 0) {
    receiver.mailbox.push(letter)
    return
  }
  if (isExpired(core, letter)) return
  const park = unpark(receiver.receivers, taker)
  core.events.pushReceived(receiver.pid, letter.from)
  if (!park) return
  core.dispatcher.complete(park, letter)
  park.markMail()
}

/** Drops a message past its deadline, with what it carries; its sender is not told. */
function isExpired(core: Core, letter: Letter): boolean {
  if (!isPast(core, letter)) return false
  discardCaps(core, letter)
  const receiver = core.processes.get(letter.to)
  if (receiver) expired(core, receiver, letter.from)
  return true
}

function isPast(core: Core, { deadline }: Letter): boolean {
  return deadline !== undefined && core.clock.now() > deadline
}

function expired(core: Core, receiver: Process, from: Pid): void {
  core.metrics.add('messages_expired_total', 1)
  core.events.push(receiver.pid, { kind: 'msg.expired', from })
}

function discardCaps(core: Core, letter: Letter): void {
  for (const ref of letter.caps) {
    try {
      core.caps.delete(core.caps.owned(letter.to, ref))
    } catch (error) {
      // It died on the way, which is all that was wanted.
      if (!(error instanceof CapError)) throw error
    }
  }
}

/** The sender's capabilities behind `refs`, each live and derivable; or nothing is sent. */
export function carriedBy(core: Core, sender: Process, refs: readonly CapRef[]): readonly Capability[] {
  if (refs.length === 0) return NO_CARRIED
  return refs.map((ref) => {
    const cap = core.caps.live(sender.pid, ref)
    core.caps.checkDepth(cap)
    return cap
  })
}

/** Creates the receiver's children of the carried capabilities. One that died since it was checked arrives dead. */
export function delegate(core: Core, carried: readonly Capability[], receiver: Pid): CapRef[] {
  return carried.map((cap) => {
    if (cap.isRevoked || cap.isSkeleton || core.caps.isExpired(cap)) return core.caps.deadRef()
    const child = core.caps.child(cap, receiver, cap.rights)
    core.events.pushCap(receiver, 'cap.delegate', child.id, child.rights)
    return child.ref
  })
}
