import { useCommand } from '../client/use-command.ts'
import { plural } from '../format/amounts.ts'
import { visibleLine } from '../format/visible-text.ts'
import { type NamedSession, useOverlay } from '../stores/overlay.ts'
import { Confirm } from '../ui/Dialog.tsx'

/** Asks before a stop or a discard, and says of how many and what is lost. */
export function ConfirmSessions() {
  const { overlay, close } = useOverlay()
  const stop = useCommand('session', 'stop')
  const discard = useCommand('session', 'discard')
  const isOpen = overlay.kind === 'confirm'
  const sessions = isOpen ? overlay.sessions : []
  const isStop = isOpen && overlay.verb === 'stop'
  const run = async () => {
    const command = isStop ? stop : discard
    close()
    for (const { id } of sessions) await command.run({ sessionId: id })
  }
  return (
    <Confirm
      isOpen={isOpen}
      title={titleOf(sessions, isStop)}
      verb={isStop ? 'Stop' : 'Discard'}
      onClose={close}
      onConfirm={() => void run()}
    >
      <ul className="confirm-names">
        {sessions.slice(0, 8).map((one) => (
          <li key={one.id} className="cut">
            {visibleLine(one.title)}
          </li>
        ))}
        {sessions.length > 8 && <li>{sessions.length - 8} more</li>}
      </ul>
      <p>{isStop ? stopText : discardText}</p>
    </Confirm>
  )
}

const stopText =
  'The agent is told to end, then ended by force after ten seconds at most. What it changed stays in its workarea for review.'
const discardText =
  'The workarea is removed. The result stays in your repository as a commit without a branch until git tidies up; nothing else of it remains.'

function titleOf(sessions: readonly NamedSession[], isStop: boolean): string {
  const what = sessions.length === 1 ? 'this session' : plural(sessions.length, 'session')
  return isStop ? `Stop ${what}?` : `Discard the changes of ${what}?`
}
