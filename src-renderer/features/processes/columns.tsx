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

/** `rank` says which columns go first where room is short, `px` what one takes; the name gets all that is left. */
type ProcessColumn = Column<ProcessView> & {
  readonly id: ProcessSort
  readonly px: number
  readonly rank: number
}

const right = { align: 'right' } as const

function nameColumn(onFold: (pid: number) => void): ProcessColumn {
  return {
    id: 'name',
    header: 'Process',
    track: 'minmax(150px, 1fr)',
    px: 0,
    rank: 0,
    render: (view) => <NameCell view={view} onFold={onFold} />,
  }
}

function column(
  id: ProcessSort,
  header: string,
  place: { readonly px: number; readonly rank: number; readonly align?: 'right' },
  render: ProcessColumn['render'],
  hint?: string,
): ProcessColumn {
  return { id, header, track: `${place.px}px`, ...place, render, ...(hint === undefined ? {} : { hint }) }
}

const pidColumn = column('pid', 'Pid', { px: 40, rank: 4, ...right }, ({ row }) => (
  <span className="faint">{row.pid}</span>
))

const figureColumns: readonly ProcessColumn[] = [
  column('state', 'State', { px: 102, rank: 0 }, ({ row, isGone }) => <LampWord {...stateOf(row, isGone)} />),
  column(
    'priority',
    'Prio',
    { px: 32, rank: 7, ...right },
    ({ row }) => <span className={row.priority === 0 ? 'faint' : ''}>{signed(row.priority)}</span>,
    'Priority, −20 to 20: the higher, the sooner',
  ),
  column(
    'mailbox',
    'Mail',
    { px: 34, rank: 6, ...right },
    ({ row }) => <MailCell mailbox={row.mailbox} parked={row.sendersParked} />,
    'Messages that wait for it',
  ),
  column('tokens', 'Tokens', { px: 80, rank: 1 }, ({ row }) => (
    <UseCell use={row.use.tokens} name="tokens" format={formatTokens} />
  )),
  column('money', 'Money', { px: 90, rank: 3 }, ({ row }) => (
    <UseCell use={row.use.usdNanos} name="money" format={shortUsd} />
  )),
  column(
    'tools',
    'Tools',
    { px: 38, rank: 8, ...right },
    ({ row }) => formatCount(row.use.toolCalls.spent),
    'Tool calls',
  ),
  column(
    'wall',
    'Wall',
    { px: 58, rank: 9, ...right },
    ({ row }) => <span className="muted">{formatDuration(row.use.wallMs.spent)}</span>,
    'Wall time since it was started, without the time it was suspended',
  ),
  column(
    'memory',
    'Mem',
    { px: 40, rank: 10, ...right },
    ({ row }) => <span className="muted">{formatTokens(row.use.mem.spent)}</span>,
    'Tokens of memory in use',
  ),
  column(
    'program',
    'Program',
    { px: 104, rank: 5, ...right },
    ProgramCell,
    'Memory of the program that it stands for, and its share of one core',
  ),
  column(
    'speed',
    'Red/s',
    { px: 46, rank: 2, ...right },
    ({ row, isGone }) => (isGone ? '—' : formatSpeed(speedOf(row))),
    'Reductions per second: how much of the kernel it uses',
  ),
  column(
    'caps',
    'Caps',
    { px: 36, rank: 11, ...right },
    ({ row }) => <span className="muted">{formatCount(row.caps)}</span>,
    'Capabilities it holds',
  ),
]

/** Room that a name is given before a column of figures gets any. */
const nameRoom = 240
/** Around all columns, and between two of them. */
const edges = 32
const gap = 10

/** Columns that fit a list of this width; that of programs only where there are any. */
export function columnsFor(
  width: number,
  hasPrograms: boolean,
  onFold: (pid: number) => void,
): readonly Column<ProcessView>[] {
  const all = [pidColumn, nameColumn(onFold), ...figureColumns]
  let left = width === 0 ? Number.POSITIVE_INFINITY : width - edges - nameRoom
  const shown = new Set<ProcessSort>(['name', 'state'])
  left -= 102 + gap
  for (const { id, px } of [...all].sort((a, b) => a.rank - b.rank)) {
    if (shown.has(id) || px + gap > left || (id === 'program' && !hasPrograms)) continue
    shown.add(id)
    left -= px + gap
  }
  return all.filter(({ id }) => shown.has(id)).map((one) => ({ ...one, isSortable: true }))
}

/** The columns by which the list can be sorted, in the order in which they stand. */
export const sortOrder: readonly ProcessSort[] = [pidColumn.id, 'name', ...figureColumns.map(({ id }) => id)]

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
          className={isPath ? 'faint' : row.kind === 'session' || row.kind === 'fleet' ? 'process-title' : ''}
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
