import type { PromptId } from '../../contract/ids.ts'
import { accept, type Decision, reject } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/**
 * Takes a follow-up prompt. Until the session has a process nothing is owed: its first turns are all prompts that wait
 * when the process is made. Once that has ended, and only its result is being stored, none is taken any more.
 */
export function decidePrompt(
  state: SessionState | undefined,
  input: { readonly sessionId: string; readonly promptId: PromptId; readonly text: string },
): Decision {
  const { sessionId, promptId, text } = input
  if (!state) return reject('session_not_found', { sessionId })
  const { row } = state
  const isEnding = row.startedAtMs !== null && row.pid === null
  if (isEnded(row) || row.isStopping || isEnding) return reject('session_ended', { sessionId })
  return accept(
    [{ type: 'session.prompted', subject: sessionId, payload: { promptId, text } }],
    row.pid === null
      ? []
      : [{ kind: 'session.prompt', key: `prompt:${promptId}`, sessionId, payload: { promptId, text } }],
  )
}
