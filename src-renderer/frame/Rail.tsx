import type { Read } from '../client/use-read.ts'
import type { Address } from '../format/address.ts'
import { formatCount } from '../format/amounts.ts'
import { preloadScreen } from './Screens.tsx'
import type { useOverview } from './TitleStrip.tsx'

type Overview = NonNullable<ReturnType<typeof useOverview>['data']>

interface Entry {
  readonly screen: Exclude<Address['screen'], 'session' | 'first-run'>
  readonly name: string
  readonly count?: number | undefined
  readonly isCaution?: boolean
}

/** The places of the console; only what exists stands here. */
export function Rail(props: { overview: Read<Overview>; current: Address['screen'] | undefined }) {
  const { data } = props.overview
  const groups: readonly { title: string | null; entries: readonly Entry[] }[] = [
    {
      title: null,
      entries: [
        { screen: 'fleet', name: 'Fleet', count: data?.total },
        {
          screen: 'needs-you',
          name: 'Needs you',
          count: data?.needsYou,
          isCaution: (data?.needsYou ?? 0) > 0,
        },
        { screen: 'queue', name: 'Queue', count: data?.queued },
      ],
    },
    { title: 'Work', entries: [{ screen: 'agents', name: 'Agents' }] },
    {
      title: 'Kernel',
      entries: [
        { screen: 'processes', name: 'Processes' },
        { screen: 'authority', name: 'Authority' },
        { screen: 'models', name: 'Models' },
      ],
    },
    { title: 'Trust', entries: [{ screen: 'audit', name: 'Audit' }] },
    {
      title: 'House',
      entries: [
        { screen: 'storage', name: 'Storage' },
        { screen: 'cost', name: 'Cost' },
      ],
    },
  ]
  return (
    <nav className="rail-nav" aria-label="Places">
      {groups.map((group) => (
        <div key={group.title ?? 'first'} className="rail-group">
          {group.title && <div className="rail-title">{group.title}</div>}
          {group.entries.map((entry) => (
            <RailLink key={entry.screen} entry={entry} isCurrent={props.current === entry.screen} />
          ))}
        </div>
      ))}
      <span className="grow" />
      <RailLink entry={{ screen: 'settings', name: 'Settings' }} isCurrent={props.current === 'settings'} />
    </nav>
  )
}

function RailLink(props: { entry: Entry; isCurrent: boolean }) {
  const { screen, name, count, isCaution } = props.entry
  return (
    <a
      className="rail-link"
      href={`#/${screen}`}
      title={name}
      aria-current={props.isCurrent ? 'page' : undefined}
      onPointerEnter={() => preloadScreen(screen)}
      onFocus={() => preloadScreen(screen)}
    >
      <span className="rail-name">{name}</span>
      {count !== undefined && count > 0 && (
        <span className={isCaution ? 'caution-text rail-count' : 'rail-count faint'}>
          {formatCount(count)}
        </span>
      )}
    </a>
  )
}
