import type { ProcessRow, ResourceUse } from '@contract/process.ts'
import { lazy, Suspense } from 'react'
import { type ProcessTable, processorShare, type RatePoint, rateSpanMs } from '../../client/process-feed.ts'
import { sessionAddress } from '../../format/address.ts'
import { formatBytes, formatCount, formatTokens, formatUsd, plural, shareOf } from '../../format/amounts.ts'
import { formatClock, formatDuration, formatMoment, formatStep } from '../../format/duration.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { Bar } from '../../ui/Budget.tsx'
import { Button } from '../../ui/Button.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { BudgetEditor } from './BudgetEditor.tsx'
import { HeldPart } from './HeldPart.tsx'
import {
  ageText,
  formatProcessor,
  formatSpeed,
  nameOf,
  possibleWith,
  speedOf,
  stateOf,
} from './processes.model.ts'
import type { ProcessActs } from './use-process-acts.ts'

const RateLine = lazy(() => import('../../ui/charts/RateLine.tsx'))

/** One process in full, and what can be done with it. */
export function Inspector(props: {
  row: ProcessRow
  table: ProcessTable
  isGone: boolean
  acts: ProcessActs
  isEditing: boolean
  onEdit: (isEditing: boolean) => void
  onPick: (pid: number) => void
}) {
  const { row, table, isGone } = props
  const parent = table.rows.get(row.parent) ?? null
  return (
    <aside className="inspector" aria-label="Selected process">
      <div className="inspector-body">
        <h2 className="inspector-title">
          <Foreign text={nameOf(row)} max={200} />
        </h2>
        <Origin row={row} parent={parent} onPick={props.onPick} />
        <State row={row} isGone={isGone} />
        {!isGone && <Speed row={row} rates={table.rates.get(row.pid) ?? []} atMs={table.atMs} />}
        <section className="inspector-part">
          <h3 className="section-title line">
            <span className="grow">Budget, with all below it</span>
            {!props.isEditing && possibleWith(row).budget && !isGone && (
              <Button
                kind="quiet"
                onPress={() => props.onEdit(true)}
                isDisabled={props.acts.isOffline}
                action="processes.budget"
              >
                Change
              </Button>
            )}
          </h3>
          {props.isEditing ? (
            <BudgetEditor
              key={row.pid}
              row={row}
              parent={parent}
              isOffline={props.acts.isOffline}
              onDone={() => props.onEdit(false)}
            />
          ) : (
            <Resources row={row} />
          )}
        </section>
        <Program row={row} cpu={processorShare(table, row.pid)} isGone={isGone} />
        <Figures row={row} atMs={table.atMs} acts={props.acts} isGone={isGone} />
        {!isGone && <HeldPart row={row} />}
      </div>
      {!isGone && <Acts row={row} acts={props.acts} />}
    </aside>
  )
}

function State(props: { row: ProcessRow; isGone: boolean }) {
  const { row, isGone } = props
  const { sentence, ...lamp } = stateOf(row, isGone)
  return (
    <div className="process-state">
      <LampWord {...lamp} />
      <p className="muted small">
        {sentence}
        {isGone && row.sessionId && (
          <>
            {' '}
            <a href={sessionAddress(row.sessionId, 'chain')}>What it did</a>
          </>
        )}
      </p>
    </div>
  )
}

function Origin(props: { row: ProcessRow; parent: ProcessRow | null; onPick: (pid: number) => void }) {
  const { row, parent } = props
  const own = shortProcessName(row.name, row.sessionId)
  return (
    <p className="muted small process-origin">
      Process {row.pid}
      {row.kind === 'session' && own !== 'session' && (
        <>
          {' · '}
          <Foreign text={own} max={60} />
        </>
      )}
      {parent && (
        <>
          {' · below '}
          <button type="button" className="link" onClick={() => props.onPick(parent.pid)}>
            <Foreign text={nameOf(parent)} max={50} />
          </button>
        </>
      )}
      {row.kind === 'session' && row.sessionId && (
        <>
          {' · '}
          <a href={sessionAddress(row.sessionId)}>open the session</a>
        </>
      )}
      {(row.kind === 'part' || row.kind === 'sub_agent') && row.sessionId && parent?.kind !== 'session' && (
        <>
          {' · '}
          <a href={sessionAddress(row.sessionId)}>
            <Foreign text={row.sessionTitle ?? row.sessionId} max={50} />
          </a>
        </>
      )}
    </p>
  )
}

function Speed(props: { row: ProcessRow; rates: readonly RatePoint[]; atMs: number }) {
  const { row, rates, atMs } = props
  const top = Math.max(0, ...rates.map((one) => one.rate))
  const shown = formatSpeed(speedOf(row))
  return (
    <section className="inspector-part">
      <h3 className="section-title line">
        <span className="grow">Reductions per second, last 3 min</span>
        <span className="process-now num">{shown}</span>
      </h3>
      {rates.length === 0 ? (
        <p className="faint small">Nothing measured yet.</p>
      ) : (
        <Suspense fallback={<div style={{ height: 56 }} />}>
          <RateLine
            label={`Reductions per second over the last three minutes: now ${shown}, at most ${formatSpeed(top)}.`}
            points={rates}
            fromMs={Math.max(atMs - rateSpanMs, Math.min(rates[0]?.atMs ?? atMs, atMs - 20_000))}
            toMs={atMs}
            text={(point) => `${formatClock(point.atMs, true)} · ${formatSpeed(point.rate)}`}
          />
        </Suspense>
      )}
    </section>
  )
}

