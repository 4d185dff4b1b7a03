import { accept, type Decision, type Rejection, reject } from '../decision.ts'
import { refuseReview } from './review.ts'
import type { SessionState } from './state.ts'

/** What the landing did in the user's repository. */
export interface LandingDone {
  readonly branch: string
  readonly commit: string
  readonly previousCommit: string | null
  readonly note: string
}

/** What stands in the way of landing, asked before anything is touched and again before it is recorded. */
export function refuseLand(
  state: SessionState | undefined,
  sessionId: string,
  occupiedBy: string | undefined,
): Rejection | undefined {
  const refusal = refuseReview(state, sessionId, occupiedBy)
  if (refusal) return refusal
  return state?.row.workareaState === 'landed' ? reject('already_landed', { sessionId }) : undefined
}

/** Records a landing that was made. */
export function decideLanded(
  state: SessionState | undefined,
  sessionId: string,
  landing: LandingDone,
): Decision {
  if (!state) return reject('session_not_found', { sessionId })
  const { workareaId } = state.row
  if (workareaId === null) return reject('workarea_gone', { workareaId: '' })
  return accept([{ type: 'workarea.landed', subject: sessionId, payload: { workareaId, ...landing } }])
}
