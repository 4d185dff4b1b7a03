import type { ResourceUse } from '@contract/process.ts'
import { formatBytes, formatCount, formatTokens, formatUsd, shareOf } from '../../format/amounts.ts'
import { formatDuration } from '../../format/duration.ts'
import { shortProcessName } from '../../format/process-name.ts'
import type { ProcessSort } from '../../stores/kernel-view.ts'
import type { Column } from '../../ui/DataGrid.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import {
  formatProcessor,
  formatSpeed,
  nameOf,
  type ProcessView,
  speedOf,
  stateOf,
} from './processes.model.ts'

type ProcessColumn = Column<ProcessView> & { readonly id: ProcessSort; readonly from: number }

/** `from` is the list width from which a column is shown; the telling ones stay longest. */
function leadingColumns(onFold: (pid: number) => void): readonly ProcessColumn[] {
  return [
    {
      id: 'pid',
      header: 'Pid',
      track: '40px',
      align: 'right',
      from: 520,
      render: ({ row }) => <span className="faint">{row.pid}</span>,
    },
    {
      id: 'name',
      header: 'Process',
      track: 'minmax(150px, 1fr)',
      from: 0,
      render: (view) => <NameCell view={view} onFold={onFold} />,
    },
    {
      id: 'state',
      header: 'State',
      track: '106px',
      from: 0,
      render: ({ row, isGone }) => <LampWord {...stateOf(row, isGone)} />,
    },
  ]
}

const figureColumns: readonly ProcessColumn[] = [
  {
    id: 'priority',
    header: 'Prio',
    hint: 'Priority, −20 to 20: the higher, the sooner',
    track: '32px',
    align: 'right',
    from: 640,
    render: ({ row }) => <span className={row.priority === 0 ? 'faint' : ''}>{signed(row.priority)}</span>,
  },
  {
    id: 'mailbox',
    header: 'Mail',
    hint: 'Messages that wait for it',
    track: '34px',
    align: 'right',
    from: 700,
    render: ({ row }) => <MailCell mailbox={row.mailbox} parked={row.sendersParked} />,
  },
  {
    id: 'tokens',
    header: 'Tokens',
    track: '86px',
    from: 440,
    render: ({ row }) => <UseCell use={row.use.tokens} name="tokens" format={formatTokens} />,
  },
  {
    id: 'money',
    header: 'Money',
    track: '92px',
    from: 580,
    render: ({ row }) => <UseCell use={row.use.usdNanos} name="money" format={shortUsd} />,
  },
  {
    id: 'tools',
    header: 'Tools',
    hint: 'Tool calls',
    track: '38px',
    align: 'right',
    from: 820,
    render: ({ row }) => formatCount(row.use.toolCalls.spent),
  },
  {
    id: 'wall',
    header: 'Wall',
    hint: 'Wall time since it was started, without the time it was suspended',
    track: '58px',
    align: 'right',
    from: 1020,
    render: ({ row }) => <span className="muted">{formatDuration(row.use.wallMs.spent)}</span>,
  },
  {
    id: 'memory',
    header: 'Mem',
    hint: 'Tokens of memory in use',
    track: '40px',
    align: 'right',
    from: 1090,
    render: ({ row }) => <span className="muted">{formatTokens(row.use.mem.spent)}</span>,
  },
  {
    id: 'program',
    header: 'Program',
    hint: 'Memory of the program that it stands for, and its share of one core',
    track: '108px',
    align: 'right',
    from: 860,
    render: ProgramCell,
  },
  {
    id: 'speed',
    header: 'Red/s',
    hint: 'Reductions per second: how much of the kernel it uses',
    track: '46px',
    align: 'right',
    from: 500,
    render: ({ row, isGone }) => (isGone ? '—' : formatSpeed(speedOf(row))),
  },
  {
    id: 'caps',
    header: 'Caps',
    hint: 'Capabilities it holds',
    track: '36px',
    align: 'right',
    from: 1140,
    render: ({ row }) => <span className="muted">{formatCount(row.caps)}</span>,
  },
]

/** Columns that fit a list of this width. */
export function columnsFor(width: number, onFold: (pid: number) => void): readonly Column<ProcessView>[] {
  return [...leadingColumns(onFold), ...figureColumns]
    .filter(({ from }) => width === 0 || width >= from)
    .map((column) => ({ ...column, isSortable: true }))
}

/** The columns by which the list can be sorted, in the order in which they stand. */
export const sortOrder: readonly ProcessSort[] = [...leadingColumns(() => undefined), ...figureColumns].map(
  ({ id }) => id,
)

/** Money in a narrow cell: from a thousand dollars on, cents do not matter. */
function shortUsd(nanos: number): string {
  return nanos < 1e12 ? formatUsd(nanos) : `$${formatCount(Math.round(nanos / 1e9))}`
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : value < 0 ? `−${-value}` : '0'
}

function NameCell(props: { view: ProcessView; onFold: (pid: number) => void }) {
  const { row, depth, below, isFolded, isPath } = props.view
  const own =
    row.kind === 'session' && row.sessionTitle !== null ? shortProcessName(row.name, row.sessionId) : ''
  return (
    <span className="process-name" style={{ paddingLeft: Math.min(depth, 12) * 14 }}>
      {below > 0 ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: the arrow keys fold
        <span
          className={`fold ${isFolded ? 'folded' : 'open'}`}
          onClick={(event) => {
            event.stopPropagation()
            props.onFold(row.pid)
          }}
        />
      ) : (
        <span className="fold" />
      )}
      <span className="cut">
        <Foreign
          className={isPath ? 'faint' : row.kind === 'part' ? '' : 'process-title'}
          text={nameOf(row)}
          max={160}
        />
        {own !== '' && own !== 'session' && <Foreign className="faint process-own" text={own} max={60} />}
        {isFolded && <span className="faint process-own">{formatCount(below)} folded</span>}
      </span>
    </span>
  )
}

function MailCell(props: { mailbox: number; parked: number }) {
  if (props.parked > 0)
    return (
      <span className="caution-text" title={`Full: ${props.parked} senders wait`}>
        {formatCount(props.mailbox)}+
      </span>
    )
  return <span className={props.mailbox === 0 ? 'faint' : ''}>{formatCount(props.mailbox)}</span>
}

function ProgramCell({ row, cpu, isGone }: ProcessView) {
  if (!row.program || isGone) return <span className="faint">—</span>
  return (
    <span className="process-program num">
      <span>{formatBytes(row.program.memoryBytes)}</span>
      <span className={cpu === 0 ? 'faint' : ''}>{formatProcessor(cpu)}</span>
    </span>
  )
}

function UseCell(props: { use: ResourceUse; name: string; format: (value: number) => string }) {
  const { use, name, format } = props
  const share = shareOf(use.spent, use.limit)
  const left = use.available === null ? 'no limit' : `${format(Math.max(0, use.available))} left`
  return (
    <span className="process-use" title={`${format(use.spent)} ${name} used, ${left}`}>
      <span className="num">{format(use.spent)}</span>
      {share === null ? (
        <i className="process-share none" />
      ) : (
        <i
          className={`process-share ${toneOf(share)}`}
          style={{ backgroundSize: `${Math.max(share > 0 ? 3 : 0, share * 100)}% 100%` }}
        />
      )}
    </span>
  )
}

/** As every bar: amber from 80 %, red at the limit. The row's own words say the share, so the bar is drawn in one piece. */
function toneOf(share: number): string {
  return share >= 1 ? 'danger' : share >= 0.8 ? 'caution' : ''
}
