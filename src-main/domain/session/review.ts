import { type Rejection, reject } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/** What stands in the way of deciding over a session's work; undefined = nothing. */
export function refuseReview(
  state: SessionState | undefined,
  sessionId: string,
  /** A session that works, or waits to work, in the same workarea. */
  occupiedBy: string | undefined,
): Rejection | undefined {
  if (!state) return reject('session_not_found', { sessionId })
  if (!isEnded(state.row)) return reject('session_still_running', { sessionId })
  if (occupiedBy !== undefined) return reject('session_still_running', { sessionId: occupiedBy })
  const { workareaId } = state.row
  if (workareaId === null || state.extras.isReleased)
    return reject('workarea_gone', { workareaId: workareaId ?? '' })
  return undefined
}
