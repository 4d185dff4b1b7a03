import type { NewFact } from '../../contract/events.ts'
import { accept, type Decision, reject } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/** Count and digest of what a session said, for its end. */
export interface SealedActivities {
  readonly count: number
  readonly digest: string
}

/** Records the intent. What never left the queue ends at once; a stop that is asked again is acknowledged. */
export function decideStop(
  state: SessionState | undefined,
  input: { readonly sessionId: string; readonly reason?: string | undefined },
  sealed: SealedActivities,
): Decision {
  const { sessionId } = input
  if (!state) return reject('session_not_found', { sessionId })
  if (isEnded(state.row)) return reject('session_ended', { sessionId })
  if (state.row.isStopping) return accept([])
  const intent: NewFact = {
    type: 'session.stopRequested',
    subject: sessionId,
    payload: { reason: input.reason ?? null },
  }
  if (state.row.status === 'queued' || state.row.status === 'parked') {
    const ended: NewFact = {
      type: 'session.ended',
      subject: sessionId,
      payload: {
        endReason: { kind: 'killed', by: 0 },
        message: null,
        usage: state.row.usage,
        activityCount: sealed.count,
        activitiesDigest: sealed.digest,
      },
    }
    return accept([intent, ended])
  }
  return accept([intent], [{ kind: 'session.stop', key: `stop:${sessionId}`, sessionId, payload: {} }])
}
