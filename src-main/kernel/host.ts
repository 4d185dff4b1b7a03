import type { Caveat, ProcessImage } from './abi.ts'
import { type Capability, rightBits } from './capability.ts'
import { copyBody } from './copy.ts'
import { type Core, parseMs } from './core.ts'
import { heldOn } from './door.ts'
import { KernelError } from './errors.ts'
import type { CapRow, HostQuota } from './host-events.ts'
import type { CapRef, Pid } from './ids.ts'
import { post } from './ipc.ts'
import { parsePriority } from './lifetime.ts'
import type { Process } from './process.ts'
import { capRow } from './ps.ts'
import { checkImage, create, start } from './spawn.ts'

/** What the host does on a person's behalf: starts session processes, and grants, narrows, revokes their devices. */

const OPEN = rightBits(['open'])
const SPAWN = rightBits(['spawn'])

/** How a session process is started below the fleet root. */
export interface HostSpawn {
  readonly image: ProcessImage
  readonly args?: unknown
  readonly quota?: HostQuota
  /** Registered device names it may open; the process gets them as a BootGrant. */
  readonly devices: readonly string[]
  readonly priority?: number
  /** Milliseconds from now. */
  readonly deadlineMs?: number
  /** May raise its own and its children's priority. */
  readonly mayRaise?: boolean
}

export interface HostSpawned {
  readonly pid: Pid
  readonly capabilities: readonly CapRow[]
}

/**
 * Starts a process below the root, all or nothing. EQUOTA when the root's budget can't carry it, ENODEV for an
 * unregistered device, EINVAL for malformed input.
 */
export function spawnHost(core: Core, root: Process, spec: HostSpawn): HostSpawned {
  const names = [...new Set(spec.devices)]
  for (const name of names) requireDevice(core, name)
  const child = create(core, root, {
    image: checkImage(spec.image),
    args: copyBody(spec.args),
    quota: quotaOf(spec.quota),
    priority: spec.priority === undefined ? 0 : parsePriority(spec.priority),
    mayRaise: spec.mayRaise === true,
    deadlineMs: spec.deadlineMs === undefined ? undefined : parseMs(spec.deadlineMs, 'deadlineMs'),
    isHostSpawned: true,
  })
  const devices: Record<string, CapRef> = Object.create(null)
  const granted = names.map((name) => {
    const cap = lend(core, rootCap(core, root, name), child.pid)
    devices[name] = cap.ref
    return cap
  })
  post(core, child, { $: 'boot', devices: { ...devices } })
  start(core, child)
  const capabilities = granted.map(capRow)
  for (const capability of capabilities)
    core.host.emit({ type: 'capability.granted', pid: child.pid, capability })
  return { pid: child.pid, capabilities }
}

/** Grants one more device to a live process; the row that stands when it holds it already. */
export function grant(core: Core, root: Process, process: Process, device: string): CapRow {
  requireDevice(core, device)
  for (const cap of heldOn(core, process.pid, device)) if (!core.caps.isExpired(cap)) return capRow(cap)
  const cap = lend(core, rootCap(core, root, device), process.pid)
  const capability = capRow(cap)
  post(core, process, { $: 'granted', device, cap: cap.ref })
  core.host.emit({ type: 'capability.granted', pid: process.pid, capability })
  return capability
}

/** To what a device is narrowed: named devices under a wildcard, an earlier end, or both. */
export interface Narrowing {
  /** Replaces a device whose name ends in `*`; each must start with what comes before it. */
  readonly to?: readonly string[]
  readonly expiresInMs?: number
}

