import { useRead } from '../../client/use-read.ts'
import { screenOfSession } from '../../format/address.ts'
import { formatCount } from '../../format/amounts.ts'
import { shortProcessName } from '../../format/process-name.ts'
import { visibleLine } from '../../format/visible-text.ts'
import { Foreign } from '../../ui/Foreign.tsx'
import { Lamp } from '../../ui/Lamp.tsx'
import { useNow } from '../../ui/use-now.ts'
import { arrangeHeld, arrangeRefused, expiryText, stateOf } from './authority.model.ts'
import { namesAmong } from './names.model.ts'
import './authority.css'

const most = 60

/** What the processes of one session hold now, in short, for its own page. */
export function SessionAuthority(props: { sessionId: string }) {
  const { sessionId } = props
  const read = useRead('capability', 'list', { sessionId, limit: 500 }, { everyMs: 3000 })
  const nowMs = useNow(3000)
  if (!read.data) return null
  const filter = { text: '', sessionId: null, folded: new Set<number>() }
  const { capabilities, total } = read.data
  const names = namesAmong(capabilities)
  const held = arrangeHeld(capabilities, filter, names)
  const refused = arrangeRefused(read.data.refusals, filter, names)
  const unseen = Math.max(0, total - Math.min(most, held.length)) + Math.max(0, refused.length - most)
  if (held.length === 0 && refused.length === 0) return null
  return (
    <>
      <h2 className="section-title spaced">Held by its processes now</h2>
      <ul>
        {held.slice(0, most).map((row) =>
          row.kind === 'held' ? (
            <li
              key={row.key}
              className="line cap-short small"
              style={{ paddingLeft: Math.min(row.depth, 6) * 12 }}
            >
              <Lamp {...stateOf(row.cap, nowMs)} size={10} label={stateOf(row.cap, nowMs).word} />
              <span className="grow cut" title={visibleLine(row.cap.target)}>
                {row.cap.kind !== 'device' && <span className="faint">{row.cap.kind} </span>}
                <Foreign text={row.name} max={70} />{' '}
                <Foreign
                  className="faint"
                  text={shortProcessName(row.cap.processName, row.cap.sessionId)}
                  max={30}
                />
              </span>
              <span className="faint num">{expiryText(row.cap, nowMs)}</span>
              <span className="faint num">{formatCount(row.cap.uses)}</span>
            </li>
          ) : null,
        )}
        {refused.slice(0, most).map((row) =>
          row.kind === 'refused' ? (
            <li key={row.key} className="line cap-short small">
              <Lamp tone="danger" shape="square" size={10} label="refused" />
              <span className="grow cut" title={visibleLine(row.refusal.device)}>
                <Foreign text={row.name} max={50} />{' '}
                <Foreign className="faint" text={row.refusal.what} max={70} />
              </span>
              <span className="danger-text num">{formatCount(row.refusal.count)}</span>
            </li>
          ) : null,
        )}
      </ul>
      <p className="small cap-more">
        {unseen > 0 && <span className="faint">{formatCount(unseen)} more. </span>}
        <a href={screenOfSession('authority', sessionId)}>Narrow, expire or revoke in Authority</a>
      </p>
    </>
  )
}
