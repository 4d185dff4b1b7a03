import { type KeyboardEvent, memo, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react'
import { cutMiddle } from '../../format/visible-text.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import { EdgeLabel, EdgeLine, type EdgeMark, EdgePulse, RefusedCounts, StillLine } from './EdgeLine.tsx'
import { type AuthorityGraph, describeEdge, edgeAfter, type GraphEdge } from './graph.model.ts'

interface GraphProps {
  readonly graph: AuthorityGraph
  readonly active: string | null
  readonly pulsing: ReadonlySet<number>
  readonly nowMs: number
  readonly onPick: (key: string) => void
}

/** Who may do what as lines from holders to devices. One tab stop: arrows go from line to line, the list behind is read out. */
export function GraphView(props: GraphProps) {
  const { graph, active } = props
  const place = useRef<HTMLDivElement>(null)
  const width = useWidthOf(place)
  const id = useId()
  useEffect(() => {
    place.current?.querySelector<HTMLElement>('.graph-list')?.focus({ preventScroll: true })
  }, [])
  const at = graph.edges.findIndex((one) => one.key === active)
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows what is picked, not what moves
  useEffect(() => {
    for (const end of place.current?.querySelectorAll('.graph-node.lit') ?? [])
      end.scrollIntoView({ block: 'nearest' })
  }, [active])
  const move = (event: KeyboardEvent) => {
    const edge = edgeAfter(graph.edges, at, event.key)
    if (!edge) return
    event.preventDefault()
    props.onPick(edge.key)
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
        <Options edges={graph.edges} active={active} id={id} />
        {width > 0 && <Drawing {...props} width={Math.max(440, width)} />}
      </div>
    </div>
  )
}

/** What is read out: every line as a sentence. */
const Options = memo(function Options(props: {
  edges: readonly GraphEdge[]
  active: string | null
  id: string
}) {
  const { edges } = props
  const texts = useMemo(() => edges.map(describeEdge), [edges])
  return edges.map((edge, index) => (
    <Option
      key={edge.key}
      id={`${props.id}-${index}`}
      text={texts[index] ?? ''}
      isActive={edge.key === props.active}
    />
  ))
})

const Option = memo(function Option(props: { id: string; text: string; isActive: boolean }) {
  return (
    <div id={props.id} role="option" tabIndex={-1} aria-selected={props.isActive} className="unseen">
      {props.text}
    </div>
  )
})

/** Mean width of a character of the labels, in CSS pixels. */
const characterWidth = 6.2

/** Where the lines begin and end: labels get what they need, at most about a third of the width each. */
function columnsOf(graph: AuthorityGraph, width: number) {
  const most = Math.max(110, Math.min(320, width * 0.34))
  const longest = (nodes: readonly { title: string; note: string }[]) =>
    Math.max(14, ...nodes.map(({ title, note }) => title.length + (note === '' ? 0 : note.length + 1)))
  const widthOf = (nodes: readonly { title: string; note: string }[]) =>
    Math.round(Math.min(most, longest(nodes) * characterWidth + 8))
  return { x1: 16 + widthOf(graph.holders) + 10, x2: width - 16 - widthOf(graph.targets) - 10, most }
}

type Side = 'from' | 'to'

interface Hovered {
  readonly side: Side
  readonly key: string
}

/** All lines lie still below; what is looked at is drawn again above them, so that a key moves little. */
const Drawing = memo(function Drawing(props: GraphProps & { width: number }) {
  const { graph, active, width, onPick } = props
  const [hovered, setHovered] = useState<Hovered | null>(null)
  const { x1, x2, most } = useMemo(() => columnsOf(graph, width), [graph, width])
  const latest = useRef(onPick)
  latest.current = onPick
  const pick = useCallback((key: string) => latest.current(key), [])
  const lit = graph.edges.find((one) => one.key === active)
  const endOf = (side: Side) => ({
    characters: Math.floor(most / characterWidth),
    litKey: lit?.[side].key,
    onHover: (key: string | null) => setHovered(key === null ? null : { side, key }),
    onPick: (key: string) => {
      const edge = graph.edges.find((one) => one[side].key === key)
      if (edge) onPick(edge.key)
    },
  })
  const size = { width, height: graph.height }
  return (
    <div className="graph-drawing" style={size}>
      <svg {...size} aria-hidden="true" className="graph-svg still">
        {graph.edges.map((edge) => (
          <StillLine key={edge.key} edge={edge} x1={x1} x2={x2} mark="aside" onPick={pick} />
        ))}
      </svg>
      <svg {...size} aria-hidden="true" className="graph-svg over">
        <text x={x1 - 10} y={18} className="graph-head holder">
          {graph.isBySession ? 'Sessions' : 'Processes'}
        </text>
        <text x={x2 + 12} y={18} className="graph-head">
          May use
        </text>
        {lookedAt(graph.edges, lit, hovered).map(([mark, edge]) => (
          <EdgeLine key={edge.key} edge={edge} x1={x1} x2={x2} mark={mark} />
        ))}
        {graph.edges
          .filter((edge) => edge.caps.some((one) => props.pulsing.has(one.id)))
          .map((edge) => (
            <EdgePulse key={`${edge.key} ${edge.uses}`} edge={edge} x1={x1} x2={x2} />
          ))}
        <RefusedCounts edges={graph.edges} x2={x2} />
        {lit && lit.caps.length > 0 && <EdgeLabel edge={lit} x1={x1} x2={x2} nowMs={props.nowMs} />}
        <Ends nodes={graph.holders} x={x1 - 10} {...endOf('from')} isHolder />
        <Ends nodes={graph.targets} x={x2 + 12} {...endOf('to')} />
      </svg>
    </div>
  )
})

/** The lines that stand out, the strongest last: of what the pointer is on, or else of what is picked. */
function lookedAt(
  edges: readonly GraphEdge[],
  lit: GraphEdge | undefined,
  hovered: Hovered | null,
): readonly (readonly [EdgeMark, GraphEdge])[] {
  const marked = edges.flatMap((edge): (readonly [EdgeMark, GraphEdge])[] => {
    if (edge === lit) return [['active', edge]]
    if (hovered) return edge[hovered.side].key === hovered.key ? [['near', edge]] : []
    if (edge.from.key === lit?.from.key) return [['near', edge]]
    return edge.to.key === lit?.to.key ? [['plain', edge]] : []
  })
  const order: readonly EdgeMark[] = ['plain', 'near', 'active']
  return marked.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
}

interface Node {
  readonly key: string
  readonly title: string
  readonly note: string
  readonly y: number
  readonly isPart?: boolean
  readonly devices?: readonly string[]
}

/** The labels of one side. Those of holders end where their lines begin. */
function Ends(props: {
  nodes: readonly Node[]
  x: number
  characters: number
  litKey: string | undefined
  isHolder?: boolean
  onHover: (key: string | null) => void
  onPick: (key: string) => void
}) {
  return props.nodes.map(({ key, title, note, y, isPart, devices }) => {
    const room = props.characters - (note === '' ? 0 : note.length + 1)
    const name = `graph-node${props.isHolder ? ' holder' : ''}${isPart ? ' part' : ''}`
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: the list around it offers every line by key
      <text
        key={key}
        x={props.x}
        y={y + 4}
        className={`${name}${props.litKey === key ? ' lit' : ''}`}
        onPointerEnter={() => props.onHover(key)}
        onPointerLeave={() => props.onHover(null)}
        onClick={() => props.onPick(key)}
      >
        <title>{[`${title} ${note}`.trim(), ...(devices ?? []).slice(0, 12)].join('\n')}</title>
        {cutMiddle(title, Math.max(8, room))}
        {note !== '' && (
          <tspan dx={6} className="graph-note">
            {note.slice(0, 26)}
          </tspan>
        )}
      </text>
    )
  })
}
