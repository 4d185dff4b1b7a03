import { type KeyboardEvent, memo, useEffect, useId, useMemo, useRef } from 'react'
import { plural } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { cutMiddle } from '../../format/visible-text.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import { type AuthorityGraph, describeEdge, type GraphEdge, refusedCount } from './graph.model.ts'

const nodeWidth = 250

/** Who may do what as lines from holders to devices. One tab stop: arrows go from line to line, the list behind is read out. */
export function GraphView(props: {
  graph: AuthorityGraph
  active: string | null
  pulsing: ReadonlySet<number>
  nowMs: number
  onPick: (key: string) => void
}) {
  const { graph, active } = props
  const place = useRef<HTMLDivElement>(null)
  const width = Math.max(560, useWidthOf(place))
  const id = useId()
  useEffect(() => {
    place.current?.querySelector<HTMLElement>('.graph-list')?.focus({ preventScroll: true })
  }, [])
  const at = graph.edges.findIndex((one) => one.key === active)
  const move = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: graph.edges.length - 1,
    }
    const to = steps[event.key]
    if (to === undefined) return
    event.preventDefault()
    const edge = graph.edges[Math.max(0, Math.min(graph.edges.length - 1, to))]
    if (edge) props.onPick(edge.key)
  }
  return (
    <div className="graph" ref={place}>
      <div
        className="graph-list"
        role="listbox"
        tabIndex={0}
        aria-label="Who may do what"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        onKeyDown={move}
      >
        {graph.edges.map((edge, index) => (
          <div
            key={edge.key}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={edge.key === active}
            className="unseen"
          >
            {describeEdge(edge)}
          </div>
        ))}
        <Drawing {...props} width={width} />
      </div>
    </div>
  )
}

const Drawing = memo(function Drawing(props: {
  graph: AuthorityGraph
  active: string | null
  pulsing: ReadonlySet<number>
  nowMs: number
  width: number
  onPick: (key: string) => void
}) {
  const { graph, active, width } = props
  const edges = useMemo(
    () => [...graph.edges].sort((a, b) => Number(a.key === active) - Number(b.key === active)),
    [graph, active],
  )
  const lit = graph.edges.find((one) => one.key === active)
  return (
    <svg width={width} height={graph.height} aria-hidden="true" className="graph-svg">
      <text x={16} y={16} className="graph-head">
        {graph.isBySession ? 'Sessions' : 'Processes'}
      </text>
      <text x={width - nodeWidth} y={16} className="graph-head">
        Devices and other rights
      </text>
      {edges.map((edge) => (
        <Edge
          key={edge.key}
          edge={edge}
          width={width}
          isActive={edge.key === active}
          isAside={lit !== undefined && lit.from.key !== edge.from.key && lit.to.key !== edge.to.key}
          isPulsing={edge.caps.some((one) => props.pulsing.has(one.id))}
          nowMs={props.nowMs}
          onPick={props.onPick}
        />
      ))}
      {graph.holders.map((one) => (
        <Label
          key={one.key}
          x={one.isPart ? 28 : 16}
          y={one.y}
          title={one.title}
          note={one.note}
          isLit={lit?.from.key === one.key}
        />
      ))}
      {graph.targets.map((one) => (
        <Label
          key={one.key}
          x={width - nodeWidth}
          y={one.y}
          title={one.title}
          note={one.kind === 'device' ? '' : one.kind === 'refused' ? 'nobody holds it' : one.kind}
          isLit={lit?.to.key === one.key}
        />
      ))}
    </svg>
  )
})

function Label(props: { x: number; y: number; title: string; note: string; isLit: boolean }) {
  const { title, note } = props
  const most = note === '' ? 38 : Math.max(12, 37 - note.length)
  const shown = cutMiddle(title, most)
  return (
    <text x={props.x} y={props.y + 4} className={`graph-node${props.isLit ? ' lit' : ''}`}>
      <title>{`${title} ${note}`}</title>
      {shown}
      {note !== '' && (
        <tspan dx={6} className="graph-note">
          {note.slice(0, 26)}
        </tspan>
      )}
    </text>
  )
}

function Edge(props: {
  edge: GraphEdge
  width: number
  isActive: boolean
  isAside: boolean
  isPulsing: boolean
  nowMs: number
  onPick: (key: string) => void
}) {
  const { edge, width, isActive, nowMs } = props
  const [x1, x2] = [16 + nodeWidth, width - nodeWidth - 12]
  const [y1, y2] = [edge.from.y, edge.to.y]
  const middle = (x1 + x2) / 2
  const path = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`
  const refused = refusedCount(edge)
  const tone = edge.caps.length === 0 ? ' refused' : edge.uses === 0 ? ' unused' : ''
  const mark = isActive ? ' active' : props.isAside ? ' aside' : ''
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list around it offers every line by key
    <g className={`edge${tone}${mark}`} onClick={() => props.onPick(edge.key)}>
      <title>{describeEdge(edge)}</title>
      <path className="edge-hit" d={path} />
      <path className="edge-line" d={path} />
      {props.isPulsing && <path key={edge.uses} className="edge-pulse" d={path} />}
      {edge.caps.length > 0 && <circle className="edge-end" cx={x2} cy={y2} r={2.5} />}
      {refused > 0 && <Refused x={x2} y={y2} count={refused} isOnly={edge.caps.length === 0} />}
      {isActive && edge.caps.length > 0 && (
        <text className="edge-label" x={middle} y={(y1 + y2) / 2 - 6}>
          {labelOf(edge, nowMs)}
        </text>
      )}
    </g>
  )
}

/** A buffer where the line stops, with how often it ran into it. */
function Refused(props: { x: number; y: number; count: number; isOnly: boolean }) {
  const x = props.x - (props.isOnly ? 0 : 12)
  return (
    <>
      <rect className="edge-buffer" x={x - 3} y={props.y - 5} width={3} height={10} />
      <text className="edge-count" x={x - 8} y={props.y + 4}>
        {props.count}
      </text>
    </>
  )
}

function labelOf(edge: GraphEdge, nowMs: number): string {
  const rights = [...new Set(edge.caps.flatMap((one) => one.rights))].join(' ')
  const left = edge.expiresAtMs === null ? '' : ` · ${formatAge(edge.expiresAtMs - nowMs)} left`
  return `${rights} · ${plural(edge.uses, 'use')}${left}`
}
