import type { Costs } from '@contract/fleet.ts'
import { lazy, type MouseEvent, Suspense, useState } from 'react'
import { useRead } from '../../client/use-read.ts'
import { formatUsd, formatUsdLimit, plural } from '../../format/amounts.ts'
import { useNotices } from '../../stores/notices.ts'
import { Button } from '../../ui/Button.tsx'
import { Chip } from '../../ui/Chip.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { Loadable, Skeleton } from '../../ui/Loadable.tsx'
import { costText, csvOf, leadOf, type Span, sharesOf, shortDay, spans, unknownText } from './cost.model.ts'
import { Shares } from './Shares.tsx'
import './cost.css'

const DayBars = lazy(() => import('../../ui/charts/DayBars.tsx'))

/** What was spent, day by day, by whom and on what. */
export function CostScreen() {
  useScreenScope('cost')
  const [span, setSpan] = useState<Span>(30)
  // Sessions that work cost more by the minute, which no fact tells.
  const costs = useRead('fleet', 'costs', { days: span }, { everyMs: 15_000, keepsPrevious: true })
  return (
    <div className="page">
      <div className="page-inner">
        <div className="line">
          <h1 className="page-title grow">Cost</h1>
          {spans.map((days) => (
            <Chip key={days} isOn={days === span} onPress={() => setSpan(days)}>
              {days} days
            </Chip>
          ))}
        </div>
        <Loadable of={costs} rows={10}>
          {(data) => <Body costs={data} />}
        </Loadable>
      </div>
    </div>
  )
}

function Body(props: { costs: Costs }) {
  const { costs } = props
  const [isTable, setTable] = useState(false)
  const toggle = () => setTable(!isTable)
  const copy = () => copyText(csvOf(costs))
  const flip = (event: MouseEvent) => event.altKey && toggle()
  useKeyActions({ 'cost.table': toggle, 'cost.copy': copy })
  return (
    <>
      <p className="page-lead" role="status">
        {leadOf(costs)}
      </p>
      <div className="line cost-acts">
        <h2 className="section-title grow">By day, UTC</h2>
        <Button kind="quiet" onPress={toggle} action="cost.table">
          {isTable ? 'Show the chart' : 'Show the table'}
        </Button>
        <Button kind="quiet" onPress={copy} action="cost.copy">
          Copy as CSV
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the button above and T do the same */}
      <div className="cost-days" onClick={flip}>
        {isTable ? <DayTable costs={costs} /> : <DayChart costs={costs} />}
      </div>
      <div className="cost-shares">
        <Shares
          title="By project"
          lines={sharesOf(costs.byProject.map((one) => ({ ...one, key: one.projectId })))}
        />
        <Shares
          title="By agent"
          lines={sharesOf(costs.byAgent.map((one) => ({ ...one, key: one.agent, name: one.agent })))}
        />
      </div>
    </>
  )
}

function DayChart(props: { costs: Costs }) {
  const { days, dailyBudgetUsdNanos: budget } = props.costs
  const most = Math.max(0, ...days.map((one) => one.usdNanos))
  // A limit far above all bars would press them flat; it is said in words then.
  const isOnScale = budget !== null && budget <= Math.max(most * 4, 1)
  const bars = days.map((one) => ({
    day: shortDay(one.day),
    label: shortDay(one.day),
    value: one.usdNanos,
    text: costText(one),
    note: [plural(one.sessions, 'session'), unknownText(one.unknown)].filter(Boolean).join('. '),
    isPartial: one.unknown > 0,
  }))
  const limitText = budget === null ? '' : `${formatUsdLimit(budget)} a day`
  return (
    <>
      <Suspense fallback={<Skeleton rows={7} />}>
        <DayBars
          label={`Cost per day. The dearest day was ${formatUsd(most)}.${limitText && ` The limit is ${limitText}.`}`}
          bars={bars}
          limit={isOnScale && budget !== null ? { value: budget, text: limitText } : null}
          least={1_000_000_000}
          tick={formatUsdLimit}
        />
      </Suspense>
      <p className="faint tiny">
        {budget === null && 'No daily budget is set. '}
        {budget !== null &&
          !isOnScale &&
          `The daily budget of ${formatUsdLimit(budget)} lies above the scale. `}
        {days.some((one) => one.unknown > 0) &&
          'A question mark stands where a session did not say what it cost. '}
        Sessions count on the day of their end; those at work count on today.
      </p>
    </>
  )
}

function DayTable(props: { costs: Costs }) {
  const { days, dailyBudgetUsdNanos: budget } = props.costs
  return (
    <table className="cost-table">
      <thead>
        <tr>
          <th scope="col">Day</th>
          <th scope="col">Cost</th>
          <th scope="col">Sessions</th>
          <th scope="col">Cost not known</th>
          {budget !== null && <th scope="col">Of {formatUsdLimit(budget)}</th>}
        </tr>
      </thead>
      <tbody>
        {[...days].reverse().map((one) => (
          <tr key={one.day}>
            <th scope="row">{one.day}</th>
            <td>{costText(one)}</td>
            <td>{one.sessions}</td>
            <td>{one.unknown === 0 ? '' : one.unknown}</td>
            {budget !== null && (
              <td>{budget === 0 ? '—' : `${Math.round((one.usdNanos / budget) * 100)} %`}</td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function copyText(text: string): void {
  const { say } = useNotices.getState()
  navigator.clipboard.writeText(text).then(
    () => say({ text: 'Copied as CSV.' }),
    () => say({ text: 'The clipboard refused it.', tone: 'danger' }),
  )
}
