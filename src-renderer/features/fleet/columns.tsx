import { elapsedOf, trackOf } from '../../client/session-state.ts'
import { formatUsd, shareOf } from '../../format/amounts.ts'
import { formatAge, formatDuration } from '../../format/duration.ts'
import { Bar } from '../../ui/Budget.tsx'
import { Counts } from '../../ui/Counts.tsx'
import type { Column } from '../../ui/DataGrid.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { Track } from '../../ui/Track.tsx'
import type { FleetRow } from './fleet.model.ts'

const columns: readonly Column<FleetRow>[] = [
  { id: 'state', header: 'State', track: '98px', render: ({ lamp }) => <LampWord {...lamp} /> },
  { id: 'session', header: 'Session', track: 'minmax(140px, 1fr)', render: TitleCell },
  {
    id: 'agent',
    header: 'Agent',
    track: '70px',
    render: ({ row }) => <span className="muted">{row.agent.replace(/^(scripted|custom):/, '')}</span>,
  },
  {
    id: 'track',
    header: 'Track',
    track: '104px',
    render: ({ row, nowMs }) => <Track {...trackOf(row, nowMs)} />,
  },
  {
    id: 'elapsed',
    header: 'Elapsed',
    track: '56px',
    align: 'right',
    render: ({ row, nowMs }) => <span className="muted">{formatDuration(elapsedOf(row, nowMs))}</span>,
  },
  { id: 'cost', header: 'Cost', track: '92px', render: CostCell },
  {
    id: 'changes',
    header: 'Changes',
    track: '80px',
    align: 'right',
    render: ({ row }) =>
      row.changes ? (
        <span className="small">
          <Counts {...row.changes} />
        </span>
      ) : null,
  },
  {
    id: 'heard',
    header: 'Heard',
    track: '40px',
    align: 'right',
    render: ({ row, clockMs }) => (
      <span className="faint small">
        {row.lastHeardAtMs === null ? '' : formatAge(clockMs - row.lastHeardAtMs)}
      </span>
    ),
  },
]

/** Columns that fit a list of this width; the telling ones stay longest. */
export function columnsFor(width: number): readonly Column<FleetRow>[] {
  const hidden = new Set<string>()
  if (width < 860) hidden.add('heard')
  if (width < 780) hidden.add('agent')
  if (width < 700) hidden.add('track')
  return columns.filter((column) => !hidden.has(column.id))
}

function TitleCell({ row }: FleetRow) {
  return (
    <>
      <Foreign className="fleet-title" text={row.title} max={200} />
      {row.confinement && !(row.confinement.files && row.confinement.network) && (
        <span className="caution-text tiny fleet-flag">{unconfinedText(row.confinement)}</span>
      )}
      {row.lastLine && <Foreign className="faint" text={row.lastLine} max={300} />}
    </>
  )
}

/** How a session that is not fully walled in is marked wherever it shows. */
export function unconfinedText(wall: { files: boolean; network: boolean }): string {
  if (!wall.files && !wall.network) return 'not confined'
  return wall.files ? 'not confined: network' : 'not confined: files'
}

function CostCell({ row }: FleetRow) {
  const { costUsdNanos } = row.usage
  return (
    <span className="fleet-cost">
      <span className="num">{formatUsd(costUsdNanos)}</span>
      <Bar share={shareOf(costUsdNanos, row.budget.usdNanos)} label="Share of the money budget" width={44} />
    </span>
  )
}
