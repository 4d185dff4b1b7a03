import type { Caveat, Resource, Right } from './abi.ts'
import { attach, refreshDepth, unlink } from './derivation-tree.ts'
import { CapError, KernelError } from './errors.ts'
import { type CapRef, newCapRef, type Pid } from './ids.ts'

/**
 * The capability table and its derivation tree. Authority lives here and nowhere else: a reference is only a name in
 * its owner's space. Revocation marks the whole subtree before it returns; an owner's exit takes away its own
 * capabilities and leaves their descendants hanging from the nearest surviving ancestor.
 */

const RIGHT_BITS: Record<Right, number> = {
  send: 1,
  monitor: 2,
  open: 4,
  read: 8,
  write: 16,
  spawn: 32,
  kill: 64,
}
const RIGHTS = Object.keys(RIGHT_BITS) as readonly Right[]
/** Longest derivation path; bounds every walk. */
const MAX_DEPTH = 4096
/** One message for unknown and foreign references, so that a process cannot probe for other processes' names. */
const UNKNOWN = 'capability unknown or not owned'

/** What a device handle capability keeps alive; closed when the capability that opened it dies. */
export interface Closable {
  close(): void
}

export class Capability {
  readonly ref: CapRef
  /** Public number for events and the console, which never see references. */
  readonly id: number
  readonly owner: Pid
  readonly resource: Resource
  readonly rights: number
  caveats: readonly Caveat[]
  /** Earliest expiry of its caveats, all inherited ones included; Infinity when there is none. */
  expiresAt: number
  isRevoked = false
  /** Left the table with its owner, but still joins its descendants to its ancestors. */
  isSkeleton = false
  /** Private part of a handle's resource; a delegated handle has the handle but did not open it. */
  handle: object | undefined
  /** Set on the capability that opened a handle, or that a door holds open: closed with the capability. */
  dependents: Set<Closable> | undefined
  uses = 0
  lastUsedAt = 0
  parent: Capability | undefined
  childCount = 0
  firstChild: Capability | undefined
  nextSibling: Capability | undefined
  prevSibling: Capability | undefined
  nextOwned: Capability | undefined
  prevOwned: Capability | undefined
  depth: number

  constructor(init: CapabilityInit, parent: Capability | undefined) {
    this.ref = init.ref
    this.id = init.id
    this.owner = init.owner
    this.resource = init.resource
    this.rights = init.rights
    this.caveats = init.caveats
    let expiresAt = Number.POSITIVE_INFINITY
    for (const { at } of init.caveats) if (at < expiresAt) expiresAt = at
    this.expiresAt = expiresAt
    this.depth = parent ? parent.depth + 1 : 0
  }
}

/** What the table knows of a process: the capabilities that it holds, as a list without order, and how many name it. */
interface Standing {
  head: Capability | undefined
  count: number
  /** A tombstone lives while there is one. */
  naming: number
}

interface CapabilityInit {
  readonly ref: CapRef
  readonly id: number
  readonly owner: Pid
  readonly resource: Resource
  readonly rights: number
  readonly caveats: readonly Caveat[]
}

/** Packs rights; EINVAL for a name that is no right. */
export function rightBits(rights: readonly Right[]): number {
  let bits = 0
  for (const right of rights) {
    const bit = Object.hasOwn(RIGHT_BITS, right) ? RIGHT_BITS[right] : undefined
    if (bit === undefined) throw new KernelError('EINVAL', 'unknown right')
    bits |= bit
  }
  return bits
}

/** The names of a packed set of rights, in a fixed order. */
export function rightNames(bits: number): Right[] {
  return RIGHTS.filter((right) => (bits & RIGHT_BITS[right]) !== 0)
}

/** Told when a capability leaves the table, and when the last one that names a process does. */
export interface CapTableEvents {
  died(cap: Capability, why: 'revoked' | 'deleted'): void
  processUnnamed(pid: Pid): void
}

export class CapTable {
  readonly #byRef = new Map<CapRef, Capability>()
  readonly #standings = new Map<Pid, Standing>()
  readonly #random: { hex(bytes: number): string }
  readonly #now: () => number
  readonly #lately: () => number
  readonly #events: CapTableEvents
  #lastId = 0
  revocations = 0

