import { zero } from './account.ts'
import { canonicalJson } from './canonical-json.ts'
import { rightBits } from './capability.ts'
import { type Core, never, requireAlive } from './core.ts'
import { checkName } from './device.ts'
import { invalid, KernelError, textOf } from './errors.ts'
import { type CapRef, KERNEL_PID, type MsgId, type Pid } from './ids.ts'
import type { Park, Process } from './process.ts'
import { isPid, type RemoteBody } from './remote-body.ts'
import type { Issue, Judged, OpSpec, Outcome } from './tape.ts'
import { type Fate, Outbox, type Parcel, Transmission } from './transmission.ts'

/** The way out: addressing processes on other nodes, sending to them, starting images there. */

const SEND = rightBits(['send'])
const NEVER = Number.POSITIVE_INFINITY

/** Mints a send-only capability on an address; whether anyone lives there is not known. ENOROUTE, ENOKEY, EINVAL. */
export function dial(core: Core, process: Process, node: string, pid: Pid): CapRef {
  const name = checkName(node)
  if (!isPid(pid)) invalid('a pid is a whole number above 0')
  const { tape } = process
  if (!tape) checkWay(core, name)
  else {
    const spec = { process, kind: 'open', driver: deviceOf(name), request: { pid } } as const
    const begun = tape.begin(spec)
    const found = begun && tape.issue(begun, wayIssue(core, name, spec))
    if (found?.error) throw found.error
  }
  return mintProxy(core, process.pid, name, pid)
}

/** Whether there is a way to a node is the host's doing, so that a journal has to know it. */
function wayIssue(core: Core, node: string, spec: OpSpec): Issue {
  return {
    ...spec,
    call: () => checkWay(core, node),
    judge: (outcome) => judged('error' in outcome ? known(outcome.error) : undefined, outcome),
    deliver: () => undefined,
    mayAnswerAtOnce: true,
    isIdempotent: true,
  }
}

/** A process's send-only capability on a process of another node. */
export function mintProxy(core: Core, owner: Pid, node: string, pid: Pid): CapRef {
  const cap = core.caps.mint(owner, { kind: 'remote', node, pid }, SEND)
  core.events.pushCap(owner, 'cap.mint', cap.id, SEND)
  return cap.ref
}

/** What goes with a message to another node; capabilities never do. */
export interface RemoteSendOptions {
  readonly corr: MsgId | undefined
  /** Absolute kernel ms, Infinity for none. */
  readonly deadlineAt: number
}

/**
 * Sends to a process on another node and parks until that node has it in a mailbox. ESRCH when the node proves that
 * there is no such process, ENOROUTE when the message was not delivered, EINDOUBT when nobody can tell.
 */
export function sendRemote(
  core: Core,
  sender: Process,
  address: { readonly node: string; readonly pid: Pid },
  body: unknown,
  { corr, deadlineAt }: RemoteSendOptions,
): Promise<void> {
  const { node, pid } = address
  const message = {
    $: 'agentos.message',
    pid: sender.pid,
    node,
    // The text is the copy: what the caller does to its object from here on changes nothing.
    body: JSON.parse(canonicalJson(body)) as unknown,
    ...(corr === undefined ? {} : { corr }),
    ...(deadlineAt === NEVER ? {} : { ttlMs: Math.max(0, deadlineAt - core.clock.now()) }),
  } as const
  return remoteOperation(
    core,
    sender,
    { call: 'send', kind: 'write', wait: 'send', node, request: { pid, body: message.body } },
    () => {
      checkWay(core, node)
      const { promise: done, resolve, reject } = Promise.withResolvers<Fate>()
      const way = `${sender.pid}>${pid}@${node}`
      const ended = (fate: Fate): void => (fate instanceof KernelError ? reject(fate) : resolve(fate))
      const isHeld = sender.tape !== undefined
      return {
        done,
        cancel: transmit(core, way, { node, to: pid, body: message, deadlineAt, isHeld, ended }),
      }
    },
    (fate) => {
      if (fate === 'delivered') core.events.push(sender.pid, { kind: 'send', to: pid, caps: 0, node })
    },
  )
}

/**
 * Asks another node to start a published image; parks until it answers, with a send-only capability on the new process.
 * ENOROUTE, ENOKEY; ENOIMAGE or EQUOTA as the node says; ETIMEDOUT when it does not say, and it may run all the same.
 */
export function spawnRemote(
  core: Core,
  process: Process,
  node: string,
  image: string,
  args: unknown,
): Promise<CapRef> {
  const to = checkName(node)
  const name = checkName(image)
  const given = args === undefined ? {} : { args: JSON.parse(canonicalJson(args)) as unknown }
  requireAlive(process)
  return remoteOperation(
    core,
    process,
    { call: 'spawnRemote', kind: 'open', wait: 'spawn', node: to, request: { image: name, ...given } },
    () => requestSpawn(core, process, to, { image: name, ...given }),
    (pid) => mintProxy(core, process.pid, to, pid as Pid),
  )
}

