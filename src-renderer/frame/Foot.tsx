import type { Read } from '../client/use-read.ts'
import { plural } from '../format/amounts.ts'
import { formatAgo, formatClock } from '../format/duration.ts'
import { Kbd, useKeyTable } from '../ui/keyboard.tsx'
import type { useOverview } from './TitleStrip.tsx'

type Overview = NonNullable<ReturnType<typeof useOverview>['data']>

/** The keys of this screen at the left, the journal's state at the right. */
export function Foot(props: { overview: Read<Overview>; nowMs: number }) {
  const { table, screen } = useKeyTable()
  const footOf = (scope: string) => table.filter((one) => one.isInFoot && one.scope === scope)
  const shown = [...footOf(screen), ...footOf('global')]
  const { data } = props.overview
  return (
    <footer className="foot">
      <div className="foot-keys" aria-label="Keys of this screen" role="note">
        {shown.map((one) => (
          <span key={one.action} className="foot-key">
            {(one.isNative ? one.keys.slice(0, 2) : one.keys.slice(0, 1)).map((chord) => (
              <Kbd key={chord} chord={chord} />
            ))}
            <span>{one.label}</span>
          </span>
        ))}
      </div>
      {data && (
        <a className="foot-journal" href="#/audit">
          {journalText(data, props.nowMs)}
        </a>
      )}
    </footer>
  )
}

function journalText({ journal }: Overview, nowMs: number): string {
  const facts = `Journal ${plural(journal.facts, 'fact')}`
  if (journal.ok === false) return `${facts} · does not verify`
  if (journal.verifiedAtMs === null) return `${facts} · not verified yet`
  const age = nowMs - journal.verifiedAtMs
  return `${facts} · verified ${age < 60_000 ? formatAgo(Math.max(0, age)) : formatClock(journal.verifiedAtMs)}`
}
