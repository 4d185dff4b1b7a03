import type { Capability } from './capability.ts'

/** The links of the derivation tree; what they mean is the capability table's business. */

/** Hangs a capability below another, as its newest child. */
export function attach(cap: Capability, parent: Capability): void {
  cap.parent = parent
  cap.prevSibling = undefined
  cap.nextSibling = parent.firstChild
  if (parent.firstChild) parent.firstChild.prevSibling = cap
  parent.firstChild = cap
}

/** Takes a capability out of the children of another. */
export function unlink(cap: Capability, parent: Capability): void {
  if (cap.prevSibling) cap.prevSibling.nextSibling = cap.nextSibling
  else parent.firstChild = cap.nextSibling
  if (cap.nextSibling) cap.nextSibling.prevSibling = cap.prevSibling
  cap.prevSibling = undefined
  cap.nextSibling = undefined
}

/** Depth only grows stale upwards (ancestors leave); counted anew before anything is refused for it. */
export function refreshDepth(cap: Capability): void {
  let depth = 0
  for (let at = cap.parent; at; at = at.parent) depth++
  cap.depth = depth
}
