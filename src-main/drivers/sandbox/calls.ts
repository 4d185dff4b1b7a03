import type {
  ExitReason,
  LogLevel,
  ProcessImage,
  RecvOptions,
  Right,
  SpawnOptions,
  Sys,
  SyscallName,
} from '../../kernel/abi.ts'
import type { CapRef, Pid, SegId } from '../../kernel/ids.ts'
import type { CapIndex } from './cap-index.ts'
import type { Holdings } from './holdings.ts'
import { SandboxRefusal } from './refusal.ts'

/** What a guest may call unless its image says otherwise (reference, section 13). */
export const DEFAULT_ALLOW: readonly SyscallName[] = [
  'self',
  'selfCap',
  'recv',
  'send',
  'derive',
  'attenuate',
  'revoke',
  'open',
  'read',
  'readAll',
  'write',
  'remember',
  'workingSet',
  'recall',
  'forget',
  'pin',
  'sleep',
  'yield',
  'budget',
  'now',
  'log',
]

/** A call on a guest's behalf: its arguments are plain data of any shape, which the kernel checks like any caller's. */
export interface GuestCall {
  readonly sys: Sys
  readonly caps: CapIndex
  readonly args: readonly unknown[]
  /** What the kernel keeps for the guest, and how much this call is. */
  readonly holdings: Holdings
  readonly chars: number
  /** Makes an image of a guest's source: what it spawns is a sandbox as narrow as itself. */
  readonly image: (code: string) => ProcessImage
}

type Perform = (call: GuestCall) => unknown

/** Calls after which the guest may hold one capability more. */
const MINTING: ReadonlySet<string> = new Set<SyscallName>([
  'selfCap',
  'lookup',
  'dial',
  'spawnRemote',
  'spawn',
  'derive',
  'attenuate',
  'open',
])

/** The number of what was made of a capability: one to the guest itself stays that. */
function numberOf(caps: CapIndex, made: CapRef, from: CapRef): number {
  return caps.isOwn(from) ? caps.ownNumber(made) : caps.number(made)
}

/** Each system call with the places where references stand. A cleanup hook is a function, and none crosses. */
const performers: Readonly<Record<Exclude<SyscallName, 'onCleanup'>, Perform>> = {
  self: ({ sys }) => sys.self(),
  selfCap: ({ sys, caps }) => caps.ownNumber(sys.selfCap()),
  recv: async ({ sys, caps, holdings, args: [options] }) => {
    const message = await sys.recv(options as RecvOptions | undefined)
    if (message.from === message.to) holdings.gotOwnMail()
    return caps.message(message)
  },
  send: ({ sys, caps, holdings, chars, args: [target, body, options] }) => {
    const ref = caps.ref(target)
    const sent = sys.send(ref, body, caps.options(options))
    return caps.isOwn(ref) ? sent.then(() => holdings.mailedItself(chars)) : sent
  },
  register: ({ sys, args: [name] }) => sys.register(name as string),
  unregister: ({ sys, args: [name] }) => sys.unregister(name as string),
  lookup: async ({ sys, caps, args: [name] }) => {
    const found = await sys.lookup(name as string)
    return found === undefined ? undefined : caps.number(found)
  },
  dial: ({ sys, caps, args: [node, pid] }) => caps.number(sys.dial(node as string, pid as Pid)),
  spawnRemote: async ({ sys, caps, args: [node, image, args] }) =>
    caps.number(await sys.spawnRemote(node as string, image as string, args)),
  spawn: async ({ sys, caps, args: [code, options], image }) => {
    if (typeof code !== 'string') throw new SandboxRefusal('EINVAL', 'a sandbox spawns source text')
    const { pid, cap } = await sys.spawn(image(code), caps.options<SpawnOptions>(options))
    return { pid, cap: caps.number(cap) }
  },
  exit: ({ sys, args: [reason] }) => sys.exit(reason as ExitReason | undefined),
  derive: ({ sys, caps, args: [cap, rights] }) => {
    const from = caps.ref(cap)
    return numberOf(caps, sys.derive(from, rights as Right[]), from)
  },
  attenuate: ({ sys, caps, args: [cap, to] }) => {
    const from = caps.ref(cap)
    return numberOf(caps, sys.attenuate(from, to as { rights?: Right[] }), from)
  },
  revoke: ({ sys, caps, args: [cap] }) => {
    const ref = caps.ref(cap)
    sys.revoke(ref)
    caps.drop(ref)
  },
  open: async ({ sys, caps, args: [device, params] }) =>
    caps.number(await sys.open(caps.ref(device), params)),
  read: ({ sys, caps, args: [handle, request] }) => sys.read(caps.ref(handle), request),
  readAll: ({ sys, caps, args: [handle, requests] }) => sys.readAll(caps.ref(handle), requests as unknown[]),
  write: ({ sys, caps, args: [handle, data] }) => sys.write(caps.ref(handle), data),
  monitor: ({ sys, caps, args: [target] }) => sys.monitor(caps.ref(target)),
  waitpid: ({ sys, caps, args: [target] }) => sys.waitpid(caps.ref(target)),
  signal: ({ sys, caps, args: [target, reason] }) =>
    sys.signal(caps.ref(target), reason as ExitReason | undefined),
  suspend: ({ sys, caps, args: [target] }) => sys.suspend(caps.ref(target)),
  resume: ({ sys, caps, args: [target] }) => sys.resume(caps.ref(target)),
  term: ({ sys, caps, args: [target] }) => sys.term(caps.ref(target)),
  remember: ({ sys, holdings, chars, args: [body, options] }) =>
    sys.remember(body, options as { tokens?: number; pin?: boolean }).then((id) => {
      holdings.remembered(id, chars)
      return id
    }),
  workingSet: ({ sys }) => sys.workingSet(),
  recall: ({ sys, args: [query, k] }) => sys.recall(query as string, k as number | undefined),
  forget: ({ sys, holdings, args: [id] }) => {
    sys.forget(id as SegId)
    holdings.forgot(id as SegId)
  },
  pin: ({ sys, args: [id, on] }) => sys.pin(id as SegId, on as boolean | undefined),
  sleep: ({ sys, args: [ms] }) => sys.sleep(ms as number),
  yield: ({ sys }) => sys.yield(),
  sched: ({ sys, args: [change] }) => sys.sched(change as { priority?: number }),
  budget: ({ sys }) => sys.budget(),
  now: ({ sys }) => sys.now(),
  log: ({ sys, args: [level, message, fields] }) =>
    sys.log(level as LogLevel, String(message), fields as Readonly<Record<string, unknown>> | undefined),
}

type CallName = keyof typeof performers

/** The calls of an allow-list, checked once when the image is made. Throws TypeError for what no guest can call. */
export function allowed(names: readonly string[]): ReadonlySet<string> {
  for (const name of names) {
    if (!isCall(name)) throw new TypeError(`a sandbox can’t call ${name}`)
  }
  return new Set(names)
}

/** Makes one call; the name has been checked against the allow-list. */
export function perform(name: string, call: GuestCall): unknown {
  if (!isCall(name)) throw new TypeError('unknown call')
  if (MINTING.has(name)) call.caps.requireRoom()
  return performers[name](call)
}

function isCall(name: string): name is CallName {
  return Object.hasOwn(performers, name)
}
