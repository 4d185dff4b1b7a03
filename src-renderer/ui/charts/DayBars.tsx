import { useRef } from 'react'
import { Bar, BarChart, CartesianGrid, LabelList, ReferenceLine, Tooltip, XAxis, YAxis } from 'recharts'
import { useWidthOf } from '../use-width.ts'
import './charts.css'

/** One day: what is drawn, how it is written, and whether part of it is not known. */
export interface DayBar {
  readonly day: string
  readonly label: string
  readonly value: number
  readonly text: string
  readonly note: string
  readonly isPartial: boolean
}

const height = 220

/** Bars by day from a zero line, with a limit as a line when it lies on the scale. */
export default function DayBars(props: {
  label: string
  bars: readonly DayBar[]
  /** Height of the scale when nothing was spent. */
  least: number
  limit: { readonly value: number; readonly text: string } | null
  tick: (value: number) => string
}) {
  const ref = useRef<HTMLDivElement>(null)
  const width = useWidthOf(ref)
  const { bars, limit } = props
  const top = Math.max(0, ...bars.map((one) => one.value), limit?.value ?? 0)
  return (
    <div className="chart" ref={ref} role="img" aria-label={props.label} style={{ height }}>
      {width > 0 && (
        <BarChart
          width={width}
          height={height}
          data={[...bars]}
          margin={{ top: 18, right: 8, bottom: 0, left: 0 }}
          barCategoryGap={bars.length > 40 ? 1 : '18%'}
          accessibilityLayer={false}
        >
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="label"
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            interval="equidistantPreserveStart"
            minTickGap={24}
          />
          <YAxis
            width={56}
            tickLine={false}
            axisLine={false}
            tickCount={4}
            domain={[0, top === 0 ? props.least : 'auto']}
            tickFormatter={props.tick}
          />
          <Tooltip cursor={{ fill: 'var(--hover)' }} isAnimationActive={false} content={Told} />
          <Bar dataKey="value" fill="var(--chart-1)" isAnimationActive={false} maxBarSize={28}>
            <LabelList dataKey={partialMark} position="top" className="chart-partial" />
          </Bar>
          {limit && (
            <ReferenceLine
              y={limit.value}
              stroke="var(--caution)"
              strokeWidth={1.5}
              strokeDasharray="5 3"
              ifOverflow="extendDomain"
              label={{ value: limit.text, position: 'insideTopRight', className: 'chart-limit' }}
            />
          )}
        </BarChart>
      )}
    </div>
  )
}

/** A day that holds unknown amounts is marked, since its bar is too low. */
function partialMark(bar: DayBar): string {
  return bar.isPartial ? '?' : ''
}

function Told(props: { active?: boolean; payload?: readonly { readonly payload?: DayBar }[] }) {
  const bar = props.payload?.[0]?.payload
  if (!props.active || !bar) return null
  return (
    <div className="tooltip">
      {bar.day}: <b>{bar.text}</b>
      <br />
      {bar.note}
    </div>
  )
}
