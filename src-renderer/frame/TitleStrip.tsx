import { useConnection } from '../client/access.tsx'
import { type Read, useRead } from '../client/use-read.ts'
import { formatCount, formatUsd, formatUsdLimit } from '../format/amounts.ts'
import { useOverlay } from '../stores/overlay.ts'
import { Hint } from '../ui/Hint.tsx'
import { Kbd } from '../ui/keyboard.tsx'
import { Lamp, type LampShape, type LampTone } from '../ui/Lamp.tsx'
import { navigate } from '../ui/navigate.ts'

type Overview = NonNullable<ReturnType<typeof useOverview>['data']>

/** The strip's numbers, read once and shared by strip, rail and foot. */
export function useOverview() {
  return useRead('fleet', 'overview', {})
}

interface DaemonLamp {
  readonly tone: LampTone
  readonly shape: LampShape
  readonly text: string
}

function daemonLamp(phase: string, overview: Overview | undefined): DaemonLamp {
  if (phase === 'offline') return { tone: 'danger', shape: 'square', text: 'The daemon does not answer' }
  if (!overview) return { tone: 'idle', shape: 'ring', text: 'Connecting to the daemon' }
  if (overview.daemon === 'ready') return { tone: 'clear', shape: 'disc', text: 'The daemon is ready' }
  const words = {
    paused: 'is paused: nothing new starts',
    draining: 'is finishing its sessions',
    stopping: 'is stopping',
  }
  return { tone: 'caution', shape: 'triangle', text: `The daemon ${words[overview.daemon]}` }
}

/** What is so, in one line: daemon, slots, running, what needs you, cost; and the way to everything at the right. */
export function TitleStrip(props: { overview: Read<Overview> }) {
  const { phase } = useConnection()
  const { data } = props.overview
  const open = useOverlay((state) => state.open)
  const lamp = daemonLamp(phase, data)
  return (
    <header className="strip">
      <Hint text={lamp.text}>
        <button type="button" className="strip-name" onClick={() => navigate({ screen: 'fleet' })}>
          <Lamp tone={lamp.tone} shape={lamp.shape} size={11} label={lamp.text} />
          Signalbox
        </button>
      </Hint>
      {data && <Numbers overview={data} />}
      {isUnsandboxed() && !data?.conditions.some((one) => one.text.includes('sandbox')) && (
        <span className="caution-text tiny">window not sandboxed: running as root</span>
      )}
      <span className="grow" />
      <button type="button" className="search" onClick={() => open({ kind: 'palette' })}>
        <span className="grow">Search or run a command</span>
        <Kbd chord="Mod+K" />
      </button>
    </header>
  )
}

/** The shell says in the page's address whether Chromium's sandbox is on. */
function isUnsandboxed(): boolean {
  return new URLSearchParams(window.location.search).get('sandbox') === 'off'
}

function Numbers(props: { overview: Overview }) {
  const { slots, running, needsYou, costTodayUsdNanos, dailyBudgetUsdNanos, sessionsWithoutCost } =
    props.overview
  return (
    <>
      <span className="line strip-item">
        <SlotGauge used={slots.used} total={slots.total} />
        <span>
          <b>{slots.used}</b> of {slots.total} slots
        </span>
      </span>
      <span className="strip-item">
        running <b>{formatCount(running)}</b>
      </span>
      {needsYou > 0 && (
        <a className="strip-item caution-text line" href="#/needs-you">
          <Lamp tone="caution" shape="triangle" size={11} />
          <span>
            <b>{formatCount(needsYou)}</b> {needsYou === 1 ? 'needs you' : 'need you'}
          </span>
        </a>
      )}
      <span
        className="strip-item"
        title={
          sessionsWithoutCost > 0
            ? `${sessionsWithoutCost} sessions without cost data are not counted`
            : undefined
        }
      >
        today <b>{formatUsd(costTodayUsdNanos)}</b>
        {dailyBudgetUsdNanos !== null && ` of ${formatUsdLimit(dailyBudgetUsdNanos)}`}
        {sessionsWithoutCost > 0 && <span className="faint"> + {sessionsWithoutCost} unknown</span>}
      </span>
    </>
  )
}

function SlotGauge(props: { used: number; total: number }) {
  if (props.total > 32 || props.total === 0) return null
  return (
    <span className="slots" aria-hidden="true">
      {Array.from({ length: props.total }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place
        <i key={index} className={index < props.used ? 'on' : ''} />
      ))}
    </span>
  )
}