/** Replaces what a process holds on a device by less. ESRCH when it holds nothing there, EINVAL when it is not less. */
export function narrow(core: Core, root: Process, process: Process, device: string, to: Narrowing): CapRow[] {
  const held = [...heldOn(core, process.pid, device)]
  const [first] = held
  if (!first) throw new KernelError('ESRCH', `process ${process.pid} holds nothing on ${device}`)
  const expiry =
    to.expiresInMs === undefined ? undefined : core.clock.now() + parseMs(to.expiresInMs, 'expiresInMs')
  if (expiry === undefined && to.to === undefined) throw new KernelError('EINVAL', 'nothing to narrow to')
  const caveats: readonly Caveat[] =
    expiry === undefined ? first.caveats : [...first.caveats, { kind: 'expires', at: expiry }]
  const names = to.to ?? [device]
  const prefix = device.endsWith('*') ? device.slice(0, -1) : undefined
  for (const name of names) {
    if (name === device) continue
    if (prefix === undefined || !name.startsWith(prefix))
      throw new KernelError('EINVAL', `${name} is not within ${device}`)
    core.devices.registerAuthority(name)
  }
  const made = names.map((name) => lend(core, rootCap(core, root, name), process.pid, caveats))
  for (const cap of held) core.events.pushRevoked(process.pid, cap.id, core.caps.revoke(cap))
  const capabilities = made.map(capRow)
  core.host.emit({ type: 'capability.narrowed', pid: process.pid, device, replaced: first.id, capabilities })
  made.forEach((cap, i) => {
    post(core, process, { $: 'granted', device: names[i], cap: cap.ref })
  })
  return capabilities
}

/** Takes a device away from a process and from all it passed it on to; handles on it close. False if it held none. */
export function revokeDevice(core: Core, process: Process, device: string): boolean {
  const held = [...heldOn(core, process.pid, device)]
  for (const cap of held) revokeOne(core, process.pid, cap)
  return held.length > 0
}

function revokeOne(core: Core, pid: Pid, cap: Capability): void {
  const capability = capRow(cap)
  const count = core.caps.revoke(cap)
  core.events.push(pid, { kind: 'cap.revoke', cap: cap.id, count })
  core.host.emit({ type: 'capability.revoked', pid, capability, count })
}

/** Forgets a device: whoever holds it, directly or passed on, loses it; its handles close. */
export function unregisterDevice(core: Core, root: Process | undefined, name: string): boolean {
  if (root) for (const cap of [...heldOn(core, root.pid, name)]) revokeOne(core, root.pid, cap)
  return core.devices.unregister(name)
}

/** True of a named authority that nobody but the root holds and no driver stands behind. */
export function isIdle(core: Core, name: string): boolean {
  const device = core.devices.get(name)
  if (!device || device.driver || device.handles.size > 0) return false
  return (device.rootCap?.childCount ?? 0) === 0
}

/** The right to spawn, where that is gated. */
export function spawnCap(core: Core, process: Process): Capability {
  const cap = core.caps.mint(process.pid, { kind: 'spawn' }, SPAWN)
  core.events.pushCap(process.pid, 'cap.mint', cap.id, SPAWN)
  return cap
}

/** Passes a device on to a process. */
export function lend(core: Core, from: Capability, to: Pid, caveats?: readonly Caveat[]): Capability {
  const cap = core.caps.child(from, to, OPEN, caveats)
  core.events.pushCap(to, 'cap.delegate', cap.id, OPEN)
  return cap
}

/** The root's own capability on a device, from which all grants of it derive; minted on first need. */
export function rootCap(core: Core, root: Process, name: string): Capability {
  const device = core.devices.registerAuthority(name)
  const known = device.rootCap
  if (known && known.owner === root.pid && !known.isRevoked && !known.isSkeleton) return known
  const cap = core.caps.mint(root.pid, { kind: 'device', driver: device.name }, OPEN)
  core.events.pushCap(root.pid, 'cap.mint', cap.id, OPEN)
  device.rootCap = cap
  return cap
}

export function requireDevice(core: Core, name: string): void {
  if (!core.devices.get(name)) throw new KernelError('ENODEV', `no device ${name}`)
}

/** The house counts nano-dollars, the ABI dollars; the conversion is exact in both directions. */
export function quotaOf(quota: HostQuota = {}) {
  const { usdNanos, ...rest } = quota
  if (usdNanos === undefined) return rest
  if (!Number.isSafeInteger(usdNanos) || usdNanos < 0) {
    throw new KernelError('EINVAL', 'usdNanos must be a whole number of at least 0')
  }
  return { ...rest, usd: usdNanos / 1e9 }
}
