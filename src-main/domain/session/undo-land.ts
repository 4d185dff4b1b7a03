import { accept, type Decision, type Rejection, reject } from '../decision.ts'
import type { SessionState } from './state.ts'

/** Only a landing that stands can be taken back. */
export function refuseUndo(state: SessionState | undefined, sessionId: string): Rejection | undefined {
  if (!state) return reject('session_not_found', { sessionId })
  return state.extras.landed === null || state.row.workareaId === null
    ? reject('land_undo_refused', { reason: 'Nothing of this session has landed.' })
    : undefined
}

/** Records a landing that was taken back. */
export function decideUndone(state: SessionState | undefined, sessionId: string): Decision {
  const refusal = refuseUndo(state, sessionId)
  if (refusal) return refusal
  const landed = state?.extras.landed
  const workareaId = state?.row.workareaId
  if (!landed || !workareaId) return accept([])
  return accept([
    {
      type: 'workarea.landUndone',
      subject: sessionId,
      payload: { workareaId, branch: landed.branch, commit: landed.previousCommit },
    },
  ])
}
