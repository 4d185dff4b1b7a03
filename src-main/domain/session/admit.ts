import type { SessionRow } from '../../contract/session.ts'
import { accept, type Decision } from '../decision.ts'

/** Gives a queued session its slot: the declared agent is the only candidate, and the run is owed. */
export function decideAdmit(row: SessionRow): Decision {
  if (row.status !== 'queued') return accept([])
  return accept(
    [
      {
        type: 'routing.decided',
        subject: row.id,
        payload: {
          policy: 'declared',
          candidates: [row.agent],
          chosen: row.agent,
          reason: `The session was submitted for ${row.agent}.`,
        },
      },
    ],
    [{ kind: 'session.run', key: `run:${row.id}`, sessionId: row.id, payload: {} }],
  )
}
