import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { formatCount, plural } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import type { LampShape, LampTone } from '../../ui/Lamp.tsx'
import { holderOf, type Named, type Names, namesAmong, reasonOf, targetOf, whoOf } from './names.model.ts'

/** One row of the table: a capability with its place in the tree of derivation, or what was refused. */
export type AuthorityRow =
  | {
      readonly kind: 'held'
      readonly key: string
      readonly cap: CapabilityRow
      /** What people call that which it is on. */
      readonly name: string
      readonly depth: number
      readonly below: number
      readonly isFolded: boolean
      /** Here only because something derived from it matches the filter. */
      readonly isPath: boolean
      /** Taken away or ended since the order was made, which is held while a hand is on the list. */
      readonly isGone?: boolean
    }
  | { readonly kind: 'refused'; readonly key: string; readonly name: string; readonly refusal: RefusalRow }

export interface AuthorityFilter {
  readonly text: string
  readonly sessionId: string | null
  readonly folded: ReadonlySet<number>
}

export const keyOfCap = (id: number) => `c${id}`
export const keyOfRefusal = (one: RefusalRow) => `r${one.pid} ${one.device}`

function matches(filter: AuthorityFilter, one: Named, text: string): boolean {
  if (filter.sessionId !== null && one.sessionId !== filter.sessionId) return false
  const words = filter.text.toLowerCase().split(/\s+/)
  const hay = `${text} ${one.processName} ${one.sessionTitle ?? ''} ${one.pid}`.toLowerCase()
  return words.every((word) => hay.includes(word))
}

/** Capabilities as the tree in which they derive from each other; what a filter finds keeps its origins above it. */
export function arrangeHeld(
  caps: readonly CapabilityRow[],
  filter: AuthorityFilter,
  names: Names = namesAmong(caps),
): readonly AuthorityRow[] {
  const byId = new Map(caps.map((cap) => [cap.id, cap]))
  const children = childrenOf(caps, byId)
  const isFiltered = filter.text.trim() !== '' || filter.sessionId !== null
  const found = new Set(
    caps.filter((cap) => isFiltered && matches(filter, cap, textOf(cap, names))).map(({ id }) => id),
  )
  const shown = isFiltered ? withOrigins(found, byId) : null
  const rows: AuthorityRow[] = []
  const open: { cap: CapabilityRow; depth: number }[] = []
  const push = (list: readonly CapabilityRow[], depth: number) => {
    for (const cap of [...list].sort(byTarget).reverse()) open.push({ cap, depth })
  }
  push(children.get(null) ?? [], 0)
  for (let at = open.pop(); at; at = open.pop()) {
    const { cap, depth } = at
    if (shown && !shown.has(cap.id)) continue
    const below = children.get(cap.id) ?? []
    // What is found is shown, also below what was folded.
    const isFolded = below.length > 0 && filter.text.trim() === '' && filter.folded.has(cap.id)
    rows.push({
      kind: 'held',
      key: keyOfCap(cap.id),
      cap,
      name: names.short(cap),
      depth,
      below: below.length,
      isFolded,
      isPath: isFiltered && !found.has(cap.id),
    })
    if (!isFolded) push(below, depth + 1)
  }
  return rows
}

/** What was refused, the latest first. */
export function arrangeRefused(
  refusals: readonly RefusalRow[],
  filter: AuthorityFilter,
  names: Names,
): readonly AuthorityRow[] {
  return refusals
    .map((refusal) => ({ refusal, name: names.short(targetOf(refusal)) }))
    .filter(({ refusal, name }) =>
      matches(filter, refusal, `${refusal.device} ${name} ${refusal.what} ${reasonOf(refusal)}`),
    )
    .sort((a, b) => b.refusal.lastAtMs - a.refusal.lastAtMs)
    .map(({ refusal, name }) => ({ kind: 'refused', key: keyOfRefusal(refusal), name, refusal }))
}

/** What a capability is found by: the exact name of its device as well as what it is called. */
function textOf(cap: CapabilityRow, names: Names): string {
  return `${cap.kind} ${cap.target} ${names.short(cap)} ${names.full(cap)} ${cap.rights.join(' ')}`
}

