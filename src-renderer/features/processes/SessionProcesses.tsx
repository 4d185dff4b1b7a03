import { useMemo } from 'react'
import { useClient } from '../../client/access.tsx'
import { useProcesses } from '../../client/process-feed.ts'
import { formatAddress } from '../../format/address.ts'
import { formatTokens } from '../../format/amounts.ts'
import { formatClock } from '../../format/duration.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { ProblemBlock, Skeleton } from '../../ui/Loadable.tsx'
import { arrange, formatSpeed, stateOf, summaryOf } from './processes.model.ts'
import './processes.css'

const most = 400

/** The processes of one session, in short, for its own page. */
export function SessionProcesses(props: { sessionId: string }) {
  const { table, problem, retry } = useProcesses(props.sessionId)
  const isOffline = useClient() === null
  const places = useMemo(() => (table ? arrange(table.rows, byPid) : []), [table])
  if (!table) return problem ? <ProblemBlock problem={problem} onRetry={retry} /> : <Skeleton rows={6} />
  if (places.length === 0)
    return (
      <div className="process-pane">
        <p className="muted small">
          No process of this session runs. Those that ended stand in its{' '}
          <a href={`#/session/${props.sessionId}/chain`}>chain</a>.
        </p>
      </div>
    )
  return (
    <div className="process-pane small">
      <p className="faint tiny">
        {summaryOf(table.rows)}
        {isOffline && ` · as of ${formatClock(table.atMs, true)}`}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <th scope="col">Tokens</th>
            <th scope="col">Red/s</th>
          </tr>
        </thead>
        <tbody>
          {places.slice(0, most).map(({ pid, depth }) => {
            const row = table.rows.get(pid)
            if (!row) return null
            const { tone, shape, word } = stateOf(row)
            return (
              <tr key={pid}>
                <td className="cut" style={{ paddingLeft: Math.min(depth, 8) * 12 }}>
                  <a href={formatAddress({ screen: 'processes', pid })}>
                    <Foreign text={shortProcessName(row.name, row.sessionId)} max={80} />
                  </a>{' '}
                  <span className="faint">{pid}</span>
                </td>
                <td>
                  <span className="line">
                    <Lamp tone={tone} shape={shape} size={10} />
                    <span className="muted">{word}</span>
                  </span>
                </td>
                <td>{formatTokens(row.use.tokens.spent)}</td>
                <td>{formatSpeed(row.reductionsPerSecond)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {places.length > most && <p className="faint tiny">{places.length - most} more</p>}
    </div>
  )
}

const byPid = {
  isTree: true,
  sort: 'pid',
  isDescending: false,
  text: '',
  state: 'any',
  folded: new Set<number>(),
} as const
