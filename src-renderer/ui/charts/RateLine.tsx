import { useRef } from 'react'
import { Area, AreaChart, Tooltip, XAxis, YAxis } from 'recharts'
import { useWidthOf } from '../use-width.ts'
import './charts.css'

/** One point in time; the value holds until the next. */
export interface RatePoint {
  readonly atMs: number
  readonly rate: number
}

const height = 56

/** A rate over the last minutes as steps from a zero line; time runs right and ends now. */
export default function RateLine(props: {
  label: string
  points: readonly RatePoint[]
  fromMs: number
  toMs: number
  text: (point: RatePoint) => string
}) {
  const ref = useRef<HTMLDivElement>(null)
  const width = useWidthOf(ref)
  const { fromMs, toMs } = props
  return (
    <div className="chart" ref={ref} role="img" aria-label={props.label} style={{ height }}>
      {width > 0 && (
        <AreaChart
          width={width}
          height={height}
          data={withEnd(props.points, fromMs, toMs)}
          margin={{ top: 4, right: 0, bottom: 0, left: 0 }}
          accessibilityLayer={false}
        >
          <XAxis dataKey="atMs" type="number" domain={[fromMs, toMs]} hide allowDataOverflow />
          <YAxis hide domain={[0, 'auto']} />
          <Tooltip
            cursor={{ stroke: 'var(--line-strong)' }}
            isAnimationActive={false}
            content={({ active, payload }) => <Told isActive={active} payload={payload} text={props.text} />}
          />
          <Area
            type="stepAfter"
            dataKey="rate"
            stroke="var(--chart-1)"
            strokeWidth={1.5}
            fill="var(--chart-1)"
            fillOpacity={0.08}
            isAnimationActive={false}
          />
        </AreaChart>
      )}
    </div>
  )
}

/** The points in the span, begun with what held at its start and closed with what holds now. */
function withEnd(points: readonly RatePoint[], fromMs: number, toMs: number): RatePoint[] {
  const inside = points.filter((one) => one.atMs > fromMs && one.atMs <= toMs)
  const before = points.findLast((one) => one.atMs <= fromMs)
  const start = before ? [{ atMs: fromMs, rate: before.rate }] : []
  const last = inside.at(-1) ?? before
  return [...start, ...inside, ...(last ? [{ atMs: toMs, rate: last.rate }] : [])]
}

function Told(props: {
  isActive: boolean | undefined
  payload: readonly { readonly payload?: RatePoint }[] | undefined
  text: (point: RatePoint) => string
}) {
  const point = props.payload?.[0]?.payload
  if (!props.isActive || !point) return null
  return <div className="tooltip">{props.text(point)}</div>
}
