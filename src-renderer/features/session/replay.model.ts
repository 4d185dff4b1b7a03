import type { SessionDetail } from '@contract/session.ts'
import { isLive } from '../../client/session-state.ts'

/** Whether a session can be run again from its recording, and why not. Not offered at all while it lives. */
export interface Replayable {
  readonly isOffered: boolean
  /** Why it can't be; null when it can. */
  readonly reason: string | null
}

/** The daemon has the last word: it also knows whether the recording is whole. */
export function replayableOf(detail: SessionDetail): Replayable {
  return { isOffered: !isLive(detail.row), reason: reasonOf(detail) }
}

function reasonOf({ row, isRecorded }: SessionDetail): string | null {
  if (!isRecorded) return 'It was not recorded, or its recording was removed.'
  if (row.continues !== null) return 'It went on from another session, whose work it started with.'
  if (row.workareaId === null) return 'It never had a workarea.'
  return null
}

export const replayHint =
  'Run it again on the same base: its model calls are answered from the recording. Nothing goes out and nothing is paid.'
