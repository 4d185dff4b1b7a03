import type { NewFact } from '../../contract/events.ts'
import { isSessionFact } from '../audit/event-kind.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/** Whether a reported fact may still be written: after the end of a session only its workarea has news. */
export function isTimely(fact: NewFact, state: SessionState | undefined): boolean {
  if (!isSessionFact(fact.type)) return true
  if (!state) return false
  if (isEnded(state.row)) return fact.type.startsWith('workarea.') && fact.type !== 'workarea.acquired'
  if (fact.type === 'session.answered') return state.extras.openAskIds.includes(fact.payload.askId)
  return true
}
