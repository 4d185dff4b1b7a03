import type { Caveat, Right } from './abi.ts'
import { type Capability, rightBits } from './capability.ts'
import { type Core, parseMs } from './core.ts'
import { checkName } from './device.ts'
import { CapError, KernelError } from './errors.ts'
import type { CapRef, Pid } from './ids.ts'
import type { Process } from './process.ts'

/** The calls that make, narrow, and take back capabilities, and the name registry that hands out send-only ones. */

const SELF = rightBits(['send', 'monitor'])
const SEND = rightBits(['send'])

/** Mints send and monitor on the caller itself, never kill. */
export function selfCap(core: Core, process: Process): CapRef {
  return minted(core, process, process.pid, SELF)
}

function minted(core: Core, process: Process, pid: Pid, rights: number): CapRef {
  const cap = core.caps.mint(process.pid, { kind: 'process', pid }, rights)
  core.events.pushCap(process.pid, 'cap.mint', cap.id, rights)
  return cap.ref
}

/** Derives a capability with fewer rights; asking for one that is not held is ECAP, not a silent intersection. */
export function derive(core: Core, process: Process, ref: CapRef, rights: readonly Right[]): CapRef {
  core.caps.live(process.pid, ref)
  const wanted = bitsOf(rights)
  return narrowed(core, process, core.caps.live(process.pid, ref), wanted, undefined)
}

/** Derives with fewer rights, an earlier end, or both; caveats are only ever added. */
export function attenuate(
  core: Core,
  process: Process,
  ref: CapRef,
  to: { rights?: readonly Right[]; expiresInMs?: number },
): CapRef {
  if (typeof to !== 'object' || to === null) throw new KernelError('EINVAL', 'attenuate needs an object')
  const { rights, expiresInMs } = to
  core.caps.live(process.pid, ref)
  const wanted = rights === undefined ? undefined : bitsOf(rights)
  const expiresAt =
    expiresInMs === undefined ? undefined : core.clock.now() + parseMs(expiresInMs, 'expiresInMs')
  const cap = core.caps.live(process.pid, ref)
  return narrowed(core, process, cap, wanted ?? cap.rights, expiresAt)
}

/** Reads a list of rights, which may run the caller's code: what was looked up before has to be looked up again. */
function bitsOf(rights: readonly Right[]): number {
  if (!Array.isArray(rights)) throw new KernelError('EINVAL', 'rights must be a list')
  return rightBits(rights)
}

function narrowed(
  core: Core,
  process: Process,
  cap: Capability,
  bits: number,
  expiresAt: number | undefined,
): CapRef {
  if ((bits & ~cap.rights) !== 0) throw new CapError('a right is not held')
  const caveats: readonly Caveat[] =
    expiresAt === undefined ? cap.caveats : [...cap.caveats, { kind: 'expires', at: expiresAt }]
  const child = core.caps.child(cap, process.pid, bits, caveats)
  core.events.pushCap(process.pid, 'cap.derive', child.id, bits)
  return child.ref
}

/** Kills a capability of the caller with everything derived from it, in every process, before it returns. */
export function revoke(core: Core, process: Process, ref: CapRef): void {
  const cap = core.caps.owned(process.pid, ref)
  const count = core.caps.revoke(cap)
  core.dispatcher.spend(process, count - 1)
  core.events.pushRevoked(process.pid, cap.id, count)
}

/** The pid behind a process capability that carries the right. */
export function targetOf(core: Core, process: Process, ref: CapRef, right: Right): Pid {
  const { resource } = core.caps.check(process.pid, ref, right)
  if (resource.kind !== 'process') throw new CapError('capability is not a process')
  return resource.pid
}

/** Publishes the caller under a name; first come. EEXIST while a live process holds it. */
export function register(core: Core, process: Process, wanted: string): void {
  const name = checkName(wanted)
  const holder = core.names.get(name)
  if (holder === process) return
  if (holder) throw new KernelError('EEXIST', `name ${name} is held`)
  core.names.set(name, process)
  process.names ??= new Set()
  process.names.add(name)
  core.events.push(process.pid, { kind: 'name', name, held: true })
}

export function unregister(core: Core, process: Process, wanted: string): void {
  const name = checkName(wanted)
  if (core.names.get(name) !== process) return
  core.names.delete(name)
  process.names?.delete(name)
  core.events.push(process.pid, { kind: 'name', name, held: false })
}

/** Mints a fresh send-only capability on the holder of a name, each a root of its own. */
export function lookup(core: Core, process: Process, wanted: string): CapRef | undefined {
  const holder = core.names.get(checkName(wanted))
  return holder && minted(core, process, holder.pid, SEND)
}
