import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { plural } from '../../format/amounts.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { holderOf, type Names, targetOf } from './names.model.ts'

/** A holder at the left: one process, or all of a session where there are too many. */
export interface HolderNode {
  readonly key: string
  readonly title: string
  readonly note: string
  /** Stands under another process of the same session. */
  readonly isPart: boolean
  readonly y: number
}

/** A device, or whatever else a right can be on, at the right. */
export interface TargetNode {
  readonly key: string
  readonly title: string
  /** What it is besides a device, or that it was only ever refused. */
  readonly note: string
  /** The exact names that it stands for, where they are not its title. */
  readonly devices: readonly string[]
  readonly y: number
}

/** All that one holder has on one target, as one line. */
export interface GraphEdge {
  readonly key: string
  readonly from: HolderNode
  readonly to: TargetNode
  readonly caps: readonly CapabilityRow[]
  readonly refusals: readonly RefusalRow[]
  readonly uses: number
  readonly lastUsedAtMs: number | null
  readonly expiresAtMs: number | null
}

export interface AuthorityGraph {
  readonly holders: readonly HolderNode[]
  readonly targets: readonly TargetNode[]
  /** As they stand: by holder from above, then by target. */
  readonly edges: readonly GraphEdge[]
  readonly height: number
  /** Holders and targets that do not fit; zero when all are drawn. */
  readonly hidden: { readonly holders: number; readonly targets: number }
  readonly isBySession: boolean
}

const rowHeight = 28
const top = 40
/** Between kinds of targets. */
const kindGap = 10
/** Few holders beside many targets are spread, but no further than this many rows each. */
const mostSpread = 1.6
/** More processes than this are drawn as their sessions. */
const mostProcesses = 40
/** More than this on one side are not drawn: nobody could read them. */
const mostNodes = 80

interface Pair {
  readonly holder: string
  readonly target: string
  readonly caps: CapabilityRow[]
  readonly refusals: RefusalRow[]
}

type Item = CapabilityRow | RefusalRow

const isCap = (item: Item): item is CapabilityRow => 'target' in item

/**
 * Places holders and targets. Both stand in an order of their names, so that nothing moves when something is used or a
 * session comes; targets stand together by kind. The workareas that sessions hold for themselves are one target, so that
 * one which belongs to another session stands out.
 */
export function layOutGraph(
  caps: readonly CapabilityRow[],
  refusals: readonly RefusalRow[],
  names: Names,
): AuthorityGraph {
  const items: readonly Item[] = [...caps, ...refusals]
  const isBySession = new Set(items.map((one) => one.pid)).size > mostProcesses
  const keyOf = (one: Item) => (isBySession && one.sessionId !== null ? `s${one.sessionId}` : `p${one.pid}`)
  const firsts = chosenHolders(items, keyOf)
  const pairs = pairsOf(
    items.filter((one) => firsts.shown.has(keyOf(one))),
    keyOf,
    (one) => targetKey(one, isBySession, names),
  )
  const found = targetsOf(pairs, names)
  const targets = placeTargets(found.slice(0, mostNodes))
  const bottom = Math.max(top, ...targets.map((one) => one.y)) + rowHeight
  const holders = placeHolders(firsts.shown, bottom - top)
  const byHolder = new Map(holders.map((one) => [one.key, one]))
  const byTarget = new Map(targets.map((one) => [one.key, one]))
  return {
    holders,
    targets,
    edges: pairs
      .flatMap((pair) => edgeOf(pair, byHolder, byTarget))
      .sort((a, b) => a.from.y - b.from.y || a.to.y - b.to.y),
    height: Math.max(bottom, ...holders.map((one) => one.y + rowHeight)),
    hidden: { holders: firsts.hidden, targets: found.length - targets.length },
    isBySession,
  }
}

/** Every holder with what stands for it; where there are too many, those to whom something was refused come first. */
function chosenHolders(items: readonly Item[], keyOf: (one: Item) => string) {
  const firsts = new Map<string, Item>()
  const refused = new Set<string>()
  for (const item of items) {
    const key = keyOf(item)
    if (!firsts.has(key)) firsts.set(key, item)
    if (!isCap(item)) refused.add(key)
  }
  const all = [...firsts].sort(([, a], [, b]) => compareHolders(a, b))
  const wanted = [
    ...all.filter(([key]) => refused.has(key)),
    ...all.filter(([key]) => !refused.has(key)),
  ].slice(0, mostNodes)
  const keys = new Set(wanted.map(([key]) => key))
  return { shown: new Map(all.filter(([key]) => keys.has(key))), hidden: all.length - keys.size }
}

