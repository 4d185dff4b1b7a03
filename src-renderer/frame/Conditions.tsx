import { ChevronRight } from 'lucide-react'
import type { Read } from '../client/use-read.ts'
import { formatClock } from '../format/duration.ts'
import { Foreign } from '../ui/Foreign.tsx'
import { Lamp, type LampShape } from '../ui/Lamp.tsx'
import type { useOverview } from './TitleStrip.tsx'

type Overview = NonNullable<ReturnType<typeof useOverview>['data']>
const shapes: Readonly<Record<string, LampShape>> = { caution: 'triangle', danger: 'square', idle: 'ring' }

/** Standing conditions: shown until their cause clears, with the remedy. */
export function Conditions(props: { overview: Read<Overview> }) {
  const conditions = props.overview.data?.conditions ?? []
  return conditions.map((one) => (
    <div className="condition" key={`${one.kind} ${one.sinceMs}`} role="status">
      <Lamp tone={one.tone} shape={shapes[one.tone] ?? 'ring'} />
      <span className="grow">
        <Foreign text={one.text} max={400} />
        {one.remedy && (
          <span className="muted">
            {' '}
            <ChevronRight size={11} aria-hidden="true" /> <Foreign text={one.remedy} max={400} />
          </span>
        )}
      </span>
      <span className="faint tiny">since {formatClock(one.sinceMs)}</span>
    </div>
  ))
}
