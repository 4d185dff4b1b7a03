import { type Ref, useMemo } from 'react'
import { useClient } from '../../client/access.tsx'
import type { CallLog, useCalls } from '../../client/call-feed.ts'
import { formatAddress } from '../../format/address.ts'
import { formatClock } from '../../format/duration.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { type ModelsPart, useKernelView } from '../../stores/kernel-view.ts'
import { Chip, ChoiceChip } from '../../ui/Chip.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { chooseCalls, stateNames, totalsOf, totalsText } from './models.model.ts'

const parts: readonly (readonly [ModelsPart, string])[] = [
  ['calls', 'Calls'],
  ['providers', 'Providers'],
  ['prices', 'Prices'],
]
/** The order in which `[` and `]` step through the parts. */
export const partOrder: readonly ModelsPart[] = parts.map(([part]) => part)
const stateChoices = [['any', 'any'] as const, ...stateNames]

/** What is shown of the models, whether the gateway listens, and the sums. */
export function ModelsBar(props: {
  feed: ReturnType<typeof useCalls>
  sessionId: string | null
  findRef: Ref<HTMLInputElement>
}) {
  const { log } = props.feed
  const { models: view, setModels: set } = useKernelView()
  return (
    <>
      <div className="filter-bar">
        <h1 className="filter-title">Models</h1>
        {parts.map(([part, name]) => (
          <Chip key={part} isOn={view.part === part} onPress={() => set({ part })}>
            {name}
          </Chip>
        ))}
        {view.part !== 'providers' && (
          <input
            ref={props.findRef}
            className="filter-find"
            aria-label={view.part === 'calls' ? 'Filter calls' : 'Filter prices'}
            placeholder="Filter"
            value={view.text}
            onChange={(event) => set({ text: event.target.value })}
            onKeyDown={(event) => {
              if (event.key !== 'Escape' && event.key !== 'Enter') return
              event.preventDefault()
              if (event.key === 'Escape') set({ text: '' })
              document.querySelector<HTMLElement>('main .grid')?.focus()
            }}
          />
        )}
        <span className="grow" />
        {view.part === 'calls' && <Choices log={log} sessionId={props.sessionId} />}
      </div>
      <div className="models-line small">
        {log && <Gateway address={log.gateway} />}
        {log && view.part === 'calls' && <Sums log={log} />}
      </div>
    </>
  )
}

function Gateway(props: { address: string | null }) {
  if (props.address === null)
    return (
      <span className="line muted">
        <Lamp tone="idle" shape="ring" size={10} />
        The gateway does not listen: it starts with the first session that needs it.
      </span>
    )
  return (
    <span className="line muted">
      <Lamp tone="clear" shape="disc" size={10} />
      <span>
        Gateway listens at <Foreign className="mono selectable" text={props.address} max={80} />
      </span>
    </span>
  )
}

/** Sums over all that match where the daemon can say so; else over what is here, and it says of how many. */
function Sums(props: { log: CallLog }) {
  const { log } = props
  const { provider, text } = useKernelView((state) => state.models)
  const isOffline = useClient() === null
  const shown = useMemo(() => chooseCalls(log.calls, { provider, text }), [log.calls, provider, text])
  const isPart = provider !== 'any' || text.trim() !== ''
  const sums = totalsText(isPart ? totalsOf(shown) : log.totals)
  return (
    <span className="muted num models-sums" role="status">
      {sums}
      {isPart && log.hasMore && ` · of the newest ${log.calls.length}`}
      {isOffline && ` · as of ${formatClock(log.atMs, true)}`}
    </span>
  )
}

const mostChoices = 300

function Choices(props: { log: CallLog | undefined; sessionId: string | null }) {
  const { log, sessionId } = props
  const { models: view, setModels: set } = useKernelView()
  const calls = log?.calls
  const { sessions, providers } = useMemo(() => {
    const titles = new Map<string, string>()
    const names = new Set<string>()
    for (const call of calls ?? []) {
      titles.set(call.sessionId, visibleLine(call.sessionTitle ?? call.sessionId))
      names.add(call.provider)
    }
    return { sessions: [...titles].slice(0, mostChoices), providers: [...names].sort() }
  }, [calls])
  const isKnown = sessionId === null || sessions.some(([id]) => id === sessionId)
  const sessionChoices = [
    ['', 'all'] as const,
    ...(isKnown ? [] : [[sessionId, sessionId] as const]),
    ...sessions,
  ]
  const providerNames =
    view.provider === 'any' || providers.includes(view.provider) ? providers : [...providers, view.provider]
  return (
    <>
      <ChoiceChip
        label="Session"
        value={sessionId ?? ''}
        choices={sessionChoices}
        onChange={(id) => {
          window.location.hash = formatAddress({ screen: 'models', sessionId: id === '' ? null : id })
        }}
      />
      <ChoiceChip
        label="Provider"
        value={view.provider}
        choices={[
          ['any', 'any'] as const,
          ...providerNames.map((name) => [name, visibleLine(name)] as const),
        ]}
        onChange={(provider) => set({ provider })}
      />
      <ChoiceChip
        label="State"
        value={view.state}
        choices={stateChoices}
        onChange={(state) => set({ state })}
      />
    </>
  )
}
