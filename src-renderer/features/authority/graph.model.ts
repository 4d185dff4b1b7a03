import type { CapabilityRow, RefusalRow } from '@contract/process.ts'
import { plural } from '../../format/amounts.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { holderOf } from './authority.model.ts'

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
  readonly kind: CapabilityRow['kind'] | 'refused'
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
  readonly edges: readonly GraphEdge[]
  readonly height: number
  /** Holders that do not fit; zero when all are drawn. */
  readonly hidden: number
  readonly isBySession: boolean
}

const rowHeight = 30
const top = 34
/** More processes than this are drawn as their sessions. */
const mostProcesses = 40
/** More holders than this are not drawn: nobody could read them. */
const mostHolders = 80

interface Pair {
  readonly holder: string
  readonly target: string
  readonly caps: CapabilityRow[]
  readonly refusals: RefusalRow[]
}

type Item = CapabilityRow | RefusalRow

const isCap = (item: Item): item is CapabilityRow => 'target' in item

/** Places holders and targets so that lines cross little: each target at the mean height of those that hold it. */
export function layOutGraph(caps: readonly CapabilityRow[], refusals: readonly RefusalRow[]): AuthorityGraph {
  const items: readonly Item[] = [...caps, ...refusals]
  const isBySession = new Set(items.map((one) => one.pid)).size > mostProcesses
  const keyOf = (one: Item) => (isBySession && one.sessionId !== null ? `s${one.sessionId}` : `p${one.pid}`)
  const firsts = new Map<string, Item>()
  for (const item of items) if (!firsts.has(keyOf(item))) firsts.set(keyOf(item), item)
  const order = [...firsts].sort(([, a], [, b]) => compareHolders(a, b))
  const shown = new Set(order.slice(0, mostHolders).map(([key]) => key))
  const drawn = items.filter((one) => shown.has(keyOf(one)))
  const pairs = pairsOf(drawn, keyOf, (one) => targetKey(one, isBySession))
  const holders = order
    .filter(([key]) => shown.has(key))
    .map(([key, item], index) => holderNode(key, item, order[index - 1]?.[1], top + index * rowHeight))
  const byHolder = new Map(holders.map((one) => [one.key, one]))
  const targets = placeTargets(pairs, byHolder)
  const byTarget = new Map(targets.map((one) => [one.key, one]))
  return {
    holders,
    targets,
    edges: pairs.flatMap((pair) => edgeOf(pair, byHolder, byTarget)),
    height: top + Math.max(holders.length, targets.length) * rowHeight,
    hidden: order.length - holders.length,
    isBySession,
  }
}

function compareHolders(a: Item, b: Item): number {
  const title = (one: Item) => (one.sessionId === null ? '' : holderOf(one))
  if (title(a) !== title(b)) return title(a) < title(b) ? -1 : 1
  return a.pid - b.pid
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

/** A handle is a device in use, so both end at the same target. */
function targetKey(item: Item, isBySession: boolean): string {
  if (!isCap(item)) return `device ${item.device}`
  if (isBySession && item.kind === 'process') return 'process other processes'
  return `${item.kind === 'handle' ? 'device' : item.kind} ${item.target}`
}

function pairsOf(
  items: readonly Item[],
  keyOf: (one: Item) => string,
  targetOf: (one: Item) => string,
): readonly Pair[] {
  const pairs = new Map<string, Pair>()
  for (const item of items) {
    const [holder, target] = [keyOf(item), targetOf(item)]
    const key = `${holder} ${target}`
    const pair = pairs.get(key) ?? { holder, target, caps: [], refusals: [] }
    if (isCap(item)) pair.caps.push(item)
    else pair.refusals.push(item)
    pairs.set(key, pair)
  }
  return [...pairs.values()]
}

function placeTargets(
  pairs: readonly Pair[],
  holders: ReadonlyMap<string, HolderNode>,
): readonly TargetNode[] {
  const heights = new Map<string, { sum: number; count: number; first: Pair }>()
  for (const pair of pairs) {
    const y = holders.get(pair.holder)?.y ?? 0
    const known = heights.get(pair.target) ?? { sum: 0, count: 0, first: pair }
    heights.set(pair.target, { sum: known.sum + y, count: known.count + 1, first: known.first })
  }
  return [...heights]
    .sort(([a, one], [b, two]) => one.sum / one.count - two.sum / two.count || (a < b ? -1 : 1))
    .map(([key, { first }], index) => {
      const cap = first.caps[0]
      const isOnlyRefused = pairs.every((pair) => pair.target !== key || pair.caps.length === 0)
      const kind = isOnlyRefused ? 'refused' : cap?.kind === 'handle' ? 'device' : (cap?.kind ?? 'device')
      return { key, title: visibleLine(key.slice(key.indexOf(' ') + 1)), kind, y: top + index * rowHeight }
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
