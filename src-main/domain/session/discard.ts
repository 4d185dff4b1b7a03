import { accept, type Decision } from '../decision.ts'
import { refuseReview } from './review.ts'
import type { SessionState } from './state.ts'

/** Gives the workarea up: the fact says so, removing the clone is owed. What landed stays landed. */
export function decideDiscard(
  state: SessionState | undefined,
  sessionId: string,
  occupiedBy: string | undefined,
): Decision {
  const refusal = refuseReview(state, sessionId, occupiedBy)
  if (refusal) return refusal
  if (!state?.row.workareaId) return accept([])
  const { workareaId, workareaState } = state.row
  const hasLanded = workareaState === 'landed'
  return accept(
    [
      {
        type: 'workarea.released',
        subject: sessionId,
        payload: { workareaId, how: hasLanded ? 'landed' : 'discarded', resultCommit: null },
      },
    ],
    [
      {
        kind: 'workarea.discard',
        key: `discard:${workareaId}`,
        sessionId,
        payload: { workareaId, keepResult: hasLanded },
      },
    ],
  )
}