/** The rows of an order that is held, with what is known of them now: what is gone keeps its place. */
export function refreshed(
  rows: readonly AuthorityRow[],
  now: { readonly capabilities: readonly CapabilityRow[]; readonly refusals: readonly RefusalRow[] },
): readonly AuthorityRow[] {
  const byId = new Map(now.capabilities.map((cap) => [cap.id, cap]))
  const byKey = new Map(now.refusals.map((one) => [keyOfRefusal(one), one]))
  return rows.map((row) => {
    if (row.kind === 'refused') return { ...row, refusal: byKey.get(row.key) ?? row.refusal }
    const cap = byId.get(row.cap.id)
    return cap ? { ...row, cap, isGone: false } : { ...row, isGone: true }
  })
}

function childrenOf(
  caps: readonly CapabilityRow[],
  byId: ReadonlyMap<number, CapabilityRow>,
): ReadonlyMap<number | null, readonly CapabilityRow[]> {
  const children = new Map<number | null, CapabilityRow[]>()
  for (const cap of caps) {
    const parent =
      cap.parentId !== null && cap.parentId !== cap.id && byId.has(cap.parentId) ? cap.parentId : null
    const list = children.get(parent)
    if (list) list.push(cap)
    else children.set(parent, [cap])
  }
  return children
}

function withOrigins(
  found: ReadonlySet<number>,
  byId: ReadonlyMap<number, CapabilityRow>,
): ReadonlySet<number> {
  const shown = new Set<number>()
  for (const id of found)
    for (
      let at = byId.get(id);
      at && !shown.has(at.id);
      at = at.parentId === null ? undefined : byId.get(at.parentId)
    )
      shown.add(at.id)
  return shown
}

function byTarget(a: CapabilityRow, b: CapabilityRow): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1
  if (a.target !== b.target) return a.target < b.target ? -1 : 1
  return a.id - b.id
}

/** From where a capability comes, the nearest origin first. */
export function originsOf(cap: CapabilityRow, all: readonly CapabilityRow[]): readonly CapabilityRow[] {
  const byId = new Map(all.map((one) => [one.id, one]))
  const origins: CapabilityRow[] = []
  const seen = new Set([cap.id])
  let at = cap.parentId === null ? undefined : byId.get(cap.parentId)
  while (at && !seen.has(at.id)) {
    seen.add(at.id)
    origins.push(at)
    at = at.parentId === null ? undefined : byId.get(at.parentId)
  }
  return origins
}

/** All that derives from a capability, at any depth, without itself. */
export function derivedFrom(id: number, all: readonly CapabilityRow[]): readonly CapabilityRow[] {
  const children = new Map<number, CapabilityRow[]>()
  for (const cap of all) {
    if (cap.parentId === null) continue
    const list = children.get(cap.parentId)
    if (list) list.push(cap)
    else children.set(cap.parentId, [cap])
  }
  const found = new Map<number, CapabilityRow>()
  const open = [...(children.get(id) ?? [])]
  for (let at = open.pop(); at; at = open.pop()) {
    if (found.has(at.id) || at.id === id) continue
    found.set(at.id, at)
    open.push(...(children.get(at.id) ?? []))
  }
  return [...found.values()]
}

/** What stops working when a capability ends, as sentences. `isWhole` is false when not all capabilities are known here. */
export function consequencesOf(
  cap: CapabilityRow,
  all: readonly CapabilityRow[],
  isWhole: boolean,
): readonly string[] {
  const derived = derivedFrom(cap.id, all)
  const target = visibleLine(namesAmong(all).short(cap))
  const handles = derived.filter((one) => one.kind === 'handle')
  const copies = derived.filter((one) => one.kind !== 'handle' && one.pid !== cap.pid)
  const others = new Set(copies.map((one) => one.pid)).size
  const own = derived.length - handles.length - copies.length
  const name = whoOf(cap)
  const least = isWhole ? '' : 'At least '
  return [
    cap.kind === 'handle'
      ? `The open handle of ${name} on ${target} closes; it can be opened again while that is allowed.`
      : `${name} can no longer use ${target}.`,
    cap.target.startsWith('runtime:') && cap.sessionId !== null
      ? 'Its agent runs through it: the session ends, and what it changed stays for review.'
      : '',
    handles.length > 0
      ? `${least}${plural(handles.length, 'open handle')} ${handles.length === 1 ? 'closes' : 'close'}; calls under way come back first.`
      : '',
    copies.length > 0
      ? `${least}${plural(copies.length, 'copy', 'copies')} passed on to ${plural(others, 'other process', 'other processes')} ${copies.length === 1 ? 'ends' : 'end'} too.`
      : '',
    own > 0
      ? `${plural(own, 'capability', 'capabilities')} that it derived for itself ${own === 1 ? 'ends' : 'end'} too.`
      : '',
    derived.length === 0 ? 'Nothing derives from it.' : '',
  ].filter((text) => text !== '')
}

