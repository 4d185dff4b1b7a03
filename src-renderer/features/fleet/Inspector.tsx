import type { SessionDetail } from '@contract/session.ts'
import { ShieldAlert, ShieldCheck } from 'lucide-react'
import { memo } from 'react'
import { useClient } from '../../client/access.tsx'
import { possibleFor, trackOf, wallOf } from '../../client/session-state.ts'
import { createOwnNames } from '../../client/target-name.ts'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { AskCard } from '../../ui/AskCard.tsx'
import { BudgetList } from '../../ui/Budget.tsx'
import { Button } from '../../ui/Button.tsx'
import { Chip } from '../../ui/Chip.tsx'
import { Counts } from '../../ui/Counts.tsx'
import { Foreign, PathName } from '../../ui/Foreign.tsx'
import { Loadable } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { BigTrack } from '../../ui/Track.tsx'
import { useChanges, useSession } from './queries.ts'

/** The selected session in full: its track, its question, budget, authority, changes and what can be done. */
export const Inspector = memo(function Inspector(props: {
  sessionId: string
  arming: number
  nowMs: number
}) {
  const session = useSession(props.sessionId)
  return (
    <aside className="inspector" aria-label="Selected session">
      <Loadable of={session} rows={8}>
        {(detail) => <Detail detail={detail} arming={props.arming} nowMs={props.nowMs} />}
      </Loadable>
    </aside>
  )
})

function Detail(props: { detail: SessionDetail; arming: number; nowMs: number }) {
  const { detail, nowMs } = props
  const { row } = detail
  const [ask] = detail.asks
  const answer = useCommand('session', 'answer')
  const client = useClient()
  return (
    <>
      <div className="inspector-body">
        <h2 className="inspector-title">
          <Foreign text={row.title} max={200} />
        </h2>
        <p className="muted small cut">
          {row.agent} · <Foreign text={row.projectName} max={60} />{' '}
          {row.branch && (
            <span className="mono">
              · <Foreign text={row.branch} max={60} />
            </span>
          )}
        </p>
        <div className="inspector-track">
          <BigTrack {...trackOf(row, nowMs)} isNarrow />
        </div>
        {ask && (
          <AskCard
            key={ask.id}
            ask={ask}
            nowMs={nowMs}
            arming={props.arming}
            isBusy={answer.isRunning}
            blocked={client ? null : 'The daemon does not answer.'}
            onAnswer={(optionId) => void answer.run({ askId: ask.id, optionId })}
          />
        )}
        {row.endMessage && !ask && (
          <p className={`small inspector-end ${row.status === 'failed' ? 'danger-text' : 'muted'}`}>
            <Foreign text={row.endMessage} max={400} />
          </p>
        )}
        <section className="inspector-part">
          <h3 className="section-title">Budget</h3>
          <BudgetList
            limits={row.budget}
            used={row.usage}
            wallMs={wallOf(row, nowMs)}
            isMetered={row.usage.source === 'metered'}
          />
        </section>
        <Authority detail={detail} />
        {row.workareaId && <Changed sessionId={row.id} files={row.changes?.files ?? 0} />}
      </div>
      <Acts detail={detail} />
    </>
  )
}

function Authority(props: { detail: SessionDetail }) {
  const { row, capabilities } = props.detail
  const wall = row.confinement
  const held = capabilities.filter((one) => one.state === 'held')
  const nameOf = createOwnNames(held.map((one) => one.device))
  const refused = row.refusals > 0 ? ` ${plural(row.refusals, 'refusal')}.` : ''
  return (
    <section className="inspector-part">
      <h3 className="section-title">May</h3>
      <div className="line wraps inspector-chips">
        {held.slice(0, 8).map((one) => (
          <Chip key={one.device} hint={`${one.device}, used ${one.uses} times`}>
            <Foreign text={nameOf(one.device).replace(':', ' ')} max={34} />
          </Chip>
        ))}
        {held.length > 8 && <span className="faint tiny">{held.length - 8} more</span>}
        {held.length === 0 && <span className="faint small">nothing yet</span>}
      </div>
      {wall && (
        <p className="line small inspector-wall" title={wall.reason}>
          {wall.files && wall.network ? (
            <>
              <ShieldCheck size={13} strokeWidth={1.5} aria-hidden="true" />
              <span className="muted">Confined: files and network.{refused}</span>
            </>
          ) : (
            <>
              <ShieldAlert size={13} strokeWidth={1.5} aria-hidden="true" className="caution-text" />
              <span className="caution-text">
                Not confined:{' '}
                {[wall.files ? '' : 'files', wall.network ? '' : 'network'].filter(Boolean).join(', ')}.
                {refused}
              </span>
            </>
          )}
        </p>
      )}
    </section>
  )
}

function Changed(props: { sessionId: string; files: number }) {
  const changes = useChanges(props.sessionId, props.files > 0)
  if (props.files === 0) return null
  const files = changes.data?.files.slice(0, 4) ?? []
  const more = props.files - files.length
  return (
    <section className="inspector-part">
      <h3 className="section-title">Changed</h3>
      {files.map((file) => (
        <div key={file.path} className="line inspector-file">
          <span className="grow cut small">
            <PathName path={file.path} />
          </span>
          <span className="small num">
            <Counts {...file} />
          </span>
        </div>
      ))}
      {more > 0 && <p className="faint small">{more} more</p>}
      {changes.problem && <p className="faint small">{changes.problem.what}</p>}
    </section>
  )
}

function Acts(props: { detail: SessionDetail }) {
  const { row } = props.detail
  const can = possibleFor(row)
  const isOnline = useClient() !== null
  const open = useOverlay((state) => state.open)
  const land = useCommand('session', 'land')
  const pause = useCommand('session', 'pause')
  const resume = useCommand('session', 'resume')
  const go = () => navigate({ screen: 'session', sessionId: row.id, tab: 'activity' })
  const sessions = [{ id: row.id, title: row.title }]
  return (
    <div className="inspector-foot">
      {land.problem && (
        <p className="danger-text small inspector-problem" role="alert">
          {land.problem.what} <a href={`#/session/${row.id}`}>See the session</a>
        </p>
      )}
      <Button onPress={go} action="fleet.open">
        Open
      </Button>
      {row.changes && row.changes.files > 0 && (
        <Button onPress={go} action="fleet.review">
          Review changes
        </Button>
      )}
      <span className="grow" />
      {can.land && (
        <Button
          kind="primary"
          onPress={() => void land.run({ sessionId: row.id })}
          isDisabled={!isOnline || land.isRunning}
        >
          Land
        </Button>
      )}
      {can.pause && (
        <Button kind="quiet" isDisabled={!isOnline} onPress={() => void pause.run({ sessionId: row.id })}>
          Pause
        </Button>
      )}
      {can.resume && (
        <Button kind="quiet" isDisabled={!isOnline} onPress={() => void resume.run({ sessionId: row.id })}>
          Resume
        </Button>
      )}
      {can.stop && (
        <Button
          kind="danger"
          isDisabled={!isOnline}
          onPress={() => open({ kind: 'confirm', verb: 'stop', sessions })}
        >
          Stop
        </Button>
      )}
    </div>
  )
}