type Meter = readonly [name: string, use: ResourceUse, format: (value: number) => string]

function Resources(props: { row: ProcessRow }) {
  const { use } = props.row
  const meters: readonly Meter[] = [
    ['Money', use.usdNanos, formatUsd],
    ['Tokens', use.tokens, formatTokens],
    ['Tool calls', use.toolCalls, formatCount],
    ['Wall time', use.wallMs, formatDuration],
    ['Memory', use.mem, formatTokens],
    ['Processes', use.children, formatCount],
  ]
  return (
    <table className="process-meters num small">
      <thead className="unseen">
        <tr>
          <th scope="col">Resource</th>
          <th scope="col">Share</th>
          <th scope="col">Used</th>
          <th scope="col">Limit</th>
          <th scope="col">Left</th>
        </tr>
      </thead>
      <tbody>
        {meters.map(([name, one, format]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className="process-bar">
              <Bar share={shareOf(one.spent, one.limit)} label={`${name}: share of the limit`} />
            </td>
            <td className="process-now">{format(one.spent)}</td>
            <td className="faint">{one.limit === null ? 'no limit' : format(one.limit)}</td>
            <td className="muted">
              {one.available === null ? '' : `${format(Math.max(0, one.available))} left`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The program outside that a part stands for. */
function Program(props: { row: ProcessRow; cpu: number | null; isGone: boolean }) {
  const { program } = props.row
  if (!program) return null
  return (
    <section className="inspector-part">
      <h3 className="section-title">Program, with all that it started</h3>
      <dl className="pairs">
        <dt>memory</dt>
        <dd>{props.isGone ? '—' : formatBytes(program.memoryBytes)}</dd>
        <dt>of one core</dt>
        <dd>{props.isGone ? '—' : formatProcessor(props.cpu)}</dd>
        <dt>processor time</dt>
        <dd>{formatStep(program.cpuMs)}</dd>
      </dl>
    </section>
  )
}

function Figures(props: { row: ProcessRow; atMs: number; acts: ProcessActs; isGone: boolean }) {
  const { row, atMs } = props
  const pairs: readonly (readonly [string, string | null])[] = [
    ['deadline', row.deadlineAtMs === null ? null : formatMoment(row.deadlineAtMs)],
    ['mailbox', plural(row.mailbox, 'message')],
    ['senders that wait', row.sendersParked === 0 ? null : formatCount(row.sendersParked)],
    ['in memory', `${formatTokens(row.residentTokens)} tokens`],
    ['paged out', row.swapTokens === 0 ? null : `${formatTokens(row.swapTokens)} tokens`],
    ['reductions', formatCount(row.reductions)],
    ['started', `${formatClock(row.startedAtMs, true)}, ${ageText(row, atMs)} ago`],
  ]
  return (
    <section className="inspector-part">
      <h3 className="section-title">Figures</h3>
      <dl className="pairs">
        <dt>priority</dt>
        <dd>{props.isGone ? row.priority : <Priority row={row} acts={props.acts} />}</dd>
        {pairs.flatMap(([name, value]) =>
          value === null ? [] : [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{value}</dd>],
        )}
      </dl>
    </section>
  )
}

function Acts(props: { row: ProcessRow; acts: ProcessActs }) {
  const { row, acts } = props
  const can = possibleWith(row)
  const rows = [row]
  if (!can.end)
    return (
      <div className="inspector-foot">
        <p className="faint small">
          The fleet holds every session and is not acted on. Its budget is the daily one in Settings.
        </p>
      </div>
    )
  return (
    <div className="inspector-foot">
      <Button
        onPress={() => (can.resume ? acts.resume(rows) : acts.suspend(rows))}
        isDisabled={acts.isOffline}
        action="processes.suspend"
      >
        {can.resume ? 'Resume' : 'Suspend'}
      </Button>
      <span className="grow" />
      <Button
        kind="danger"
        onPress={() => acts.end('terminate', rows)}
        isDisabled={acts.isOffline}
        action="processes.terminate"
      >
        Terminate
      </Button>
      <Button
        kind="danger"
        onPress={() => acts.end('kill', rows)}
        isDisabled={acts.isOffline}
        action="processes.kill"
      >
        Kill
      </Button>
    </div>
  )
}

function Priority(props: { row: ProcessRow; acts: ProcessActs }) {
  const { row, acts } = props
  const shown = String(row.priority).replace('-', '−')
  if (!possibleWith(row).prioritise) return shown
  const step = (by: 1 | -1, name: string, sign: string, isEnd: boolean) => (
    <Button
      kind="quiet"
      label={`${name} the priority`}
      onPress={() => acts.prioritise([row], by)}
      isDisabled={acts.isOffline || isEnd}
    >
      {sign}
    </Button>
  )
  return (
    <span className="line process-prio">
      <span className="num">{shown}</span>
      {step(-1, 'Lower', '−', row.priority <= -20)}
      {step(1, 'Raise', '+', row.priority >= 20)}
    </span>
  )
}