function requestSpawn(
  core: Core,
  process: Process,
  node: string,
  wanted: { readonly image: string; readonly args?: unknown },
): Underway {
  const { routes, dispatcher } = core
  checkWay(core, node)
  if (routes.node === '') throw new KernelError('ENOROUTE', 'a kernel without a node name cannot be answered')
  const { promise: done, resolve, reject } = Promise.withResolvers<Pid>()
  const id = routes.seals.freshNonce()
  let stop = (): void => undefined
  const settle = (): boolean => {
    if (!routes.pendingSpawns.delete(id)) return false
    dispatcher.inFlight--
    dispatcher.wake()
    timer.cancel()
    stop()
    return true
  }
  const refuse = (error: KernelError): void => {
    if (settle()) reject(error)
  }
  const timer = core.clock.setTimer(routes.spawnTimeoutMs, () => {
    const message = `no answer from ${node}; it may have started ${wanted.image} all the same`
    refuse(new KernelError('ETIMEDOUT', message))
  })
  dispatcher.inFlight++
  routes.pendingSpawns.set(id, {
    node,
    started: (pid) => settle() && resolve(pid),
    refused: (code) => refuse(new KernelError(code, `${node} did not start ${wanted.image}`)),
  })
  stop = transmit(core, `${id}>0@${node}`, {
    node,
    to: KERNEL_PID,
    body: { $: 'agentos.spawn', node, id, pid: process.pid, ...wanted },
    deadlineAt: NEVER,
    isHeld: true,
    ended(fate) {
      // In doubt means that the answer may still come.
      if (fate instanceof KernelError && fate.code !== 'EINDOUBT') {
        refuse(new KernelError('ENOROUTE', fate.message))
      }
    },
  })
  const cancel = (): void => {
    if (settle()) resolve(KERNEL_PID)
  }
  return { done, cancel }
}

/** Something that was set going outside. Cancelled, it ends in some value that nobody looks at. */
interface Underway {
  readonly done: Promise<unknown>
  readonly cancel: () => void
}

interface RemoteCall {
  readonly call: 'send' | 'spawnRemote'
  /** What it counts as in a journal. */
  readonly kind: 'open' | 'write'
  readonly wait: 'send' | 'spawn'
  readonly node: string
  readonly request: unknown
}

/** Sets something going, parks the caller until it is done; journaled where the caller is. */
function remoteOperation<T>(
  core: Core,
  process: Process,
  { call, kind, wait, node, request }: RemoteCall,
  begin: () => Underway,
  finish: (value: unknown) => T,
): Promise<T> {
  const { dispatcher } = core
  const failed = (park: Park, error: KernelError): void => {
    core.metrics.add('syscall_errors_total', 1, call, error.code)
    dispatcher.fail(park, error)
  }
  const { tape } = process
  if (!tape) {
    const underway = begin()
    if (process.isDead) {
      // A carrier that called back into this very kernel ended its own sender.
      underway.done.catch(() => undefined)
      underway.cancel()
      return never()
    }
    const park = dispatcher.park(process, wait)
    park.withdraw = underway.cancel
    underway.done.then(
      (value) => park.isDone || dispatcher.complete(park, finish(value)),
      (error: unknown) => failed(park, known(error)),
    )
    return park.promise as Promise<T>
  }
  const spec = { process, kind, driver: deviceOf(node), request } as const
  const begun = tape.begin(spec)
  if (!begun) return never()
  const park = dispatcher.park(process, wait)
  tape.issue(begun, {
    ...spec,
    call() {
      const underway = begin()
      park.withdraw = underway.cancel
      return underway.done
    },
    judge: (outcome) => judged('error' in outcome ? known(outcome.error) : undefined, outcome),
    deliver({ value, error }) {
      if (error) failed(park, error)
      else if (!park.isDone) dispatcher.complete(park, finish(value))
    },
    mayAnswerAtOnce: false,
    isIdempotent: false,
  })
  return park.promise as Promise<T>
}

function judged(error: KernelError | undefined, outcome: Outcome): Judged {
  return { value: 'result' in outcome ? outcome.result : undefined, cost: zero(), reductions: 0, error }
}

function known(error: unknown): KernelError {
  return error instanceof KernelError ? error : new KernelError('ENOROUTE', textOf(error), { cause: error })
}

/** A node's name in journals, where it stands beside those of drivers. */
function deviceOf(node: string): string {
  return `node:${node}`
}

/** The answer of another node to a `spawnRemote` of ours; ignored unless it is that node that was asked. */
export function finishSpawn(
  core: Core,
  node: string,
  answer: Extract<RemoteBody, { $: 'agentos.spawned' | 'agentos.refused' }>,
): boolean {
  const pending = core.routes.pendingSpawns.get(answer.id)
  if (!pending || pending.node !== node) return false
  if (answer.$ === 'agentos.spawned') pending.started(answer.pid)
  else pending.refused(answer.code)
  return true
}

/** A word from this kernel to another; a failure is an event, since nobody waits for it. */
export function tellKernel(core: Core, node: string, body: RemoteBody & { readonly id: string }): void {
  transmit(core, `${body.id}>0@${node}`, {
    node,
    to: KERNEL_PID,
    body,
    deadlineAt: NEVER,
    isHeld: false,
    ended(fate) {
      if (fate instanceof KernelError) {
        core.events.push(undefined, { kind: 'fault', where: 'remote', error: fate.message })
      }
    },
  })
}

/** Gives up everything that is under way: the kernel shuts down. */
export function abandonRemote(core: Core): void {
  for (const outbox of [...core.routes.outboxes.values()]) outbox.cancel()
}

/** ENOROUTE or ENOKEY unless the node can be reached and spoken to in confidence. */
function checkWay(core: Core, node: string): void {
  core.routes.forwardTo(node)
  core.routes.sealingKey(node)
}

/** Sends a parcel after those before it on the same way; returns how to give it up. */
function transmit(core: Core, way: string, parcel: Parcel): () => void {
  const { outboxes } = core.routes
  const outbox = outboxes.get(way) ?? new Outbox(() => outboxes.delete(way))
  outboxes.set(way, outbox)
  const transmission: Transmission = new Transmission(core, {
    ...parcel,
    ended(fate) {
      outbox.remove(transmission)
      parcel.ended(fate)
    },
  })
  outbox.push(transmission)
  return () => transmission.cancel()
}
