import { accept, type Decision, reject } from '../decision.ts'
import type { SessionState } from './state.ts'

/** Owes the thaw; `session.resumed` is written when it is done. */
export function decideResume(state: SessionState | undefined, sessionId: string, effectId: string): Decision {
  if (!state) return reject('session_not_found', { sessionId })
  const { row, extras } = state
  if (row.status !== 'working' || !(row.isPaused || extras.isPausing))
    return reject('session_not_paused', { sessionId })
  return accept([], [{ kind: 'session.resume', key: `resume:${effectId}`, sessionId, payload: {} }])
}
