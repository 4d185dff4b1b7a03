import type { Caveat } from './abi.ts'
import type { Capability } from './capability.ts'
import { type Core, liveProcess, parseMs, setTimer } from './core.ts'
import { KernelError } from './errors.ts'
import { rootCap } from './host.ts'
import type { CapRow } from './host-events.ts'
import type { Pid } from './ids.ts'
import { post } from './ipc.ts'
import type { Process } from './process.ts'
import { capRow } from './ps.ts'
import { type RefusalRow, refusalsOf } from './refusals.ts'

/**
 * What the host sees of all capabilities, and does with one of them by its public number: narrow it, end it in time, take
 * it away. The root's own are out of reach: every grant of the host derives from them.
 */

/** A capability with the name of the process that holds it. */
export interface HeldRow extends CapRow {
  readonly processName: string
}

const CAPS_PER_STEP = 256

/** All live capabilities, some at a time; a reader may pause between steps. */
export function* capRows(core: Core): Generator<HeldRow[]> {
  let step: HeldRow[] = []
  for (const cap of core.caps.list()) {
    step.push(heldRow(core, cap))
    if (step.length < CAPS_PER_STEP) continue
    yield step
    step = []
  }
  yield step
}

/** The capabilities of one process. */
export function capRowsOf(core: Core, pid: Pid): HeldRow[] {
  return Array.from(core.caps.list(pid), (cap) => heldRow(core, cap))
}

/** What live processes were refused, of one or of all. */
export function* refusalRows(core: Core, pid?: Pid): Generator<RefusalRow> {
  if (pid === undefined)
    for (const process of core.processes.values()) {
      if (process.refusals) yield* refusalsOf(process)
    }
  else {
    const process = core.processes.get(pid)
    if (process) yield* refusalsOf(process)
  }
}

function heldRow(core: Core, cap: Capability): HeldRow {
  return { ...capRow(cap), processName: core.processes.get(cap.owner)?.name ?? '' }
}

/** The live capability behind a number. ESRCH for none, ECAP for one of the root's own. */
function reachable(core: Core, root: Process, id: number): Capability {
  const cap = core.caps.byId(id)
  if (!cap) throw new KernelError('ESRCH', `no capability ${id}`)
  if (cap.owner === root.pid) throw new KernelError('ECAP', 'it belongs to the root of the fleet')
  return cap
}

/** To what a capability is narrowed: named devices within it, and perhaps an end in time. */
export interface NarrowingById {
  readonly to: readonly string[]
  readonly expiresInMs?: number | undefined
}

/** What became of a capability: the row that went, those that took its place, and those that went with it. */
export interface Narrowed {
  readonly replaced: HeldRow
  readonly capabilities: readonly CapRow[]
  readonly alsoRevoked: readonly HeldRow[]
}

/**
 * Replaces a device capability by less of it. What was derived from it, and what is open through it, goes with it. ESRCH,
 * ECAP (the root's own), EINVAL when it is no device, or nothing less is asked for.
 */
export function narrowById(
  core: Core,
  root: Process,
  id: number,
  { to, expiresInMs }: NarrowingById,
): Narrowed {
  const cap = reachable(core, root, id)
  const { resource } = cap
  if (resource.kind !== 'device' || cap.handle) throw new KernelError('EINVAL', 'it is no device')
  const names = [...new Set(to)]
  for (const name of names) checkWithin(name, resource.driver)
  const at = expiresInMs === undefined ? undefined : core.clock.now() + parseMs(expiresInMs, 'expiresInMs')
  const isLess = !names.includes(resource.driver) || (at !== undefined && at < cap.expiresAt)
  if (names.length === 0 || !isLess) throw new KernelError('EINVAL', 'it is not less than what is held')
  const caveats: readonly Caveat[] =
    at === undefined ? cap.caveats : [...cap.caveats, { kind: 'expires', at }]
  const replaced = heldRow(core, cap)
  const made = names.map((name) => {
    const { name: driver } = core.devices.registerAuthority(name)
    const parent = parentOf(core, root, cap, name)
    const one = core.caps.within(parent, cap.owner, { kind: 'device', driver }, cap.rights, caveats)
    core.events.pushCap(cap.owner, 'cap.delegate', one.id, cap.rights)
    return one
  })
  const alsoRevoked = takeAway(core, cap)
  if (at !== undefined) for (const one of made) endAt(core, one, at)
  const capabilities = made.map(capRow)
  const { owner: pid } = cap
  core.host.emit({ type: 'capability.narrowed', pid, device: resource.driver, replaced: id, capabilities })
  const process = core.processes.get(pid)
  made.forEach((one, i) => {
    if (process) post(core, process, { $: 'granted', device: names[i], cap: one.ref })
  })
  return { replaced, capabilities, alsoRevoked }
}

