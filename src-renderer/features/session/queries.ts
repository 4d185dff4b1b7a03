import { useActivities, useEarlierActivities } from '../../client/activity-feed.ts'
import { useRead } from '../../client/use-read.ts'

/** Most activities that are read back when a long session is opened. */
const readBack = 3000

export function useSession(sessionId: string) {
  return useRead('session', 'get', { sessionId })
}

/** The session's activities from about its last three thousand on; earlier ones on demand. `count` is how many there were when it was opened. */
export function useSteps(sessionId: string, count: number) {
  const end = Math.max(0, count - readBack)
  const { log, problem } = useActivities(sessionId, end, true)
  const earlier = useEarlierActivities(sessionId, end)
  return { log, problem, earlier }
}

export function useChain(sessionId: string, isEnabled: boolean) {
  const chain = `session:${sessionId}`
  const entries = useRead('audit', 'entries', { chain, limit: 500 }, { isEnabled })
  const report = useRead('audit', 'verify', { chain }, { isEnabled })
  return { entries, report }
}
