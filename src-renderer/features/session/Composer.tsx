import type { SessionDetail } from '@contract/session.ts'
import { useRef, useState } from 'react'
import { useClient } from '../../client/access.tsx'
import { possibleFor } from '../../client/session-state.ts'
import { useCommand } from '../../client/use-command.ts'
import { plural } from '../../format/amounts.ts'
import { useOverlay } from '../../stores/overlay.ts'
import { type ReviewNote, useNotesOf, useReviewNotes } from '../../stores/review-notes.ts'
import { Button } from '../../ui/Button.tsx'
import { Foreign } from '../../ui/Foreign.tsx'
import { Kbd, useKeyActions } from '../../ui/keyboard.tsx'
import { writePrompt } from './notes.model.ts'

/** Tells the running agent something; after its end, starts a session that continues it. */
export function Composer(props: { detail: SessionDetail }) {
  const { detail } = props
  const can = possibleFor(detail.row)
  const waiting = detail.queuedPrompts.filter((one) => !one.delivered)
  return (
    <div className="composer" data-key-scope="composer">
      {waiting.map((one) => (
        <p key={one.promptId} className="faint small cut">
          Queued: <Foreign text={one.text} max={120} />
        </p>
      ))}
      {can.prompt ? <PromptField detail={detail} /> : <AfterEnd detail={detail} canContinue={can.continue} />}
    </div>
  )
}

function PromptField(props: { detail: SessionDetail }) {
  const { id } = props.detail.row
  const notes = useWrittenNotes(id)
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  const prompt = useCommand('session', 'prompt')
  const isOffline = useClient() === null
  const send = async () => {
    const whole = writePrompt(text, notes)
    if (whole === '' || prompt.isRunning || isOffline) return
    const outcome = await prompt.run({ sessionId: id, text: whole })
    if (!outcome.ok) return
    setText('')
    useReviewNotes.getState().clear(id)
  }
  useKeyActions({
    'composer.send': () => void send(),
    'composer.leave': () => field.current?.blur(),
    'session.prompt': () => field.current?.focus(),
  })
  const rows = Math.min(8, Math.max(1, text.split('\n').length))
  return (
    <div className="composer-field">
      <textarea
        ref={field}
        rows={rows}
        value={text}
        aria-label="Tell the agent something"
        placeholder={isOffline ? 'The daemon does not answer' : 'Tell the agent something'}
        disabled={isOffline}
        onChange={(event) => setText(event.target.value)}
      />
      {text === '' && notes.length === 0 ? (
        <Kbd chord="R" />
      ) : (
        <Button
          kind="primary"
          onPress={() => void send()}
          action="composer.send"
          isDisabled={prompt.isRunning}
        >
          {sendWord(text, notes.length)}
        </Button>
      )}
    </div>
  )
}

/** The notes that say something; one that was only begun is not sent. */
function useWrittenNotes(sessionId: string): readonly ReviewNote[] {
  return useNotesOf(sessionId).filter((one) => one.text.trim() !== '')
}

function sendWord(text: string, notes: number): string {
  if (notes === 0) return 'Send'
  return `${text.trim() === '' ? 'Send' : 'Send with'} ${plural(notes, 'review note')}`
}

function AfterEnd(props: { detail: SessionDetail; canContinue: boolean }) {
  const { row } = props.detail
  const open = useOverlay((state) => state.open)
  const notes = useWrittenNotes(row.id)
  const start = () =>
    open({
      kind: 'new-session',
      start: {
        continues: row.id,
        projectId: row.projectId,
        title: row.title,
        agent: row.agent,
        ...(notes.length > 0 ? { prompt: writePrompt('', notes) } : {}),
      },
    })
  useKeyActions({ 'session.prompt': props.canContinue ? start : undefined })
  return (
    <>
      {row.status !== 'completed' && row.endMessage && (
        <p className={`small selectable ${row.status === 'failed' ? 'danger-text' : 'muted'}`} role="status">
          <Foreign text={row.endMessage} max={1000} />
        </p>
      )}
      {props.canContinue ? (
        <div className="line">
          <span className="faint small grow">
            The session has ended. A follow-up is a new session on the same workarea.
          </span>
          <Button onPress={start} action="session.prompt">
            {notes.length === 0 ? 'Follow up' : `Follow up with ${plural(notes.length, 'note')}`}
          </Button>
        </div>
      ) : (
        <p className="faint small">{endText(row.workareaState)}</p>
      )}
    </>
  )
}

function endText(state: SessionDetail['row']['workareaState']): string {
  if (state === 'landed') return 'The session has landed.'
  return state === 'discarded' ? 'The session was discarded.' : 'The session has ended without a workarea.'
}
