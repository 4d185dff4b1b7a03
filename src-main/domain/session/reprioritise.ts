import { accept, type Decision, reject } from '../decision.ts'
import { isEnded } from './project.ts'
import type { SessionState } from './state.ts'

/** The kernel priority of a session's process: the usual 3 is 0, and each step is worth five. */
export function processPriorityOf(priority: number): number {
  return (3 - priority) * 5
}

/** Changes a session's place in the queue and its share of the processor. */
export function decideReprioritise(
  state: SessionState | undefined,
  sessionId: string,
  priority: number,
): Decision {
  if (!state) return reject('session_not_found', { sessionId })
  const { row } = state
  if (isEnded(row) || row.isStopping) return reject('session_ended', { sessionId })
  if (row.priority === priority) return accept([])
  const processPriority = row.pid === null ? null : processPriorityOf(priority)
  return accept([
    {
      type: 'session.reprioritised',
      subject: sessionId,
      payload: { priority, pid: row.pid, processPriority },
    },
  ])
}