  /** `lately` stamps uses, which are frequent; it may be a few calls behind `now`. */
  constructor(
    random: { hex(bytes: number): string },
    now: () => number,
    events: CapTableEvents,
    lately: () => number = now,
  ) {
    this.#random = random
    this.#now = now
    this.#lately = lately
    this.#events = events
  }

  get size(): number {
    return this.#byRef.size
  }

  /** ECAP when the path is too long to derive from; lets a caller refuse before it has any effect. */
  checkDepth(parent: Capability): void {
    if (parent.depth + 1 >= MAX_DEPTH) refreshDepth(parent)
    if (parent.depth + 1 >= MAX_DEPTH) throw new CapError('capability derived too often')
  }

  /** Creates a root of its own subtree. */
  mint(owner: Pid, resource: Resource, rights: number): Capability {
    return this.#insert(owner, resource, rights, [], undefined)
  }

  /** Creates a child with the same resource; the caller has checked that it only narrows. ECAP past the depth limit. */
  child(
    parent: Capability,
    owner: Pid,
    rights: number,
    caveats: readonly Caveat[] = parent.caveats,
  ): Capability {
    const cap = this.#insert(owner, parent.resource, rights & parent.rights, caveats, parent)
    cap.handle = parent.handle
    return cap
  }

  /** Derives a handle capability below the device capability that opened it. */
  opened(device: Capability, handle: object, rights: number): Capability {
    const cap = this.#insert(device.owner, device.resource, rights, device.caveats, device)
    cap.handle = handle
    return cap
  }

  /** The caller's live capability, whatever its kind. An expired one counts: it may still be revoked. */
  owned(caller: Pid, ref: CapRef): Capability {
    const cap = this.#byRef.get(ref)
    if (!cap || cap.owner !== caller) throw new CapError(UNKNOWN)
    return cap
  }

  /** The caller's capability if every caveat holds. */
  live(caller: Pid, ref: CapRef): Capability {
    const cap = this.owned(caller, ref)
    if (this.isExpired(cap)) throw new CapError('capability expired')
    return cap
  }

  /** The caller's capability if it is live and carries the right; counts as a use. */
  check(caller: Pid, ref: CapRef, right: Right): Capability {
    const cap = this.live(caller, ref)
    this.exercise(cap, right)
    return cap
  }

  /** Uses a capability that was just found live; ECAP when it lacks the right. */
  exercise(cap: Capability, right: Right): void {
    if ((cap.rights & RIGHT_BITS[right]) === 0) throw new CapError(`capability lacks the right ${right}`)
    this.used(cap)
  }

  used(cap: Capability): void {
    cap.uses++
    cap.lastUsedAt = this.#lately()
  }

  isExpired(cap: Capability): boolean {
    return cap.expiresAt !== Number.POSITIVE_INFINITY && this.#now() > cap.expiresAt
  }

  /**
   * Marks a capability and everything derived from it dead; returns how many died. Only when all are is anyone told,
   * so that nothing that listens can act through one of them or find the tree half taken down.
   */
  revoke(cap: Capability): number {
    this.#detach(cap)
    const died: Capability[] = []
    const stack: Capability[] = [cap]
    for (let at = stack.pop(); at; at = stack.pop()) {
      for (let child = at.firstChild; child; child = child.nextSibling) stack.push(child)
      at.firstChild = undefined
      at.childCount = 0
      at.parent = undefined
      if (at.isSkeleton) continue
      at.isRevoked = true
      this.#drop(at)
      died.push(at)
    }
    this.revocations += died.length
    for (const one of died) this.#tell(one, 'revoked')
    return died.length
  }

  /** Takes one capability away without touching what was derived from it. */
  delete(cap: Capability): void {
    if (cap.isSkeleton || cap.isRevoked) return
    this.#drop(cap)
    cap.isSkeleton = true
    this.#compact(cap)
    this.#tell(cap, 'deleted')
  }

  /** Deletes everything a process owns, in time proportional to that. */
  deleteOwned(owner: Pid): number {
    let count = 0
    const standing = this.#standings.get(owner)
    for (let cap = standing?.head; cap; cap = standing?.head) {
      this.delete(cap)
      count++
    }
    return count
  }

