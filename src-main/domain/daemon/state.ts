import type { Fact } from '../../contract/events.ts'
import type { DaemonState } from '../../contract/fleet.ts'
import { accept, type Decision } from '../decision.ts'

/** A pause outlives a restart, draining does not: it is the way to the end of one run. */
export function projectDaemon(state: DaemonState, fact: Fact): DaemonState {
  switch (fact.type) {
    case 'daemon.started':
      return state === 'paused' ? 'paused' : 'ready'
    case 'daemon.paused':
      return 'paused'
    case 'daemon.resumed':
      return 'ready'
    case 'daemon.draining':
      return 'draining'
    default:
      return state
  }
}

/** Changes what the daemon admits; being there already is acknowledged. */
export function decideDaemonState(
  state: DaemonState,
  wanted: 'ready' | 'paused' | 'draining',
  id: string,
): Decision {
  if (state === wanted) return accept([])
  const type = { ready: 'daemon.resumed', paused: 'daemon.paused', draining: 'daemon.draining' } as const
  return accept([{ type: type[wanted], subject: id, payload: {} }])
}
