import type { Clock, Log } from '../../ports/clock.ts'
import type { GitCalls } from './git-calls.ts'
import type { UserEnvironment } from './git-environment.ts'

/** What every part of this room works with. */
export interface Means {
  readonly git: GitCalls
  readonly clock: Clock
  readonly log: Log
  readonly user: UserEnvironment
  /** The folder that holds one folder per workarea. */
  readonly areasRoot: string
}

/** The namespace of our references in a repository of the user; gone when the workarea is. */
export function refOf(sessionId: string, what: 'base' | 'result' | 'target'): string {
  return `refs/signalbox/${sessionId}/${what}`
}
