import { WorkareaId } from '../../contract/ids.ts'
import { accept, type Decision } from '../decision.ts'
import { refuseReview } from './review.ts'
import type { SessionState } from './state.ts'

/** Keeps the work: it leaves the review, its folder stays until it is discarded. Kept or landed already is acknowledged. */
export function decideKeep(
  state: SessionState | undefined,
  sessionId: string,
  occupiedBy: string | undefined,
  resultCommit: string | null,
): Decision {
  const refusal = refuseReview(state, sessionId, occupiedBy)
  if (refusal) return refusal
  if (!state?.row.workareaId || state.row.workareaState !== 'held') return accept([])
  return accept([
    {
      type: 'workarea.released',
      subject: sessionId,
      payload: { workareaId: WorkareaId.parse(state.row.workareaId), how: 'kept', resultCommit },
    },
  ])
}
