import type { Ref } from 'react'
import { formatCount } from '../../format/amounts.ts'
import { type FleetGroup, type FleetSort, type FleetView, useView } from '../../stores/view.ts'
import { Button } from '../../ui/Button.tsx'
import { Chip, ChoiceChip } from '../../ui/Chip.tsx'
import { useOverviewCounts } from './queries.ts'

const groups: readonly (readonly [FleetGroup, string])[] = [
  ['project', 'project'],
  ['state', 'state'],
  ['agent', 'agent'],
  ['none', 'none'],
]
const sorts: readonly (readonly [FleetSort, string])[] = [
  ['attention', 'attention'],
  ['newest', 'newest'],
  ['elapsed', 'elapsed'],
  ['cost', 'cost'],
  ['title', 'title'],
  ['state', 'state'],
  ['agent', 'agent'],
]

/** What the list shows and in which order, and the way to a new session. */
export function FilterBar(props: {
  isQueue: boolean
  findRef: Ref<HTMLInputElement>
  onNew: () => void
  onLeaveFind: () => void
}) {
  const { view, group, sort, text, set } = useView()
  const { data } = useOverviewCounts()
  const views: readonly (readonly [FleetView, string, number | undefined])[] = [
    ['all', 'All', data?.total],
    ['needs-you', 'Needs you', data?.needsYou],
    ['working', 'Working', data?.running],
    ['to-review', 'To review', data?.toReview],
  ]
  return (
    <div className="filter-bar">
      {props.isQueue ? (
        <h1 className="filter-title">Queue</h1>
      ) : (
        views.map(([value, name, count]) => (
          <Chip key={value} isOn={view === value} onPress={() => set({ view: value })}>
            {name} {count === undefined ? '' : formatCount(count)}
          </Chip>
        ))
      )}
      <input
        ref={props.findRef}
        className="filter-find"
        aria-label="Filter sessions"
        placeholder="Filter"
        value={text}
        onChange={(event) => set({ text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && event.key !== 'Enter' && event.key !== 'ArrowDown') return
          event.preventDefault()
          if (event.key === 'Escape') set({ text: '' })
          props.onLeaveFind()
        }}
      />
      <span className="grow" />
      <ChoiceChip label="Group" value={group} choices={groups} onChange={(value) => set({ group: value })} />
      <ChoiceChip label="Sort" value={sort} choices={sorts} onChange={(value) => set({ sort: value })} />
      <Button kind="primary" onPress={props.onNew} action="fleet.new">
        New session
      </Button>
    </div>
  )
}

/** The order in which `[` and `]` step through the views. */
export const viewOrder: readonly FleetView[] = ['all', 'needs-you', 'working', 'to-review']
/** The order in which `G` steps through the groupings. */
export const groupOrder: readonly FleetGroup[] = groups.map(([value]) => value)