function compareHolders(a: Item, b: Item): number {
  const title = (one: Item) => (one.sessionId === null ? '' : holderOf(one))
  if (title(a) !== title(b)) return title(a) < title(b) ? -1 : 1
  return a.pid - b.pid
}

function placeHolders(shown: ReadonlyMap<string, Item>, room: number): readonly HolderNode[] {
  const step = Math.max(rowHeight, Math.min(rowHeight * mostSpread, room / Math.max(1, shown.size)))
  let before: Item | undefined
  return [...shown].map(([key, item], index) => {
    const node = holderNode(key, item, before, top + Math.round(index * step))
    before = item
    return node
  })
}

function holderNode(key: string, item: Item, before: Item | undefined, y: number): HolderNode {
  const isPart = item.sessionId !== null && before?.sessionId === item.sessionId
  if (isPart) return { key, title: nameOf(item), note: String(item.pid), isPart, y }
  const title = visibleLine(holderOf(item))
  const note = key.startsWith('s')
    ? ''
    : item.sessionId === null
      ? String(item.pid)
      : `${nameOf(item) === 'session' ? '' : `${nameOf(item)} `}${item.pid}`
  return { key, title, note, isPart, y }
}

const nameOf = (one: Item) => visibleLine(shortProcessName(one.processName, one.sessionId))

const ownWorkarea = 'device its own workarea'
const otherProcesses = 'process other processes'

/** A handle is a device in use, so both end at the same target. */
function targetKey(item: Item, isBySession: boolean, names: Names): string {
  if (!isCap(item)) return `device ${item.device}`
  if (isBySession && item.kind === 'process') return otherProcesses
  if (names.isOwnWorkarea(item)) return ownWorkarea
  return `${item.kind === 'handle' ? 'device' : item.kind} ${item.target}`
}

function pairsOf(
  items: readonly Item[],
  keyOf: (one: Item) => string,
  targetOfItem: (one: Item) => string,
): readonly Pair[] {
  const pairs = new Map<string, Pair>()
  for (const item of items) {
    const [holder, target] = [keyOf(item), targetOfItem(item)]
    const key = `${holder} ${target}`
    const pair = pairs.get(key) ?? { holder, target, caps: [], refusals: [] }
    if (isCap(item)) pair.caps.push(item)
    else pair.refusals.push(item)
    pairs.set(key, pair)
  }
  return [...pairs.values()]
}

/** The kinds in the order in which they stand: who runs it, what it may ask, what it may do, where. */
const prefixes = ['runtime', 'agent', 'gateway', 'model', 'tool', 'net', 'workarea']

interface FoundTarget extends Omit<TargetNode, 'y'> {
  readonly rank: number
  readonly isRefused: boolean
  readonly holders: number
}

/** Every target once, those first that have to be seen: what was refused, then what most hold. */
function targetsOf(pairs: readonly Pair[], names: Names): readonly FoundTarget[] {
  const groups = new Map<string, Pair[]>()
  for (const pair of pairs) {
    const group = groups.get(pair.target)
    if (group) group.push(pair)
    else groups.set(pair.target, [pair])
  }
  return [...groups]
    .map(([key, group]) => targetNode(key, group, names))
    .sort(
      (a, b) =>
        Number(b.isRefused) - Number(a.isRefused) || b.holders - a.holders || (a.key < b.key ? -1 : 1),
    )
}

function targetNode(key: string, group: readonly Pair[], names: Names): FoundTarget {
  const cap = group.flatMap((pair) => pair.caps)[0]
  const refusal = group.flatMap((pair) => pair.refusals)[0]
  const plain = key.slice(key.indexOf(' ') + 1)
  const isShared = key === ownWorkarea || key === otherProcesses
  const full = isShared ? plain : cap ? names.full(cap) : refusal ? names.full(targetOf(refusal)) : plain
  const title = visibleLine(full)
  const devices = [...new Set(group.flatMap((pair) => pair.caps.map((one) => visibleLine(one.target))))]
  const isDevice = key.startsWith('device ')
  const prefix = prefixes.indexOf(isShared ? 'workarea' : (plain.split(':')[0] ?? ''))
  return {
    key,
    title,
    note: cap ? (isDevice ? '' : cap.kind) : 'refused',
    devices: devices.length === 1 && devices[0] === title ? [] : devices,
    rank: isDevice ? (prefix < 0 ? prefixes.length : prefix) : prefixes.length + 1,
    isRefused: refusal !== undefined,
    holders: group.length,
  }
}

