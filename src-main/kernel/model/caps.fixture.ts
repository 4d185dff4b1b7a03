import type { Right } from '../abi.ts'

/** Capabilities as a bare list of records; whether one lives is found by walking up from it each time. */

export type PlainResource =
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'device'; readonly name: string; readonly handle?: PlainHandle }

export interface PlainHandle {
  readonly opener: number
  readonly number: number
  isClosed: boolean
}

export interface PlainCap {
  readonly ref: string
  readonly owner: number
  readonly resource: PlainResource
  readonly rights: ReadonlySet<Right>
  /** Every expiry of its own and its ancestors'. */
  readonly ends: readonly number[]
  readonly parent: PlainCap | undefined
  isRevoked: boolean
  isGone: boolean
  /** On the capability that opened a handle. */
  readonly opened?: PlainHandle
}

export class PlainCaps {
  readonly all: PlainCap[] = []
  #serial = 0

  fresh(): string {
    return `cap${++this.#serial}`
  }

  add(cap: Omit<PlainCap, 'ref' | 'isRevoked' | 'isGone'>): PlainCap {
    const made = { ...cap, ref: this.fresh(), isRevoked: false, isGone: false }
    this.all.push(made)
    return made
  }

  /** Same resource, narrower or equal; a handle stays its opener's. */
  child(parent: PlainCap, owner: number, rights = parent.rights, ends = parent.ends): PlainCap {
    return this.add({ owner, resource: parent.resource, rights, ends, parent })
  }

  isLive(cap: PlainCap): boolean {
    if (cap.isGone) return false
    for (let at: PlainCap | undefined = cap; at; at = at.parent) if (at.isRevoked) return false
    return true
  }

  live(): PlainCap[] {
    return this.all.filter((cap) => this.isLive(cap))
  }

  owned(owner: number, ref: unknown): PlainCap | undefined {
    return this.live().find((cap) => cap.ref === ref && cap.owner === owner)
  }

  isExpired(cap: PlainCap, now: number): boolean {
    return cap.ends.some((end) => now > end)
  }

  /** Marks the top alone; everything below counts as dead from then on. Returns who died by it. */
  revoke(cap: PlainCap): PlainCap[] {
    const before = this.live()
    cap.isRevoked = true
    return before.filter((one) => !this.isLive(one))
  }
}
