import type { SessionDetail } from '@contract/session.ts'
import { isLive } from '../../client/session-state.ts'

/** Whether a session can be run again from its recording, and why not. Not offered at all while it lives. */
export interface Replayable {
  readonly isOffered: boolean
  /** Why it can't be; null when it can. */
  readonly reason: string | null
}

/** The daemon has the last word: whether the recording is whole is seen when it is read. */
export function replayableOf({ row, replayProblem }: SessionDetail): Replayable {
  return { isOffered: !isLive(row), reason: replayProblem }
}

export const replayHint =
  'Run it again on the same base: its model calls are answered from the recording. Nothing goes out and nothing is paid.'