  /** Every capability of one owner, or of all. */
  *list(owner?: Pid): Generator<Capability> {
    if (owner === undefined) yield* this.#byRef.values()
    else for (let cap = this.#standings.get(owner)?.head; cap; cap = cap.nextOwned) yield cap
  }

  /** How many capabilities a process holds. */
  countOf(owner: Pid): number {
    return this.#standings.get(owner)?.count ?? 0
  }

  /** The live capability behind a public number, by a walk over all of them. */
  byId(id: number): Capability | undefined {
    for (const cap of this.#byRef.values()) if (cap.id === id) return cap
    return undefined
  }

  /** A capability on less than its parent is on: another resource that the parent's covers, as the caller has checked. */
  within(parent: Capability, owner: Pid, resource: Resource, rights: number, caveats: readonly Caveat[]) {
    return this.#insert(owner, resource, rights & parent.rights, caveats, parent)
  }

  /** Gives a capability and all that derives from it an end at `at`, where it has no earlier one; gives those changed. */
  expire(cap: Capability, at: number): Capability[] {
    const changed: Capability[] = []
    const stack: Capability[] = [cap]
    for (let one = stack.pop(); one; one = stack.pop()) {
      for (let child = one.firstChild; child; child = child.nextSibling) stack.push(child)
      if (one.isSkeleton || one.expiresAt <= at) continue
      one.caveats = [...one.caveats, { kind: 'expires', at }]
      one.expiresAt = at
      changed.push(one)
    }
    return changed
  }

  isNamed(pid: Pid): boolean {
    return (this.#standings.get(pid)?.naming ?? 0) > 0
  }

  /** A reference that names nothing: what a receiver gets for a capability that died on the way. */
  deadRef(): CapRef {
    return newCapRef(this.#random)
  }

  #insert(
    owner: Pid,
    resource: Resource,
    rights: number,
    caveats: readonly Caveat[],
    parent: Capability | undefined,
  ): Capability {
    if (parent) this.checkDepth(parent)
    const ref = newCapRef(this.#random)
    const cap = new Capability({ ref, id: ++this.#lastId, owner, resource, rights, caveats }, parent)
    if (parent) {
      attach(cap, parent)
      parent.childCount++
    }
    this.#byRef.set(ref, cap)
    this.#own(cap)
    if (resource.kind === 'process') this.#standing(resource.pid).naming++
    return cap
  }

  #standing(pid: Pid): Standing {
    let standing = this.#standings.get(pid)
    if (!standing) {
      standing = { head: undefined, count: 0, naming: 0 }
      this.#standings.set(pid, standing)
    }
    return standing
  }

  #own(cap: Capability): void {
    const standing = this.#standing(cap.owner)
    cap.nextOwned = standing.head
    if (standing.head) standing.head.prevOwned = cap
    standing.head = cap
    standing.count++
  }

  /** Out of the table and its owner's list; the tree is the caller's business. */
  #drop(cap: Capability): void {
    this.#byRef.delete(cap.ref)
    const standing = this.#standing(cap.owner)
    if (cap.prevOwned) cap.prevOwned.nextOwned = cap.nextOwned
    else standing.head = cap.nextOwned
    if (cap.nextOwned) cap.nextOwned.prevOwned = cap.prevOwned
    if (--standing.count === 0 && standing.naming === 0) this.#standings.delete(cap.owner)
    cap.nextOwned = undefined
    cap.prevOwned = undefined
  }

  #tell(cap: Capability, why: 'revoked' | 'deleted'): void {
    this.#events.died(cap, why)
    if (cap.resource.kind !== 'process') return
    const pid = cap.resource.pid
    const standing = this.#standing(pid)
    if (--standing.naming > 0) return
    if (standing.count === 0) this.#standings.delete(pid)
    this.#events.processUnnamed(pid)
  }

  /** Takes a subtree out of the tree above it. */
  #detach(cap: Capability): void {
    const parent = cap.parent
    if (!parent) return
    unlink(cap, parent)
    parent.childCount--
    cap.parent = undefined
    if (parent.isSkeleton) this.#compact(parent)
  }

  /** Drops skeletons that no longer join anything, so that there are never more of them than live leaves. */
  #compact(from: Capability): void {
    let at: Capability | undefined = from
    while (at?.isSkeleton && at.childCount <= 1) {
      const parent: Capability | undefined = at.parent
      const only = at.firstChild
      if (parent) unlink(at, parent)
      at.parent = undefined
      at.firstChild = undefined
      if (only) {
        only.prevSibling = undefined
        only.nextSibling = undefined
        only.parent = parent
        if (parent) attach(only, parent)
        return
      }
      if (parent) parent.childCount--
      at = parent
    }
  }
}
