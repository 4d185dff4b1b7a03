import type { NewFact } from '../../contract/events.ts'
import { AskId } from '../../contract/ids.ts'
import type { Usage } from '../../contract/session.ts'
import { accept, type Decision } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'
import type { SealedActivities } from './stop.ts'

/** Ends what was working when the app went away and can't be taken over. A recorded stop makes it stopped, not lost. */
export function decideEndLost(state: SessionState, usage: Usage, sealed: SealedActivities): Decision {
  const { row, extras } = state
  if (isEnded(row) || row.status !== 'working') return accept([])
  const withdrawn = extras.openAskIds.map((askId): NewFact => withdrawal(row.id, askId))
  const ended: NewFact = {
    type: 'session.ended',
    subject: row.id,
    payload: {
      endReason: extras.stopRequested ? { kind: 'killed', by: 0 } : { kind: 'fault', error: 'lost' },
      message: extras.stopRequested
        ? null
        : 'Signalbox ended while this session was working, and its process could not be taken over. Its files are as it left them.',
      usage,
      activityCount: sealed.count,
      activitiesDigest: sealed.digest,
    },
  }
  return accept([...withdrawn, ended])
}

function withdrawal(sessionId: string, askId: string): NewFact {
  return {
    type: 'session.answered',
    subject: sessionId,
    payload: { askId: AskId.parse(askId), optionId: null, outcome: 'withdrawn', note: null },
  }
}
