import { formatCount } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { visibleLine } from '../../format/visible-text.ts'
import type { Column } from '../../ui/DataGrid.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { type AuthorityRow, expiryText, stateOf } from './authority.model.ts'
import { holderOf } from './names.model.ts'

type AuthorityColumn = Column<AuthorityRow> & { readonly from: number }

/** `from` is the list width from which a column is shown; the telling ones stay longest. */
function namesOf(nowMs: number, onFold: (id: number) => void): readonly AuthorityColumn[] {
  return [
    {
      id: 'state',
      header: 'State',
      track: '88px',
      from: 560,
      render: (row) =>
        row.kind === 'held' ? <LampWord {...stateOf(row.cap, nowMs, row.isGone)} /> : refusedLamp,
    },
    {
      id: 'what',
      header: 'May use',
      track: 'minmax(150px, 1fr)',
      from: 0,
      render: (row) => <WhatCell row={row} onFold={onFold} />,
    },
    {
      id: 'who',
      header: 'Held by',
      track: 'minmax(120px, 1fr)',
      from: 0,
      render: (row) => <WhoCell row={row} />,
    },
    {
      id: 'rights',
      header: 'Rights',
      track: '92px',
      from: 720,
      render: (row) => <span className="muted">{row.kind === 'held' ? row.cap.rights.join(' ') : ''}</span>,
    },
  ]
}

function figuresOf(nowMs: number): readonly AuthorityColumn[] {
  return [
    {
      id: 'ends',
      header: 'Ends',
      track: '62px',
      align: 'right',
      from: 660,
      render: (row) => (
        <span className="muted small">{row.kind === 'held' ? expiryText(row.cap, nowMs) : ''}</span>
      ),
    },
    {
      id: 'uses',
      header: 'Uses',
      track: '44px',
      align: 'right',
      from: 440,
      render: (row) =>
        row.kind === 'held' ? (
          <span className={row.cap.uses === 0 ? 'faint' : ''}>{formatCount(row.cap.uses)}</span>
        ) : (
          <span className="danger-text">{formatCount(row.refusal.count)}</span>
        ),
    },
    {
      id: 'last',
      header: 'Last',
      track: '46px',
      align: 'right',
      from: 600,
      render: (row) => <span className="faint small">{lastText(row, nowMs)}</span>,
    },
  ]
}

/** Columns that fit a list of this width. */
export function columnsFor(
  width: number,
  nowMs: number,
  onFold: (id: number) => void,
): readonly Column<AuthorityRow>[] {
  return [...namesOf(nowMs, onFold), ...figuresOf(nowMs)].filter(({ from }) => width === 0 || width >= from)
}

const refusedLamp = <LampWord tone="danger" shape="square" word="refused" />

function lastText(row: AuthorityRow, nowMs: number): string {
  const atMs = row.kind === 'held' ? row.cap.lastUsedAtMs : row.refusal.lastAtMs
  return atMs === null ? '' : formatAge(nowMs - atMs)
}

function WhatCell(props: { row: AuthorityRow; onFold: (id: number) => void }) {
  const { row } = props
  if (row.kind === 'refused')
    return (
      <>
        <span title={visibleLine(row.refusal.device)}>
          <Foreign text={row.name} max={80} />
        </span>{' '}
        <Foreign className="faint" text={row.refusal.what} max={120} />
      </>
    )
  const { cap, depth, below, isFolded, isPath } = row
  return (
    <span className="cap-what" style={{ paddingLeft: Math.min(depth, 12) * 14 }}>
      {below > 0 ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: the arrow keys fold
        <span
          className={`fold ${isFolded ? 'folded' : 'open'}`}
          onClick={(event) => {
            event.stopPropagation()
            props.onFold(cap.id)
          }}
        />
      ) : (
        <span className="fold" />
      )}
      <span className="cut" title={visibleLine(cap.target)}>
        {cap.kind !== 'device' && <span className="faint">{cap.kind} </span>}
        <Foreign className={isPath ? 'faint' : 'cap-target'} text={row.name} max={120} />
        {isFolded && <span className="faint"> {formatCount(below)} folded</span>}
      </span>
    </span>
  )
}

function WhoCell(props: { row: AuthorityRow }) {
  const one = props.row.kind === 'held' ? props.row.cap : props.row.refusal
  const isPath = props.row.kind === 'held' && props.row.isPath
  return (
    <>
      <Foreign className={isPath ? 'faint' : ''} text={holderOf(one)} max={120} />{' '}
      <span className="faint small">
        {one.sessionTitle !== null && (
          <Foreign text={shortProcessName(one.processName, one.sessionId)} max={40} />
        )}{' '}
        {one.pid}
      </span>
    </>
  )
}
