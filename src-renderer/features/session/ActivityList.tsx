import type { Ask, SessionDetail } from '@contract/session.ts'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { useCommand } from '../../client/use-command.ts'
import { AskCard } from '../../ui/AskCard.tsx'
import { Button } from '../../ui/Button.tsx'
import { useKeyActions } from '../../ui/keyboard.tsx'
import { ProblemBlock, Skeleton } from '../../ui/Loadable.tsx'
import { foldActivities, isTrouble, type Step } from './activity.model.ts'
import { useSteps } from './queries.ts'
import { StepView } from './StepView.tsx'

/** What the session said and did, oldest first; stays at the end while one is there. */
export function ActivityList(props: { detail: SessionDetail; nowMs: number }) {
  const { row, asks } = props.detail
  const [count] = useState(props.detail.activityCount)
  const { log, problem } = useSteps(row.id, count)
  const steps = useMemo(() => foldActivities(log?.items ?? []), [log])
  if (!log && problem && problem.code !== 'disconnected') return <ProblemBlock problem={problem} />
  if (!log && count > 0) return <Skeleton rows={9} />
  if (steps.length === 0)
    return (
      <p className="activity-none faint">
        {row.status === 'queued' ? 'Waits for a free slot.' : 'Nothing said yet.'}
      </p>
    )
  return (
    <Steps
      steps={steps}
      startMs={row.startedAtMs ?? row.createdAtMs}
      isCut={log !== undefined && log.from > 0 ? log.from : 0}
      asks={asks}
      nowMs={props.nowMs}
    />
  )
}

function useOpenAsk(asks: readonly Ask[], nowMs: number, arming: number) {
  const answer = useCommand('session', 'answer')
  const isOffline = useClient() === null
  return (step: Step): ReactNode => {
    const ask = step.kind === 'ask' ? asks.find((one) => one.id === step.askId) : undefined
    if (!ask) return null
    return (
      <AskCard
        isBare
        ask={ask}
        nowMs={nowMs}
        arming={ask === asks[0] ? arming : 0}
        isBusy={answer.isRunning}
        blocked={isOffline ? 'The daemon does not answer.' : null}
        onAnswer={(optionId) => void answer.run({ askId: ask.id, optionId })}
      />
    )
  }
}

interface StepsProps {
  readonly steps: readonly Step[]
  readonly startMs: number
  readonly isCut: number
  readonly asks: readonly Ask[]
  readonly nowMs: number
}

/** Where the reader is: at the end and following, or at a step. */
function useReading(steps: readonly Step[], asks: readonly Ask[]) {
  const scroller = useRef<HTMLDivElement>(null)
  const [isFollowing, setFollowing] = useState(true)
  const [active, setActive] = useState(-1)
  const [arming, setArming] = useState(0)
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 34,
    getItemKey: (index) => steps[index]?.key ?? index,
    overscan: 12,
  })
  const last = steps.at(-1)
  useEffect(() => {
    if (isFollowing && last) virtual.scrollToIndex(steps.length - 1, { align: 'end' })
  }, [isFollowing, last, steps.length, virtual])
  const go = (index: number) => {
    if (index < 0 || index >= steps.length) return
    setFollowing(index === steps.length - 1)
    setActive(index)
    virtual.scrollToIndex(index, { align: 'auto' })
  }
  const goToTrouble = () => {
    const next = steps.findIndex((step, index) => index > active && isTrouble(step))
    go(next >= 0 ? next : steps.findIndex(isTrouble))
  }
  useKeyActions({
    'session.next': () => go(Math.min(steps.length - 1, active + 1)),
    'session.previous': () => go(Math.max(0, (active < 0 ? steps.length : active) - 1)),
    'session.error': steps.some(isTrouble) ? goToTrouble : undefined,
    'session.follow': () => go(steps.length - 1),
    'session.allow': asks.length > 0 ? () => setArming((value) => value + 1) : undefined,
  })
  const onScroll = () => {
    const place = scroller.current
    if (place) setFollowing(place.scrollHeight - place.scrollTop - place.clientHeight < 40)
  }
  return { scroller, virtual, isFollowing, active, arming, onScroll, follow: () => go(steps.length - 1) }
}

function Steps(props: StepsProps) {
  const { steps } = props
  const { scroller, virtual, isFollowing, active, arming, onScroll, follow } = useReading(steps, props.asks)
  const askFor = useOpenAsk(props.asks, props.nowMs, arming)
  return (
    <div className="activity-place">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <section className="activity" ref={scroller} tabIndex={0} aria-label="Activity" onScroll={onScroll}>
        {props.isCut > 0 && (
          <p className="faint small activity-none">{props.isCut} earlier items are not shown here.</p>
        )}
        <div className="activity-body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const step = steps[item.index]
            if (!step) return null
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className="activity-item"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <StepView
                  step={step}
                  startMs={props.startMs}
                  isActive={item.index === active}
                  ask={askFor(step)}
                />
              </div>
            )
          })}
        </div>
      </section>
      {!isFollowing && (
        <Button className="activity-follow" onPress={follow} action="session.follow">
          To the end
        </Button>
      )}
    </div>
  )
}
