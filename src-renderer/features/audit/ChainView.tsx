import type { AuditEntry, AuditReport } from '@contract/audit.ts'
import { RefreshCw } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { type Read, useRead } from '../../client/use-read.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Button } from '../../ui/Button.tsx'
import { Chip } from '../../ui/Chip.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { EmptyState, Loadable, ProblemLine } from '../../ui/Loadable.tsx'
import { navigate } from '../../ui/navigate.ts'
import { useNow } from '../../ui/use-now.ts'
import {
  checkedText,
  type EntryFilter,
  filterEntries,
  filtersFor,
  headline,
  intactThrough,
} from './audit.model.ts'
import { EntryInspector } from './EntryInspector.tsx'
import { EntryRail } from './EntryRail.tsx'

const most = 1000

/** One chain: what happened, in order, and that nobody changed it. Recomputed when opened. */
export function ChainView(props: { chain: string }) {
  const { chain } = props
  const entries = useRead('audit', 'entries', { chain, limit: most })
  const report = useRead('audit', 'verify', { chain })
  const titles = useRead('audit', 'chains', { text: '', count: 500 })
  const title = titles.data?.chains.find((one) => one.chain === chain)?.title ?? chain
  return (
    <>
      {!entries.data && <h1 className="unseen">Chain</h1>}
      <Loadable of={entries} rows={12}>
        {(data) => (
          <Body chain={chain} title={title} entries={data.entries} total={data.total} report={report} />
        )}
      </Loadable>
    </>
  )
}

function Body(props: {
  chain: string
  title: string
  entries: readonly AuditEntry[]
  total: number
  report: Read<AuditReport>
}) {
  const { entries, report, total } = props
  const [filter, setFilter] = useState<EntryFilter>('all')
  const [picked, setPicked] = useState<number | null>(null)
  const shown = useMemo(() => filterEntries(entries, filter), [entries, filter])
  const problems = (report.data?.problems ?? []).flatMap((one) =>
    one.sequence === null ? [] : [one.sequence],
  )
  const active = picked ?? problems[0] ?? shown.at(-1)?.sequence ?? null
  const goto = useRef<HTMLInputElement>(null)
  const step = (sorted: readonly number[], isNext: (one: number) => boolean) =>
    setPicked(sorted.find(isNext) ?? active)
  useKeyActions({
    'audit.verify': report.retry,
    'audit.next-problem':
      problems.length > 0 ? () => step(problems, (one) => one > (active ?? 0)) : undefined,
    'audit.previous-problem':
      problems.length > 0 ? () => step([...problems].reverse(), (one) => one < (active ?? 0)) : undefined,
    'audit.goto': () => goto.current?.focus(),
    'audit.back': () => navigate({ screen: 'audit', chain: null }),
  })
  const entry = entries.find((one) => one.sequence === active)
  return (
    <div className="chain">
      <div className="chain-main">
        <ChainHead title={props.title} total={total} report={report} />
        <div className="filter-bar chain-filter">
          {filtersFor(entries).map((one) => (
            <Chip key={one.filter} isOn={filter === one.filter} onPress={() => setFilter(one.filter)}>
              {one.name} {one.count}
            </Chip>
          ))}
          <span className="grow" />
          <GoTo field={goto} onGo={setPicked} />
        </div>
        {entries.length === 0 ? (
          <EmptyState title="No entries yet. An empty chain proves nothing." />
        ) : (
          <EntryRail entries={shown} report={report.data} active={active} total={total} onPick={setPicked} />
        )}
      </div>
      {entry && (
        <EntryInspector
          entry={entry}
          chain={props.chain}
          report={report.data}
          next={entries.find((one) => one.sequence === entry.sequence + 1)}
          previous={entries.find((one) => one.sequence === entry.sequence - 1)}
        />
      )}
    </div>
  )
}

function ChainHead(props: { title: string; total: number; report: Read<AuditReport> }) {
  const { report } = props
  const nowMs = useNow(5000)
  const { text, tone } = headline(report.data, props.total)
  const shape = tone === 'clear' ? 'tick' : tone === 'danger' ? 'square' : 'ring'
  const share = report.data && props.total > 0 ? intactThrough(report.data) / props.total : 0
  return (
    <header className="chain-head" aria-live={tone === 'danger' ? 'assertive' : 'polite'}>
      <nav className="small muted" aria-label="Where this is">
        <a href="#/audit" className="muted">
          Audit
        </a>{' '}
        / <bdi>{visibleLine(props.title)}</bdi>
      </nav>
      <div className="line">
        <Lamp tone={tone} shape={shape} size={17} />
        <h1 className={`chain-title grow${tone === 'danger' ? ' danger-text' : ''}`}>{text}</h1>
        <Button onPress={report.retry} action="audit.verify" isDisabled={report.isRefreshing}>
          <RefreshCw size={13} strokeWidth={1.5} aria-hidden="true" />{' '}
          {report.isRefreshing ? 'Verifying' : 'Verify now'}
        </Button>
      </div>
      <p className="small muted chain-checked">{checkedText(report.data, nowMs)}</p>
      {report.problem && <ProblemLine problem={report.problem} onRetry={report.retry} />}
      {report.data?.problems.slice(0, 4).map((one) => (
        <p
          key={`${one.kind} ${one.sequence}`}
          className={`small ${one.severity === 'error' ? 'danger-text' : 'muted'}`}
        >
          {one.sequence !== null && `Entry ${one.sequence}: `}
          {visibleLine(one.detail)}
        </p>
      ))}
      <div className={`chain-bar ${tone}`} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </header>
  )
}

function GoTo(props: { field: React.RefObject<HTMLInputElement | null>; onGo: (sequence: number) => void }) {
  const [text, setText] = useState('')
  return (
    <input
      ref={props.field}
      className="filter-find"
      aria-label="Go to entry"
      placeholder="Go to entry  G"
      inputMode="numeric"
      value={text}
      onChange={(event) => setText(event.target.value.replace(/\D/g, ''))}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== 'Escape') return
        if (event.key === 'Enter' && text !== '') props.onGo(Number(text))
        setText('')
        event.currentTarget.blur()
      }}
    />
  )
}
