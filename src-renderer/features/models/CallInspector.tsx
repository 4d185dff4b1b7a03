import type { ModelCall } from '@contract/process.ts'
import { sessionAddress } from '../../format/address.ts'
import { formatCount, formatUsd } from '../../format/amounts.ts'
import { formatMoment, formatStep } from '../../format/duration.ts'
import { Button } from '../../ui/Button.tsx'
import { Foreign, ForeignBlock } from '../../ui/Foreign.tsx'
import { LampWord } from '../../ui/Lamp.tsx'
import { dialectName, durationOf, sourceText, stateOf } from './models.model.ts'

/** One call in full. */
export function CallInspector(props: { call: ModelCall; nowMs: number }) {
  const { call } = props
  const { sentence, ...lamp } = stateOf(call.state)
  const pairs = pairsOf(call, props.nowMs)
  return (
    <aside className="inspector" aria-label="Selected call">
      <div className="inspector-body">
        <h2 className="inspector-title">
          <Foreign text={call.model} max={120} />
        </h2>
        <p className="muted small call-who">
          for{' '}
          <a href={sessionAddress(call.sessionId)}>
            <Foreign text={call.sessionTitle ?? call.sessionId} max={80} />
          </a>
          {call.agent && (
            <>
              {' · '}
              <Foreign text={call.agent} max={40} />
            </>
          )}
        </p>
        <div className="call-state">
          <LampWord {...lamp} />
          <p className="muted small">{sentence}</p>
        </div>
        {call.error && <ForeignBlock className={`call-error small ${call.state}`} text={call.error} />}
        <section className="inspector-part">
          <dl className="pairs call-pairs">
            {pairs.flatMap(([name, value]) =>
              value === null
                ? []
                : [
                    <dt key={`${name} name`}>{name}</dt>,
                    <dd key={name}>
                      <Foreign text={value} max={120} />
                    </dd>,
                  ],
            )}
          </dl>
        </section>
        <section className="inspector-part">
          <h3 className="section-title">How this is known</h3>
          <p className={`small ${call.source === 'disputed' ? 'caution-text' : 'muted'}`}>
            {sourceText(call)}
          </p>
        </section>
      </div>
      <div className="inspector-foot">
        <Button onPress={() => open(call.sessionId)} action="models.open">
          Open
        </Button>
      </div>
    </aside>
  )
}

function pairsOf(call: ModelCall, nowMs: number): readonly (readonly [string, string | null])[] {
  return [
    ['tokens in', countText(call.inputTokens)],
    ['of it cached', countText(call.cachedTokens)],
    ['tokens out', countText(call.outputTokens)],
    ['cost', call.costUsdNanos === null ? 'not known' : formatUsd(call.costUsdNanos)],
    ['first token', formatStep(call.firstByteMs)],
    ['took', formatStep(durationOf(call, nowMs))],
    ['asked', formatMoment(call.startedAtMs)],
    ['through', dialectName(call.dialect)],
    ['answer', call.isTranslated ? 'translated from another interface' : 'passed on as it came'],
    ['provider', call.provider],
    ['status', call.status === null ? null : String(call.status)],
    ['id', call.id],
  ]
}

function countText(count: number | null): string {
  return count === null ? 'not known' : formatCount(count)
}

function open(sessionId: string): void {
  window.location.hash = sessionAddress(sessionId, 'models')
}
