import type { ModelCall } from '@contract/process.ts'
import { formatTokens, formatUsd } from '../../format/amounts.ts'
import { formatClock, formatStep } from '../../format/duration.ts'
import type { Column } from '../../ui/DataGrid.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { dialectName, durationOf, sourceText, stateOf, whyTone } from './models.model.ts'

type CallColumn = Column<ModelCall> & { readonly from: number }

function columnsOf(nowMs: number, isWide: boolean): readonly CallColumn[] {
  return [
    {
      id: 'state',
      header: 'State',
      track: '78px',
      from: 0,
      render: (call) => <LampWord {...stateOf(call.state)} />,
    },
    { id: 'who', header: 'Session', track: 'minmax(140px, 1fr)', from: 0, render: WhoCell },
    {
      id: 'model',
      header: 'Model',
      track: isWide ? 'minmax(120px, 0.75fr)' : 'minmax(128px, 0.3fr)',
      from: 0,
      render: (call) => <ModelCell call={call} isWide={isWide} />,
    },
    {
      id: 'dialect',
      header: 'Asked by',
      track: '104px',
      from: 960,
      render: (call) => (
        <span className="muted">
          {dialectName(call.dialect)}
          {call.isTranslated && <span className="faint"> ⇄</span>}
        </span>
      ),
    },
    amount('in', 'In', 'Tokens in, with the cached ones', 460, (call) => formatTokens(call.inputTokens)),
    amount('cached', 'Cached', 'Of the tokens in, those that were cached', 940, (call) => (
      <span className="muted">{formatTokens(call.cachedTokens)}</span>
    )),
    amount('out', 'Out', 'Tokens out', 460, (call) => formatTokens(call.outputTokens)),
    { ...amount('cost', 'Cost', 'What it cost', 520, CostCell), track: '62px' },
    {
      ...amount('first', 'First', 'Time to the first token', 680, (call) => (
        <span className="muted">{formatStep(call.firstByteMs)}</span>
      )),
      track: '52px',
    },
    {
      ...amount('took', 'Took', 'Time from the question to the end', 620, (call) =>
        formatStep(durationOf(call, nowMs)),
      ),
      track: '54px',
    },
    {
      ...amount('at', 'At', 'When it was asked', 840, (call) => (
        <span className="faint small">{formatClock(call.startedAtMs, true)}</span>
      )),
      track: '54px',
    },
  ]
}

function amount(
  id: string,
  header: string,
  hint: string,
  from: number,
  render: CallColumn['render'],
): CallColumn {
  return { id, header, hint, track: '46px', align: 'right', from, render }
}

/** Columns that fit a list of this width. */
export function columnsFor(width: number, nowMs: number): readonly Column<ModelCall>[] {
  return columnsOf(nowMs, width === 0 || width >= 1000).filter(({ from }) => width === 0 || width >= from)
}

function WhoCell(call: ModelCall) {
  return (
    <>
      <Foreign className="call-title" text={call.sessionTitle ?? call.sessionId} max={120} />{' '}
      {call.error ? (
        <Foreign className={`${whyTone(call.state)} small`} text={call.error} max={160} />
      ) : (
        <Foreign className="faint" text={call.agent ?? ''} max={40} />
      )}
    </>
  )
}

/** The provider is said where there is room; the inspector always says it. */
function ModelCell(props: { call: ModelCall; isWide: boolean }) {
  const { model, provider } = props.call
  return (
    <>
      <Foreign text={model} max={60} />
      {props.isWide && (
        <>
          {' '}
          <Foreign className="faint" text={provider} max={40} />
        </>
      )}
    </>
  )
}

/** A figure that is not the upstream's own word is marked. */
function CostCell(call: ModelCall) {
  if (call.source === 'disputed')
    return (
      <span className="caution-text" title="The upstream reports something else than was counted here">
        ?{'\u00a0'}
        {formatUsd(call.costUsdNanos)}
      </span>
    )
  return (
    <span title={call.source === 'estimated' ? sourceText(call) : undefined}>
      {call.source === 'estimated' && call.costUsdNanos !== null && <span className="faint">~</span>}
      {formatUsd(call.costUsdNanos)}
    </span>
  )
}
