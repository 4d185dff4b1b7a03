import { accept, type Decision, reject } from '../decision.ts'
import type { SessionState } from './state.ts'

/** Records the wish to pause; that it is paused is another fact. Asked twice is acknowledged. */
export function decidePause(state: SessionState | undefined, sessionId: string, effectId: string): Decision {
  if (!state) return reject('session_not_found', { sessionId })
  const { row, extras } = state
  if (row.status !== 'working' || row.isStopping || row.pid === null)
    return reject('session_not_running', { sessionId, status: row.status })
  if (row.isPaused || extras.isPausing) return accept([])
  return accept(
    [{ type: 'session.pauseRequested', subject: sessionId, payload: {} }],
    [{ kind: 'session.pause', key: `pause:${effectId}`, sessionId, payload: {} }],
  )
}
