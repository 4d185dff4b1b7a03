import type { ProcessRow } from '@contract/process.ts'
import { memo } from 'react'
import { useRead } from '../../client/use-read.ts'
import { screenOfSession } from '../../format/address.ts'
import { formatCount } from '../../format/amounts.ts'
import { Chip } from '../../ui/Chip.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { heldThings } from './held.model.ts'

const most = 10

/** What the process holds; read again when a fact says that something changed. */
export const HeldPart = memo(
  function HeldPart(props: { row: ProcessRow }) {
    const { pid, sessionId } = props.row
    const held = useRead('capability', 'list', { pid, limit: 40 }, { everyMs: 5000 })
    const rows = held.data?.capabilities ?? []
    const total = held.data?.total ?? rows.length
    const things = heldThings(rows)
    const more = Math.max(0, things.length - most) + total - rows.length
    return (
      <section className="inspector-part">
        <h3 className="section-title">May</h3>
        {held.problem && <p className="faint small">{held.problem.what}</p>}
        <div className="line wraps inspector-chips">
          {things.slice(0, most).map(({ key, kind, name, rights, hint }) => (
            <Chip key={key} hint={hint}>
              {kind !== '' && <span className="faint">{kind} </span>}
              <Foreign text={name} max={30} />
              {rights.length > 0 && <span className="faint"> {rights.join(', ')}</span>}
            </Chip>
          ))}
          {more > 0 && <span className="faint tiny">{formatCount(more)} more</span>}
          {held.data && total === 0 && <span className="faint small">nothing</span>}
        </div>
        {total > 0 && (
          <p className="small process-more">
            <a href={sessionId ? screenOfSession('authority', sessionId) : '#/authority'}>
              See it in Authority
            </a>
          </p>
        )}
      </section>
    )
  },
  (before, now) => before.row.pid === now.row.pid,
)