/** A name within a wildcard has its text before and after the star; one without a star has only itself within. */
function checkWithin(name: string, device: string): void {
  if (name === device) return
  const star = device.indexOf('*')
  const [before, after] = [device.slice(0, star), device.slice(star + 1)]
  const isLonger = name.length > before.length + after.length
  if (star < 0 || !isLonger || !name.startsWith(before) || !name.endsWith(after))
    throw new KernelError('EINVAL', `${name} is not within ${device}`)
}

/** The host's grants derive from the root's own capability on the name; what was passed on goes on deriving from there. */
function parentOf(core: Core, root: Process, cap: Capability, name: string): Capability {
  let above = cap.parent
  while (above?.isSkeleton) above = above.parent
  return above && above.owner !== root.pid ? above : rootCap(core, root, name)
}

/** Lets a capability, and all that derives from it, end in time. ESRCH, ECAP, EINVAL when it ends sooner already. */
export function expireById(core: Core, root: Process, id: number, expiresInMs: number): HeldRow {
  const cap = reachable(core, root, id)
  const at = core.clock.now() + parseMs(expiresInMs, 'expiresInMs')
  if (cap.expiresAt <= at) throw new KernelError('EINVAL', 'it ends sooner already')
  for (const changed of core.caps.expire(cap, at)) endAt(core, changed, at)
  const row = heldRow(core, cap)
  core.host.emit({
    type: 'capability.narrowed',
    pid: cap.owner,
    device: row.target,
    replaced: id,
    capabilities: [capRow(cap)],
  })
  return row
}

/** Ends what is open through a capability when its time has come; the timer goes with the capability. */
function endAt(core: Core, cap: Capability, at: number): void {
  const owner = liveProcess(core, cap.owner)
  const timer = setTimer(core, owner, Math.max(0, at - core.clock.now()), () => {
    if (cap.isRevoked || cap.isSkeleton) return
    const row = capRow(cap)
    const gone = takeAway(core, cap)
    core.host.emit({ type: 'capability.revoked', pid: cap.owner, capability: row, count: gone.length + 1 })
  })
  cap.dependents ??= new Set()
  cap.dependents.add({ close: () => timer.cancel() })
}

/** What was taken away: the capability that was asked for, and what derived from it, wherever it was. */
export interface Revoked {
  readonly capability: HeldRow
  readonly alsoRevoked: readonly HeldRow[]
}

/** Takes a capability away at once, from everyone it was passed on to as well. ESRCH, ECAP (the root's own). */
export function revokeById(core: Core, root: Process, id: number): Revoked {
  const cap = reachable(core, root, id)
  const capability = heldRow(core, cap)
  const alsoRevoked = takeAway(core, cap)
  const count = alsoRevoked.length + 1
  core.host.emit({ type: 'capability.revoked', pid: cap.owner, capability, count })
  return { capability, alsoRevoked }
}

/** Revokes with events and counts; gives the rows of what derived from it. */
function takeAway(core: Core, cap: Capability): HeldRow[] {
  const below: HeldRow[] = []
  const stack: Capability[] = [cap]
  for (let one = stack.pop(); one; one = stack.pop()) {
    for (let child = one.firstChild; child; child = child.nextSibling) stack.push(child)
    if (one !== cap && !one.isSkeleton) below.push(heldRow(core, one))
  }
  const count = core.caps.revoke(cap)
  core.events.push(cap.owner, { kind: 'cap.revoke', cap: cap.id, count })
  return below
}
