import type { Ask, SessionDetail } from '@contract/session.ts'
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import type { EarlierActivities } from '../../client/activity-feed.ts'
import { useCommand } from '../../client/use-command.ts'
import { formatCount } from '../../format/amounts.ts'
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
  const { log, problem, earlier } = useSteps(row.id, count)
  const steps = useMemo(() => foldActivities([...earlier.items, ...(log?.items ?? [])]), [earlier.items, log])
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
      earlier={earlier}
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
  readonly earlier: EarlierActivities
  readonly asks: readonly Ask[]
  readonly nowMs: number
}

/** Where the reader is: at the end and following, or at a step. */
function useReading(steps: readonly Step[], asks: readonly Ask[], earlier: EarlierActivities) {
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
  useSteadyTop(scroller, virtual, steps)
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
    if (!place) return
    setFollowing(place.scrollHeight - place.scrollTop - place.clientHeight < 40)
    if (place.scrollTop < place.clientHeight) earlier.read()
  }
  return { scroller, virtual, isFollowing, active, arming, onScroll, follow: () => go(steps.length - 1) }
}

/** Keeps what is read in place when earlier steps come in above it. */
function useSteadyTop(
  scroller: RefObject<HTMLDivElement | null>,
  virtual: Virtualizer<HTMLDivElement, Element>,
  steps: readonly Step[],
): void {
  const first = useRef(steps[0]?.key)
  useLayoutEffect(() => {
    const before = first.current
    first.current = steps[0]?.key
    if (before === undefined || before === steps[0]?.key) return
    const added = steps.findIndex((step) => step.key === before)
    const start = virtual.measurementsCache[added]?.start
    if (start !== undefined) scroller.current?.scrollBy({ top: start })
  }, [steps, scroller, virtual])
}

function Before(props: { earlier: EarlierActivities }) {
  const { from, read, problem } = props.earlier
  return (
    <p className="faint small activity-none">
      {problem ? `${problem.what} ` : `${formatCount(from)} earlier items. `}
      <button type="button" className="link" onClick={read}>
        Read further back
      </button>
    </p>
  )
}

function Steps(props: StepsProps) {
  const { steps } = props
  const { scroller, virtual, isFollowing, active, arming, onScroll, follow } = useReading(
    steps,
    props.asks,
    props.earlier,
  )
  const askFor = useOpenAsk(props.asks, props.nowMs, arming)
  return (
    <div className="activity-place">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <section className="activity" ref={scroller} tabIndex={0} aria-label="Activity" onScroll={onScroll}>
        {props.earlier.from > 0 && <Before earlier={props.earlier} />}
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
