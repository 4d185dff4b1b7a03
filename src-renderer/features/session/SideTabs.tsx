import type { SessionDetail } from '@contract/session.ts'
import type { ReactNode } from 'react'
import { wallOf } from '../../client/session-state.ts'
import { createOwnNames } from '../../client/target-name.ts'
import { plural } from '../../format/amounts.ts'
import { formatInstant, formatMoment } from '../../format/duration.ts'
import { shortHash, visibleLine } from '../../format/visible-text.ts'
import { BudgetList } from '../../ui/Budget.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { Loadable } from '../../ui/Loadable.tsx'
import { useChain } from './queries.ts'

/** What the session may do, how often it did, what it was refused, its budget and its wall; `held` is what its processes hold. */
export function AuthorityTab(props: { detail: SessionDetail; nowMs: number; held: ReactNode }) {
  const { row, capabilities, notes } = props.detail
  const nameOf = createOwnNames(capabilities.map((one) => one.device))
  return (
    <div className="side-tab">
      <h2 className="section-title">Budget</h2>
      <BudgetList
        limits={row.budget}
        used={row.usage}
        wallMs={wallOf(row, props.nowMs)}
        isMetered={row.usage.source === 'metered'}
      />
      <h2 className="section-title spaced">May</h2>
      {capabilities.length === 0 && <p className="faint small">Nothing was granted.</p>}
      <ul>
        {capabilities.map((one) => (
          <li key={one.device} className="line authority-row small">
            <Lamp
              tone={one.state === 'held' ? 'clear' : 'idle'}
              shape={one.state === 'held' ? 'disc' : 'ring'}
              label={one.state}
              size={10}
            />
            <span className="grow cut" title={visibleLine(one.device)}>
              <Foreign className="mono" text={nameOf(one.device)} max={90} />
            </span>
            <span className="faint num">{plural(one.uses, 'use')}</span>
            {one.refusals > 0 && <span className="danger-text num">{plural(one.refusals, 'refusal')}</span>}
          </li>
        ))}
      </ul>
      {props.held}
      {row.confinement && (
        <>
          <h2 className="section-title spaced">Wall</h2>
          <p className="small muted">
            <Foreign text={row.confinement.reason} max={500} />
          </p>
          {row.confinement.remedy && <p className="small">{row.confinement.remedy}</p>}
          <p className="faint tiny wall-note">
            What meets a door of ours is recorded and shown. What the wall alone stops leaves no trace.
          </p>
        </>
      )}
      {notes.length > 0 && <h2 className="section-title spaced">Notes</h2>}
      {notes.map((note) => (
        <p key={note} className="small muted">
          <Foreign text={note} max={500} />
        </p>
      ))}
    </div>
  )
}

/** Who was chosen, out of whom, and why; where the work lies. */
export function RoutingTab(props: { detail: SessionDetail }) {
  const { route, row, repositoryPath, workareaPath, baseRef, baseCommit, landed } = props.detail
  const pairs: readonly (readonly [string, string | null])[] = [
    ['policy', route?.policy ?? null],
    ['candidates', route?.candidates.join(', ') ?? null],
    ['chosen', route?.chosen ?? null],
    ['reason', route?.reason ?? null],
    ['runtime', row.runtime],
    ['model', row.model],
    ['repository', repositoryPath],
    ['workarea', workareaPath],
    ['base', baseRef && `${baseRef}${baseCommit ? ` @ ${baseCommit.slice(0, 7)}` : ''}`],
    ['branch', row.branch],
    ['landed', landed && `${landed.branch} @ ${landed.commit.slice(0, 7)}, ${formatMoment(landed.atMs)}`],
    ['id', row.id],
  ]
  return (
    <div className="side-tab">
      {!route && <p className="faint small">No decision is recorded yet.</p>}
      <dl className="pairs">
        {pairs.flatMap(([name, value]) =>
          value === null
            ? []
            : [
                <dt key={`${name} name`}>{name}</dt>,
                <dd key={name}>
                  <Foreign text={value} max={300} />
                </dd>,
              ],
        )}
      </dl>
    </div>
  )
}

/** The session's chain in short, recomputed when opened. */
export function ChainTab(props: { sessionId: string }) {
  const { entries, report } = useChain(props.sessionId, true)
  const { data } = report
  return (
    <div className="side-tab">
      {data && (
        <p className="line">
          <Lamp tone={data.ok ? 'clear' : 'danger'} shape={data.ok ? 'tick' : 'square'} />
          <span className="strong">
            {data.ok
              ? `${plural(data.entries, 'entry', 'entries')} intact`
              : `Broken: ${plural(data.problemCount, 'problem')}`}
          </span>
          <a className="small" href={`#/audit/${encodeURIComponent(`session:${props.sessionId}`)}`}>
            Open in audit
          </a>
        </p>
      )}
      <Loadable of={entries} rows={8}>
        {(list) => (
          <ol className="chain-short">
            {list.entries.map((entry) => (
              <li key={entry.sequence} className="line small">
                <span className="faint num chain-no">{entry.sequence}</span>
                <span className="grow cut">
                  {entry.eventKind} <Foreign className="faint" text={entry.summary} max={120} />
                </span>
                <span className="faint mono tiny">{shortHash(entry.entryHash)}</span>
                <span className="faint tiny">{formatInstant(entry.occurredAt).slice(0, 8)}</span>
              </li>
            ))}
          </ol>
        )}
      </Loadable>
    </div>
  )
}
