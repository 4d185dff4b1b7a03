import type { StorageItem } from '@contract/settings.ts'
import { useState } from 'react'
import { useCommand } from '../../client/use-command.ts'
import { useRead } from '../../client/use-read.ts'
import { formatBytes, plural, shareOf } from '../../format/amounts.ts'
import { formatAge } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Bar } from '../../ui/Budget.tsx'
import { Button } from '../../ui/Button.tsx'
import { Confirm } from '../../ui/Dialog.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { useKeyActions, useScreenScope } from '../../ui/keyboard.tsx'
import { EmptyState, Loadable } from '../../ui/Loadable.tsx'
import { groupItems, type StorageGroup, sumBytes } from './storage.model.ts'
import './storage.css'

/** What lies on disk, how big, whose, and whether it is safe to take back. */
export function StorageScreen() {
  useScreenScope('storage')
  const report = useRead('storage', 'report', {}, { everyMs: 30_000 })
  return (
    <div className="page">
      <div className="page-inner">
        <h1 className="page-title">Storage</h1>
        <Loadable of={report} rows={8}>
          {(data) => <Report data={data} readAtMs={report.readAtMs} onDone={report.retry} />}
        </Loadable>
      </div>
    </div>
  )
}

type Data = {
  items: readonly StorageItem[]
  totalBytes: number
  reclaimableBytes: number
  capBytes: number | null
  freeBytes: number
}

function Report(props: { data: Data; readAtMs: number; onDone: () => void }) {
  const { data } = props
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const [isAsking, setAsking] = useState(false)
  const chosen = data.items.filter((item) => item.isReclaimable && picked.has(item.id))
  const safe = data.items.filter((item) => item.isReclaimable)
  const ask = chosen.length > 0 ? () => setAsking(true) : undefined
  useKeyActions({ 'storage.reclaim': ask })
  const toggle = (ids: readonly string[]) => setPicked(toggled(picked, ids))
  return (
    <>
      <p className="page-lead">
        {formatBytes(data.totalBytes)} in all
        {data.capBytes !== null && `, capped at ${formatBytes(data.capBytes)}`}; {formatBytes(data.freeBytes)}{' '}
        free on the disk.
      </p>
      <div className="storage-bar">
        <Bar
          share={shareOf(data.totalBytes, data.capBytes ?? data.totalBytes + data.freeBytes)}
          label="Share of the room"
        />
      </div>
      <div className="line storage-acts">
        <span className="small muted grow">
          {formatBytes(data.reclaimableBytes)} can be taken back safely.
        </span>
        {safe.length > 0 && (
          <Button kind="quiet" onPress={() => toggle(safe.map((item) => item.id))}>
            {safe.every((item) => picked.has(item.id)) ? 'Pick none' : 'Pick all that is safe'}
          </Button>
        )}
        <Button onPress={() => setAsking(true)} isDisabled={ask === undefined} action="storage.reclaim">
          Reclaim {chosen.length > 0 ? formatBytes(sumBytes(chosen)) : ''}
        </Button>
      </div>
      {data.items.length === 0 && <EmptyState title="Nothing lies here yet." />}
      {groupItems(data.items).map((group) => (
        <Group
          key={group.kind}
          group={group}
          picked={picked}
          readAtMs={props.readAtMs}
          onToggle={(id) => toggle([id])}
        />
      ))}
      <Reclaim
        items={chosen}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onDone={() => {
          setPicked(new Set())
          props.onDone()
        }}
      />
    </>
  )
}

function toggled(picked: ReadonlySet<string>, ids: readonly string[]): ReadonlySet<string> {
  const next = new Set(picked)
  const isAdding = ids.some((id) => !next.has(id))
  for (const id of ids) isAdding ? next.add(id) : next.delete(id)
  return next
}

function Group(props: {
  group: StorageGroup
  picked: ReadonlySet<string>
  readAtMs: number
  onToggle: (id: string) => void
}) {
  const { group } = props
  return (
    <section className="section">
      <h2 className="line storage-group">
        <span className="strong">{group.name}</span>
        <span className="faint small grow">{plural(group.items.length, 'item')}</span>
        <span className="muted small num">{formatBytes(sumBytes(group.items))}</span>
      </h2>
      {group.items.map((item) => (
        <label key={item.id} className="storage-row">
          <input
            type="checkbox"
            aria-label={`Reclaim ${visibleLine(item.title)}`}
            disabled={!item.isReclaimable}
            checked={props.picked.has(item.id)}
            onChange={() => props.onToggle(item.id)}
          />
          <span className="storage-main">
            <span className="line">
              <Foreign className="cut" text={item.title} max={120} />
              {item.sessionId && (
                <a className="small" href={`#/session/${item.sessionId}`}>
                  session
                </a>
              )}
            </span>
            <span className="faint mono tiny cut" title={visibleLine(item.path)}>
              {visibleLine(item.path)}
            </span>
            <span className={`tiny ${item.isReclaimable ? 'muted' : 'faint'}`}>{visibleLine(item.why)}</span>
          </span>
          <span className="faint small num">
            {item.lastUsedMs === null ? '' : formatAge(props.readAtMs - item.lastUsedMs)}
          </span>
          <span className="num storage-size">{formatBytes(item.sizeBytes)}</span>
        </label>
      ))}
    </section>
  )
}

function Reclaim(props: {
  items: readonly StorageItem[]
  isOpen: boolean
  onClose: () => void
  onDone: () => void
}) {
  const reclaim = useCommand('storage', 'reclaim')
  const [skipped, setSkipped] = useState<readonly { id: string; why: string }[]>([])
  const run = async () => {
    const outcome = await reclaim.run({ ids: props.items.map((item) => item.id).slice(0, 1000) })
    props.onClose()
    if (outcome.ok) setSkipped(outcome.value.skipped)
    props.onDone()
  }
  return (
    <>
      {skipped.length > 0 && (
        <div role="status" className="small section">
          <p className="caution-text">{plural(skipped.length, 'item')} stayed:</p>
          {skipped.slice(0, 10).map((one) => (
            <p key={one.id} className="muted">
              {visibleLine(one.why)}
            </p>
          ))}
        </div>
      )}
      <Confirm
        isOpen={props.isOpen}
        title={`Remove ${plural(props.items.length, 'item')}?`}
        verb={`Reclaim ${formatBytes(sumBytes(props.items))}`}
        isRunning={reclaim.isRunning}
        onClose={props.onClose}
        onConfirm={() => void run()}
      >
        <ul className="confirm-names">
          {props.items.slice(0, 8).map((item) => (
            <li key={item.id} className="cut">
              {visibleLine(item.title)}
            </li>
          ))}
          {props.items.length > 8 && <li>{props.items.length - 8} more</li>}
        </ul>
        These files are deleted and cannot be brought back. What is in use by then is skipped and listed.
      </Confirm>
    </>
  )
}
