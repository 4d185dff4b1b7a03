import { memo } from 'react'
import { plural } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { describeEdge, type GraphEdge, refusedCount } from './graph.model.ts'

/** How a line is drawn beside the others: picked, of the same holder, as it is by itself, or held back. */
export type EdgeMark = 'active' | 'near' | 'plain' | 'aside'

interface LineProps {
  readonly edge: GraphEdge
  readonly x1: number
  readonly x2: number
  readonly mark: EdgeMark
}

/** One line of the graph: the more it is used, the stronger. */
export function EdgeLine(props: LineProps & { onPick?: (key: string) => void }) {
  const { edge, x2, mark, onPick } = props
  const d = pathOf(edge, props.x1, x2)
  const { y } = edge.to
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list around it offers every line by key
    <g className={`edge${toneOf(edge)} ${mark}`} onClick={onPick && (() => onPick(edge.key))}>
      {onPick && (
        <>
          <title>{describeEdge(edge)}</title>
          <path className="edge-hit" d={d} />
        </>
      )}
      <path
        className="edge-line"
        d={d}
        style={mark === 'active' ? {} : { strokeWidth: widthOf(edge.uses) }}
      />
      {edge.caps.length > 0 && <circle className="edge-end" cx={x2} cy={y} r={edge.uses === 0 ? 2 : 2.5} />}
      {refusedCount(edge) > 0 && <Buffer x={x2 - (edge.caps.length === 0 ? 0 : 12)} y={y} />}
    </g>
  )
}

/** A line that is drawn again only when it would look otherwise: all of them stand below what is looked at. */
export const StillLine = memo(
  EdgeLine,
  (before, now) =>
    before.x1 === now.x1 &&
    before.x2 === now.x2 &&
    before.onPick === now.onPick &&
    before.edge.key === now.edge.key &&
    before.edge.from.y === now.edge.from.y &&
    before.edge.to.y === now.edge.to.y &&
    before.edge.uses === now.edge.uses &&
    before.edge.caps.length === now.edge.caps.length &&
    refusedCount(before.edge) === refusedCount(now.edge),
)

/** A use, shown once. */
export function EdgePulse(props: { edge: GraphEdge; x1: number; x2: number }) {
  return <path className="edge-pulse" d={pathOf(props.edge, props.x1, props.x2)} />
}

function toneOf(edge: GraphEdge): string {
  return edge.caps.length === 0 ? ' refused' : edge.uses === 0 ? ' unused' : ''
}

/** What the picked line says, drawn above all others. */
export function EdgeLabel(props: { edge: GraphEdge; x1: number; x2: number; nowMs: number }) {
  const { edge, x1, x2, nowMs } = props
  const rights = [...new Set(edge.caps.flatMap((one) => one.rights))].join(' ')
  const left = edge.expiresAtMs === null ? '' : ` · ${formatAge(edge.expiresAtMs - nowMs)} left`
  return (
    <text className="edge-label" x={(x1 + x2) / 2} y={(edge.from.y + edge.to.y) / 2 - 6}>
      {`${rights} · ${plural(edge.uses, 'use')}${left}`}
    </text>
  )
}

function pathOf(edge: GraphEdge, x1: number, x2: number): string {
  const [y1, y2] = [edge.from.y, edge.to.y]
  const middle = (x1 + x2) / 2
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`
}

/** Ten times the uses are two fifths of a pixel more. */
function widthOf(uses: number): number {
  return uses === 0 ? 1 : Math.min(2, 1 + Math.log10(uses) * 0.4)
}

/** A buffer where a line stops. */
function Buffer(props: { x: number; y: number }) {
  return <rect className="edge-buffer" x={props.x - 3} y={props.y - 5} width={3} height={10} />
}

/** How often something was tried in vain by all together, said once at what it was tried on. */
export function RefusedCounts(props: { edges: readonly GraphEdge[]; x2: number }) {
  const counts = new Map<number, number>()
  for (const edge of props.edges) {
    const count = refusedCount(edge)
    if (count > 0) counts.set(edge.to.y, (counts.get(edge.to.y) ?? 0) + count)
  }
  return [...counts].map(([y, count]) => (
    <text key={y} className="edge-count" x={props.x2 - 16} y={y + 4}>
      {count}
    </text>
  ))
}