function placeTargets(found: readonly FoundTarget[]): readonly TargetNode[] {
  const ordered = [...found].sort((a, b) => a.rank - b.rank || (a.title < b.title ? -1 : 1))
  let y = top - rowHeight
  let rank = ordered[0]?.rank
  return ordered.map((one) => {
    y += rowHeight + (one.rank === rank ? 0 : kindGap)
    rank = one.rank
    const { key, title, note, devices } = one
    return { key, title, note, devices, y }
  })
}

function edgeOf(
  pair: Pair,
  holders: ReadonlyMap<string, HolderNode>,
  targets: ReadonlyMap<string, TargetNode>,
): readonly GraphEdge[] {
  const from = holders.get(pair.holder)
  const to = targets.get(pair.target)
  if (!from || !to) return []
  const times = pair.caps.map((one) => one.lastUsedAtMs).filter((one) => one !== null)
  const ends = pair.caps.map((one) => one.expiresAtMs).filter((one) => one !== null)
  return [
    {
      key: `${pair.holder} ${pair.target}`,
      from,
      to,
      caps: pair.caps,
      refusals: pair.refusals,
      uses: pair.caps.reduce((sum, one) => sum + one.uses, 0),
      lastUsedAtMs: times.length === 0 ? null : Math.max(...times),
      expiresAtMs: ends.length === 0 ? null : Math.min(...ends),
    },
  ]
}

/** How often the attempts of a line were refused. */
export function refusedCount(edge: GraphEdge): number {
  return edge.refusals.reduce((sum, one) => sum + one.count, 0)
}

/** The line that a key goes to: from line to line, or by page from holder to holder; undefined for any other key. */
export function edgeAfter(edges: readonly GraphEdge[], at: number, key: string): GraphEdge | undefined {
  const last = edges.length - 1
  if (key === 'ArrowDown') return edges[Math.min(last, at + 1)]
  if (key === 'ArrowUp') return edges[Math.max(0, at - 1)]
  if (key === 'Home') return edges[0]
  if (key === 'End') return edges[last]
  const holderAt = (index: number) => edges[index]?.from.key
  if (key === 'PageDown') {
    const next = edges.findIndex((one, index) => index > at && one.from.key !== holderAt(at))
    return edges[next < 0 ? last : next]
  }
  if (key !== 'PageUp') return undefined
  const firstOf = (holder: string | undefined) => edges.find((one) => one.from.key === holder)
  const first = firstOf(holderAt(at))
  return first && first !== edges[at] ? first : (firstOf(holderAt(at - 1)) ?? edges[0])
}

/** A line as a sentence, for screen readers. */
export function describeEdge(edge: GraphEdge): string {
  const rights = [...new Set(edge.caps.flatMap((one) => one.rights))].join(' ')
  const refused = refusedCount(edge)
  const may =
    edge.caps.length > 0
      ? `may ${rights || 'nothing with'} ${edge.to.title}, ${plural(edge.uses, 'use')}`
      : `has no right on ${edge.to.title}`
  return `${edge.from.title} ${edge.from.note} ${may}${refused > 0 ? `, refused ${plural(refused, 'time')}` : ''}`
}

/** What the drawing leaves out, in words; empty when it is all there. */
export function leftOutOf(graph: AuthorityGraph): string {
  const { holders, targets } = graph.hidden
  const parts = [
    holders > 0
      ? plural(
          holders,
          graph.isBySession ? 'session' : 'process',
          graph.isBySession ? 'sessions' : 'processes',
        )
      : '',
    targets > 0 ? `${plural(targets, 'thing')} that they may use` : '',
  ].filter((part) => part !== '')
  if (parts.length === 0) return ''
  return `Not drawn: ${parts.join(' and ')}. Pick a session, filter, or look at the table.`
}
