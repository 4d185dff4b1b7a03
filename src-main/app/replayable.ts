import { SessionId } from '../contract/ids.ts'
import { isEnded } from '../domain/session/project.ts'
import type { AppParts } from './app-parts.ts'

type SessionState = NonNullable<ReturnType<AppParts['store']['sessions']['read']>>

/** The session whose recording is played: a replay calls nobody, so its own recording has nothing to play. */
export function recordedIn({ row, extras }: SessionState): SessionId {
  return SessionId.parse(extras.replays ?? row.id)
}

/** Why a session can't be run again whatever was recorded of it, as a sentence; null when nothing speaks against it. */
export function obstacleToReplay({ store }: AppParts, { row }: SessionState): string | null {
  if (!isEnded(row)) return 'It is still running.'
  if (row.continues !== null) return 'It went on from another session, whose work it started with.'
  const record = row.workareaId === null ? undefined : store.workareas.read(row.workareaId)
  if (!record) return 'It never had a workarea.'
  return record.carriedChanges ? 'It started from uncommitted changes, which are not kept.' : null
}

/** As `obstacleToReplay`, and that a recording is there; whether that can be played is seen when it is read. */
export function replayProblem(parts: AppParts, state: SessionState): string | null {
  const obstacle = obstacleToReplay(parts, state)
  if (obstacle !== null || parts.powers.recordings.has(recordedIn(state))) return obstacle
  return 'It was not recorded, or its recording was removed.'
}
