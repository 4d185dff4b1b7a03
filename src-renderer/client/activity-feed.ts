import type { Activity } from '@contract/activity.ts'
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from './access.tsx'
import type { SignalboxClient } from './connection.ts'
import { type Problem, problemOf } from './error-texts.ts'
import { keyOf } from './query-options.ts'

/** What is known of a session's activities, oldest first, without gaps from `from` (exclusive) on. */
export interface ActivityLog {
  readonly from: number
  readonly items: readonly Activity[]
  readonly isComplete: boolean
}

/** Adds activities that came after what is there; an item seen already (after a reconnect) is dropped. */
export function addActivities(log: ActivityLog, added: readonly Activity[]): ActivityLog {
  const last = log.items.at(-1)?.cursor ?? log.from
  const fresh = added.filter((one) => one.cursor > last)
  return fresh.length === 0 ? log : { ...log, items: [...log.items, ...fresh] }
}

/**
 * Follows what a session says and does, from `from` (exclusive) on. Items reach the cache once per frame, however fast
 * they come.
 */
export function useActivities(
  sessionId: string,
  from: number,
  isEnabled: boolean,
): { log: ActivityLog | undefined; problem: Problem | null } {
  const client = useClient()
  const queries = useQueryClient()
  const [problem, setProblem] = useState<Problem | null>(null)
  const key = keyOf('session', 'follow', { sessionId, from })
  const query = useQuery<ActivityLog>({
    queryKey: key,
    queryFn: skipToken,
    structuralSharing: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })
  useEffect(() => {
    if (!client || !isEnabled) return
    const controller = new AbortController()
    const cacheKey = keyOf('session', 'follow', { sessionId, from })
    const update = (change: (log: ActivityLog) => ActivityLog) =>
      queries.setQueryData<ActivityLog>(cacheKey, (log) =>
        change(log ?? { from, items: [], isComplete: false }),
      )
    const after = queries.getQueryData<ActivityLog>(cacheKey)?.items.at(-1)?.cursor ?? from
    setProblem(null)
    follow(client, { sessionId, after }, controller.signal, (items) =>
      update((log) => addActivities(log, items)),
    )
      .then(() => {
        if (!controller.signal.aborted) update((log) => ({ ...log, isComplete: true }))
      })
      .catch((error: unknown) => {
        if (!controller.signal.aborted) setProblem(problemOf(error))
      })
    return () => controller.abort()
  }, [client, queries, sessionId, from, isEnabled])
  return { log: query.data, problem }
}

async function follow(
  client: SignalboxClient,
  input: { sessionId: string; after: number },
  signal: AbortSignal,
  add: (items: Activity[]) => void,
): Promise<void> {
  let batch: Activity[] = []
  let frame = 0
  const flush = () => {
    frame = 0
    if (batch.length > 0 && !signal.aborted) add(batch)
    batch = []
  }
  for await (const activity of client.session.follow(input, { signal })) {
    batch.push(activity)
    frame ||= requestAnimationFrame(flush)
  }
  cancelAnimationFrame(frame)
  flush()
}

/** Activities read in one step back, the most that a page may hold. */
const stepBack = 2000

/** What came before a log that does not begin at the beginning; read step by step, newest first. */
export interface EarlierActivities {
  readonly items: readonly Activity[]
  /** Cursor before the first known item; 0 when all is here. */
  readonly from: number
  /** Reads one step further back; does nothing while a step is under way or when all is here. */
  readonly read: () => void
  readonly problem: Problem | null
}

/** Reads back from `end` (inclusive) on demand. */
export function useEarlierActivities(sessionId: string, end: number): EarlierActivities {
  const client = useClient()
  const [state, setState] = useState<{ items: readonly Activity[]; from: number }>({ items: [], from: end })
  const [problem, setProblem] = useState<Problem | null>(null)
  const isReading = useRef(false)
  const read = useCallback(() => {
    if (!client || isReading.current || state.from === 0) return
    isReading.current = true
    setProblem(null)
    const after = Math.max(0, state.from - stepBack)
    client.session
      .activities({ sessionId, after, limit: state.from - after })
      .then(({ items }) => {
        const older = items.filter((one) => one.cursor <= state.from)
        setState((now) => ({ items: [...older, ...now.items], from: after }))
      })
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => {
        isReading.current = false
      })
  }, [client, sessionId, state.from])
  return { ...state, read, problem }
}
