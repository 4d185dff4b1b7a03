import { memo, useMemo, useRef } from 'react'
import { formatCount, plural } from '../../format/amounts.ts'
import { meaningOf } from '../../format/track.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { useWidthOf } from '../../ui/use-width.ts'
import {
  type DiagramBlock,
  describeDiagram,
  layOutDiagram,
  type Mark,
  type PlacedMark,
  tickPlace,
  ticks,
} from './diagram.model.ts'

/** All sessions on one track: what bunches up is seen at once. A press selects the session under the pointer. */
export const FleetDiagram = memo(function FleetDiagram(props: {
  marks: readonly Mark[]
  active: string | null
  nowMs: number
  onPick: (id: string) => void
}) {
  const { blocks, placed } = useMemo(
    () => layOutDiagram(props.marks, props.nowMs),
    [props.marks, props.nowMs],
  )
  const place = useRef<HTMLDivElement>(null)
  const width = useWidthOf(place)
  const run = blocks.find((one) => one.phase === 'run')
  return (
    <div className="diagram" ref={place}>
      <div className="diagram-names" aria-hidden="true">
        {blocks.map((block) => (
          <BlockName key={block.phase} block={block} />
        ))}
      </div>
      {width > 0 && (
        <Marks blocks={blocks} placed={placed} width={width} active={props.active} onPick={props.onPick} />
      )}
      <div className="diagram-ticks" aria-hidden="true">
        {run &&
          ticks.map(([ageMs, text]) => (
            <span key={text} style={{ left: `${tickPlace(run, ageMs) * 100}%` }}>
              {text}
            </span>
          ))}
      </div>
    </div>
  )
})

function BlockName(props: { block: DiagramBlock }) {
  const { phase, start, count } = props.block
  const tone = phase === 'ask' && count > 0 ? 'caution-text strong' : count > 0 ? 'muted' : 'faint'
  return (
    <span style={{ left: `${start * 100}%` }} title={`${plural(count, 'session')} ${meaningOf(phase)}`}>
      <span className={tone}>{phase}</span> {count > 0 && <span className="faint">{formatCount(count)}</span>}
    </span>
  )
}

const tones = ['idle', 'clear', 'accent', 'caution', 'danger'] as const
const floor = 25

function Marks(props: {
  blocks: readonly DiagramBlock[]
  placed: readonly PlacedMark[]
  width: number
  active: string | null
  onPick: (id: string) => void
}) {
  const { blocks, placed, width } = props
  const paths = useMemo(() => pathsOf(placed, width), [placed, width])
  const active = placed.find((one) => one.id === props.active)
  const pick = (clientX: number, left: number) => {
    const x = (clientX - left) / width
    const near = placed.reduce<PlacedMark | null>(
      (best, one) => (best && Math.abs(best.x - x) <= Math.abs(one.x - x) ? best : one),
      null,
    )
    if (near && Math.abs(near.x - x) * width < 8) props.onPick(near.id)
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid below offers every session by key
    <svg
      width={width}
      height={floor + 2}
      role="img"
      aria-label={describeDiagram(blocks)}
      onClick={(event) => pick(event.clientX, event.currentTarget.getBoundingClientRect().left)}
    >
      {blocks.map((block) => (
        <path
          key={block.phase}
          className="floor"
          d={`M${block.start * width} ${floor}h${block.width * width - 3}`}
        />
      ))}
      {tones.map((tone) => (
        <path key={tone} className={`mark ${tone}`} d={paths[tone]} />
      ))}
      {active && (
        <rect className="mark-active" x={active.x * width - 3} y={0} width={10} height={floor - 1} rx={2}>
          <title>{visibleLine(active.title)}</title>
        </rect>
      )}
    </svg>
  )
}

function pathsOf(placed: readonly PlacedMark[], width: number): Record<(typeof tones)[number], string> {
  const paths = { idle: '', clear: '', accent: '', caution: '', danger: '' }
  for (const mark of placed) {
    const tone = tones.find((one) => one === mark.tone) ?? 'idle'
    const x = (mark.x * width).toFixed(1)
    if (mark.isSmall) paths[tone] += `M${x} 13h4v10h-4z`
    else if (tone === 'danger')
      paths.danger += `M${x} 14h4v9h-4zM${(mark.x * width + 6).toFixed(1)} 9h1.6v14h-1.6z`
    else paths[tone] += `M${x} 3h4v20h-4z`
  }
  return paths
}