/** A use within this time counts as going on. */
const freshMs = 4000
/** An end this near is marked. */
const soonMs = 60_000

/** Lamp and word of a capability. */
export function stateOf(
  cap: CapabilityRow,
  nowMs: number,
  isGone = false,
): { tone: LampTone; shape: LampShape; word: string } {
  if (isGone) return { tone: 'idle', shape: 'ring', word: 'gone' }
  if (cap.expiresAtMs !== null && cap.expiresAtMs <= nowMs)
    return { tone: 'idle', shape: 'ring', word: 'expired' }
  if (cap.expiresAtMs !== null && cap.expiresAtMs - nowMs < soonMs)
    return { tone: 'caution', shape: 'triangle', word: `${formatAge(cap.expiresAtMs - nowMs)} left` }
  if (cap.lastUsedAtMs !== null && nowMs - cap.lastUsedAtMs < freshMs)
    return { tone: 'clear', shape: 'disc', word: 'in use' }
  return { tone: 'idle', shape: 'ring', word: cap.kind === 'handle' ? 'open' : 'held' }
}

/** Until when it holds, as a cell. */
export function expiryText(cap: CapabilityRow, nowMs: number): string {
  if (cap.expiresAtMs === null) return ''
  return cap.expiresAtMs <= nowMs ? 'expired' : `in ${formatAge(cap.expiresAtMs - nowMs)}`
}

/** Whether it names several things at once, so that it can be narrowed to some of them. */
export function isWide(cap: CapabilityRow): boolean {
  return cap.kind === 'device' && cap.target.includes('*')
}

/** What a person typed, one name per line or between commas; a host alone is a name of what leads to hosts. */
export function namesIn(text: string, target: string): string[] {
  const [prefix = ''] = /^[a-z]+:/.exec(target) ?? []
  const names = text.split(/[\n,]/).map((one) => one.trim())
  return [
    ...new Set(
      names.filter((one) => one !== '').map((one) => (one.startsWith(prefix) ? one : `${prefix}${one}`)),
    ),
  ]
}

/** A name that a wide capability covers, to show how one looks. */
export function exampleOf(target: string): string {
  return target === 'net:*' ? 'net:api.example.com:443' : target.replace('*', 'api')
}

/** A row as a sentence, for screen readers. */
export function describeRow(row: AuthorityRow, nowMs: number): string {
  if (row.kind === 'refused') {
    const { count, what } = row.refusal
    const attempt = what === '' ? '' : `${visibleLine(what)} on `
    return `Refused ${plural(count, 'time')}: ${attempt}${visibleLine(row.name)}, ${visibleLine(holderOf(row.refusal))}. ${visibleLine(reasonOf(row.refusal))}`
  }
  const { cap } = row
  return [
    `${cap.kind} ${visibleLine(row.name)}`,
    `held by ${visibleLine(holderOf(cap))}, process ${cap.pid}`,
    cap.rights.join(' '),
    plural(cap.uses, 'use'),
    stateOf(cap, nowMs, row.isGone).word,
    row.below > 0 ? `${formatCount(row.below)} derived from it` : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

/** Sessions that hold or were refused something, by title, for the filter. */
export function sessionsIn(
  caps: readonly CapabilityRow[],
  refusals: readonly RefusalRow[],
): readonly (readonly [string, string])[] {
  const found = new Map<string, string>()
  for (const { sessionId, sessionTitle } of [...caps, ...refusals])
    if (sessionId !== null) found.set(sessionId, visibleLine(sessionTitle ?? sessionId))
  return [...found].sort((a, b) => (a[1] < b[1] ? -1 : 1))
}
