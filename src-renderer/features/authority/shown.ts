import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { formatClock } from '../../format/duration.ts'
import {
  type AuthorityFilter,
  type AuthorityRow,
  arrangeHeld,
  arrangeRefused,
  keyOfCap,
} from './authority.model.ts'
import { type AuthorityGraph, layOutGraph } from './graph.model.ts'
import { namesAmong } from './names.model.ts'

/** What the daemon answered last. */
export interface AuthorityData {
  readonly capabilities: readonly CapabilityRow[]
  readonly refusals: readonly RefusalRow[]
  readonly total: number
  readonly atMs: number
}

/** What is drawn: the rows of the table, and the graph where that is looked at. */
export interface Shown {
  readonly rows: readonly AuthorityRow[]
  readonly graph: AuthorityGraph | null
}

/** What is picked: one capability, or all that one holder has on one target, with what was refused there. */
export interface Picked {
  readonly cap: CapabilityRow | null
  readonly beside: readonly CapabilityRow[]
  readonly refusals: readonly RefusalRow[]
}

/** What a filter leaves of the answer. */
export function showFor(data: AuthorityData | undefined, filter: AuthorityFilter, isGraph: boolean): Shown {
  if (!data) return { rows: [], graph: null }
  const names = namesAmong(data.capabilities)
  const rows = [
    ...arrangeHeld(data.capabilities, filter, names),
    ...arrangeRefused(data.refusals, filter, names),
  ]
  if (!isGraph) return { rows, graph: null }
  const unfolded = arrangeHeld(data.capabilities, { ...filter, folded: new Set() }, names)
  const held = unfolded.flatMap((row) =>
    row.kind === 'held' && !row.isPath && !isOfFleet(row.cap) ? [row.cap] : [],
  )
  const refused = rows.flatMap((row) => (row.kind === 'refused' ? [row.refusal] : []))
  return { rows, graph: layOutGraph(held, refused, names) }
}

/** What the fleet itself holds is what everything derives from: a line from it to every device would hide the rest. */
function isOfFleet(cap: CapabilityRow): boolean {
  return cap.sessionId === null && cap.parentId === null
}

/** What the active key stands for: a row of the table, a line of the graph, or a capability gone to from another. */
export function pickedOf(shown: Shown, caps: readonly CapabilityRow[], active: string | null): Picked | null {
  const edge = shown.graph?.edges.find((one) => one.key === active)
  if (edge) return { cap: edge.caps[0] ?? null, beside: edge.caps, refusals: edge.refusals }
  const refused = shown.rows.find((one) => one.key === active)
  if (refused?.kind === 'refused') return { cap: null, beside: [], refusals: [refused.refusal] }
  const cap = caps.find((one) => keyOfCap(one.id) === active)
  if (!cap) return null
  const line = shown.graph?.edges.find((one) => one.caps.includes(cap))
  return { cap, beside: line?.caps ?? [], refusals: line?.refusals ?? [] }
}

/** What is not listed although it is there, in words; empty when everything is. */
export function notListedOf(data: AuthorityData | undefined): string {
  if (!data || data.total <= data.capabilities.length) return ''
  return `The first ${formatCount(data.capabilities.length)} of ${formatCount(data.total)} are listed. Pick a session or filter to find the others.`
}

/** What came and went since an order was made that is held now; empty when nothing did. */
export function changesBetween(before: AuthorityData | undefined, now: AuthorityData | undefined): string {
  if (!before || !now || before === now) return ''
  const ids = (data: AuthorityData) => new Set(data.capabilities.map(({ id }) => id))
  const [old, all] = [ids(before), ids(now)]
  const added = [...all].filter((id) => !old.has(id)).length
  const gone = [...old].filter((id) => !all.has(id)).length
  if (added + gone === 0) return ''
  const parts = [added > 0 ? `${formatCount(added)} new` : '', gone > 0 ? `${formatCount(gone)} gone` : '']
  return ['order held', ...parts.filter((part) => part !== '')].join(' · ')
}

/** How much is held and was refused, or as of when it was so. */
export function summaryOf(data: AuthorityData | undefined, isOffline: boolean): string {
  if (!data) return ''
  const refused = data.refusals.reduce((sum, one) => sum + one.count, 0)
  return [
    plural(data.total, 'capability', 'capabilities'),
    refused > 0 ? `${formatCount(refused)} refused` : '',
    isOffline ? `as of ${formatClock(data.atMs, true)}` : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}
