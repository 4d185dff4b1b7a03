import type { Ref } from 'react'
import { formatAddress } from '../../format/address.ts'
import { useKernelView } from '../../stores/kernel-view.ts'
import { Chip, ChoiceChip } from '../../ui/Chip.tsx'

/** More sessions than this are found by typing. */
const mostChoices = 300

/** Whose authority is shown, and how. */
export function AuthorityBar(props: {
  sessionId: string | null
  sessions: readonly (readonly [string, string])[]
  summary: string
  /** Why the list stands still although something changed; empty while it does not. */
  held: string
  findRef: Ref<HTMLInputElement>
  onLeaveFind: () => void
}) {
  const { authority: view, setAuthority: set } = useKernelView()
  const { sessionId } = props
  const known = props.sessions.slice(0, mostChoices)
  const isKnown = sessionId === null || known.some(([id]) => id === sessionId)
  const choices = [
    ['', 'all'] as const,
    ...(isKnown
      ? []
      : [[sessionId, props.sessions.find(([id]) => id === sessionId)?.[1] ?? sessionId] as const]),
    ...known,
  ]
  return (
    <div className="filter-bar">
      <h1 className="filter-title">Authority</h1>
      <span className="small muted">{props.summary}</span>
      <input
        ref={props.findRef}
        className="filter-find"
        aria-label="Filter capabilities"
        placeholder="Filter"
        value={view.text}
        onChange={(event) => set({ text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter' && event.key !== 'ArrowDown') return
          event.preventDefault()
          if (event.key === 'Escape') set({ text: '' })
          props.onLeaveFind()
        }}
      />
      <span className="grow" />
      {props.held && <span className="held-note">{props.held}</span>}
      <ChoiceChip
        label="Session"
        value={sessionId ?? ''}
        choices={choices}
        onChange={(id) => {
          window.location.hash = formatAddress({ screen: 'authority', sessionId: id === '' ? null : id })
        }}
      />
      <Chip isOn={!view.isGraph} onPress={() => set({ isGraph: false })}>
        Table
      </Chip>
      <Chip isOn={view.isGraph} onPress={() => set({ isGraph: true })}>
        Graph
      </Chip>
    </div>
  )
}
