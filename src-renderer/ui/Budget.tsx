import { formatTokens, formatUsd, formatUsdLimit, shareOf } from '../format/amounts.ts'
import { formatDuration, formatLimit } from '../format/duration.ts'

interface Limits {
  readonly tokens: number | null
  readonly usdNanos: number | null
  readonly toolCalls: number | null
  readonly wallMs: number | null
}
interface Used {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly costUsdNanos: number | null
  readonly toolCalls: number
  readonly wallMs: number
}

/** A share of a limit; amber from 80 %, red at the limit. No limit or unknown use draws an empty line. */
export function Bar(props: { share: number | null; label: string; width?: number; tone?: 'clear' }) {
  const { share } = props
  const tone = props.tone ?? (share === null ? '' : share >= 1 ? 'danger' : share >= 0.8 ? 'caution' : '')
  const text = share === null ? 'no limit or not known' : `${Math.round(share * 100)} %`
  return (
    <span className={`bar ${tone}`} style={{ width: props.width }}>
      {share !== null && <span style={{ width: `${Math.max(share > 0 ? 2 : 0, share * 100)}%` }} />}
      <i className="unseen">
        {props.label}: {text}
      </i>
    </span>
  )
}

/** Tokens used: both directions when both are known, else what is known; null when neither is. */
export function totalTokens(used: Used): number | null {
  if (used.inputTokens === null && used.outputTokens === null) return null
  return (used.inputTokens ?? 0) + (used.outputTokens ?? 0)
}

/** The four meters of a session. `wallMs` is given by the caller because it runs. */
export function BudgetList(props: { limits: Limits; used: Used; wallMs: number; isMetered: boolean }) {
  const { limits, used } = props
  const tokens = totalTokens(used)
  const unknown = props.isMetered ? '—' : 'unknown'
  return (
    <div className="budget num small">
      <Meter
        name="Money"
        share={shareOf(used.costUsdNanos, limits.usdNanos)}
        used={used.costUsdNanos === null ? unknown : formatUsd(used.costUsdNanos)}
        limit={limits.usdNanos === null ? null : formatUsdLimit(limits.usdNanos)}
      />
      <Meter
        name="Tokens"
        share={shareOf(tokens, limits.tokens)}
        used={tokens === null ? unknown : formatTokens(tokens)}
        limit={limits.tokens === null ? null : formatTokens(limits.tokens)}
      />
      <Meter
        name="Tool calls"
        share={shareOf(used.toolCalls, limits.toolCalls)}
        used={String(used.toolCalls)}
        limit={limits.toolCalls === null ? null : String(limits.toolCalls)}
      />
      <Meter
        name="Wall time"
        share={shareOf(props.wallMs, limits.wallMs)}
        used={formatDuration(props.wallMs)}
        limit={limits.wallMs === null ? null : formatLimit(limits.wallMs)}
      />
    </div>
  )
}

function Meter(props: { name: string; share: number | null; used: string; limit: string | null }) {
  return (
    <>
      <span className="muted" style={{ textAlign: 'left' }}>
        {props.name}
      </span>
      <Bar share={props.share} label={`${props.name}: share of the limit`} />
      <span style={{ fontWeight: 500 }}>{props.used}</span>
      <span className="faint">{props.limit ?? 'no limit'}</span>
    </>
  )
}
