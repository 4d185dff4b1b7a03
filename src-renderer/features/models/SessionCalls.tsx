import { useMemo } from 'react'
import { isOver, useCalls } from '../../client/call-feed.ts'
import { screenOfSession } from '../../format/address.ts'
import { formatTokens, formatUsd } from '../../format/amounts.ts'
import { formatMoment, formatStep } from '../../format/duration.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { Loadable } from '../../ui/Loadable.tsx'
import { useNow } from '../../ui/use-now.ts'
import { durationOf, stateOf, totalsText, whyTone } from './models.model.ts'
import './models.css'

const most = 100

/** The model calls of one session, in short, for its own page. */
export function SessionCalls(props: { sessionId: string }) {
  const filter = useMemo(() => ({ sessionId: props.sessionId, state: null }), [props.sessionId])
  const feed = useCalls(filter)
  const calls = feed.log?.calls.slice(0, most) ?? []
  const nowMs = useNow(
    1000,
    calls.some((one) => !isOver(one)),
  )
  return (
    <div className="calls-pane small">
      <Loadable of={{ data: feed.log, problem: feed.problem, retry: feed.retry }} rows={6}>
        {(log) =>
          log.calls.length === 0 ? (
            <p className="muted">This session has called no model through Signalbox.</p>
          ) : (
            <>
              <p className="faint tiny calls-sums">{totalsText(log.totals)}</p>
              <ol>
                {calls.map((call) => (
                  <li key={call.id} className="calls-short" title={formatMoment(call.startedAtMs)}>
                    <LampWord {...stateOf(call.state)} />
                    <Foreign className="cut" text={call.model} max={60} />
                    <span className="num muted">
                      {call.inputTokens === null && call.outputTokens === null
                        ? ''
                        : `${formatTokens(call.inputTokens)} → ${formatTokens(call.outputTokens)}`}
                    </span>
                    <span className="num">{formatUsd(call.costUsdNanos)}</span>
                    <span className="num faint">{formatStep(durationOf(call, nowMs))}</span>
                    {call.error && (
                      <Foreign className={`calls-why ${whyTone(call.state)}`} text={call.error} max={200} />
                    )}
                  </li>
                ))}
              </ol>
              <p className="calls-more">
                <a href={screenOfSession('models', props.sessionId)}>See all in Models</a>
              </p>
            </>
          )
        }
      </Loadable>
    </div>
  )
}
