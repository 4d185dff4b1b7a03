import type { CapabilityRow } from '@contract/process.ts'
import { createOwnNames } from '../../client/target-name.ts'
import { plural } from '../../format/amounts.ts'

/** All that a process holds on one thing: the capability for a device, and what is open through it. */
export interface HeldThing {
  readonly key: string
  /** What it is, where it is no device. */
  readonly kind: string
  readonly name: string
  /** What it may do with it besides opening it. */
  readonly rights: readonly string[]
  readonly hint: string
}

/** What a process holds, one line per thing instead of one per capability. */
export function heldThings(caps: readonly CapabilityRow[]): readonly HeldThing[] {
  const nameOf = createOwnNames(caps.map((one) => one.target))
  const groups = new Map<string, CapabilityRow[]>()
  for (const cap of caps) {
    const key = `${kindOf(cap)} ${cap.target}`
    groups.set(key, [...(groups.get(key) ?? []), cap])
  }
  return [...groups].map(([key, group]) => {
    const [first] = group as [CapabilityRow, ...CapabilityRow[]]
    const rights = [...new Set(group.flatMap((one) => one.rights))]
    const uses = group.reduce((sum, one) => sum + (one.kind === 'handle' ? 0 : one.uses), 0)
    return {
      key,
      kind: kindOf(first) === 'device' ? '' : first.kind,
      name: nameOf(first.target),
      rights: rights.filter((right) => right !== 'open'),
      hint: `${kindOf(first)} ${first.target}: ${rights.join(', ')}; ${plural(uses, 'use')}`,
    }
  })
}

/** A handle is a device in use. */
function kindOf({ kind }: CapabilityRow): string {
  return kind === 'handle' ? 'device' : kind
}
