import type { SessionDetail, SessionRow } from '@contract/session.ts'
import { ShieldAlert, ShieldCheck } from 'lucide-react'
import { lampOf } from '../../client/lamp.ts'
import { isLive, trackOf } from '../../client/session-state.ts'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { sessionAddress } from '../../format/address.ts'
import { formatTokens, formatUsd, formatUsdLimit, shareOf } from '../../format/amounts.ts'
import { Bar, totalTokens } from '../../ui/Budget.tsx'
import { ChoiceChip } from '../../ui/Chip.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { BigTrack } from '../../ui/Track.tsx'
import { Acts } from './Acts.tsx'

/** Who works on what, where it stands, what it cost so far, and what can be done. */
export function Header(props: { detail: SessionDetail; nowMs: number }) {
  const { row } = props.detail
  const lamp = lampOf(row)
  return (
    <header className="session-head">
      <div className="session-head-main">
        <nav className="small muted" aria-label="Where this is">
          <a href="#/fleet" className="muted">
            Fleet
          </a>{' '}
          / <Foreign text={row.projectName} max={80} />
          {row.continues && (
            <>
              {' '}
              / <a href={`#/session/${row.continues}`}>continues</a>
            </>
          )}
          {props.detail.replays && <ReplayOf sessionId={props.detail.replays} />}
        </nav>
        <div className="line">
          <h1 className="session-title cut">
            <Foreign text={row.title} max={240} />
          </h1>
          <span className={`chip ${lamp.tone}`}>
            <Lamp tone={lamp.tone} shape={lamp.shape} size={10} blinks={lamp.tone === 'caution'} />
            {lamp.word === 'asks' ? 'asks you' : lamp.word}
          </span>
        </div>
        <Facts row={row} isReplay={props.detail.replays !== null} />
      </div>
      <div className="session-head-side">
        <Acts detail={props.detail} />
        <BigTrack {...trackOf(row, props.nowMs)} />
      </div>
    </header>
  )
}

/** The session whose recording is played. */
function ReplayOf(props: { sessionId: string }) {
  const played = useRead('session', 'get', { sessionId: props.sessionId })
  return (
    <>
      {' '}
      / Replay of{' '}
      <a href={sessionAddress(props.sessionId)}>
        <Foreign text={played.data?.row.title ?? props.sessionId} max={120} />
      </a>
    </>
  )
}

const payments: Readonly<Record<SessionRow['payment'], string>> = {
  signalbox: ' through Signalbox',
  'own-login': ', its own login pays',
  none: '',
}

function Facts(props: { row: SessionRow; isReplay: boolean }) {
  const { row } = props
  const tokens = totalTokens(row.usage)
  const { costUsdNanos, source } = row.usage
  return (
    <div className="line small muted session-facts">
      <span>
        {row.agent}
        {props.isReplay ? ', replayed: nobody pays' : payments[row.payment]}
      </span>
      {row.model && <Foreign text={row.model} max={40} />}
      {row.branch && <Foreign className="mono" text={row.branch} max={60} />}
      {row.runtime !== 'scripted' && (
        <>
          <span>
            {costUsdNanos === null ? 'cost unknown' : formatUsd(costUsdNanos)}
            {row.budget.usdNanos !== null &&
              costUsdNanos !== null &&
              ` of ${formatUsdLimit(row.budget.usdNanos)}`}
            {source === 'reported' && ' reported'}
          </span>
          <Bar
            share={shareOf(costUsdNanos, row.budget.usdNanos)}
            label="Share of the money budget"
            width={56}
          />
          <span>{tokens === null ? 'tokens unknown' : `${formatTokens(tokens)} tokens`}</span>
        </>
      )}
      <Wall row={row} />
      {isLive(row) && <Priority row={row} />}
    </div>
  )
}

const priorities = [
  ['1', '1, most urgent'],
  ['2', '2'],
  ['3', '3, usual'],
  ['4', '4'],
  ['5', '5, when nothing else waits'],
] as const

/** Its place in the queue and its share of the kernel, while it lives. */
function Priority(props: { row: SessionRow }) {
  const reprioritise = useCommand('session', 'reprioritise')
  const { id, priority } = props.row
  const value = priorities.find(([level]) => level === String(priority))?.[0] ?? '3'
  return (
    <ChoiceChip
      label="Priority"
      value={value}
      choices={priorities}
      onChange={(level) => void reprioritise.run({ sessionId: id, priority: Number(level) })}
    />
  )
}

function Wall(props: { row: SessionRow }) {
  const wall = props.row.confinement
  if (!wall) return null
  const isWhole = wall.files && wall.network
  const missing = [wall.files ? '' : 'files', wall.network ? '' : 'network'].filter(Boolean).join(', ')
  return (
    <span className={`line session-wall ${isWhole ? '' : 'caution-text'}`} title={wall.reason}>
      {isWhole ? (
        <ShieldCheck size={13} strokeWidth={1.5} aria-hidden="true" />
      ) : (
        <ShieldAlert size={13} strokeWidth={1.5} aria-hidden="true" />
      )}
      {isWhole ? 'confined: files, network' : `not confined: ${missing}`}
    </span>
  )
}
