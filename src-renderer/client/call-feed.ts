import type { SignalboxContract } from '@contract/index.ts'
import type { OutputOf } from '@contract/procedure.ts'
import type { ModelCall } from '@contract/process.ts'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useClient } from './access.tsx'
import { type Problem, problemOf } from './error-texts.ts'
import { useRead } from './use-read.ts'

/** Which calls are looked at. */
export interface CallFilter {
  readonly sessionId: string | null
  readonly state: ModelCall['state'] | null
}

type Answer = OutputOf<SignalboxContract['model']['calls']>

/** Model calls, newest first, with the sums over all that match and not only those that are here. */
export interface CallLog {
  readonly calls: readonly ModelCall[]
  readonly totals: Answer['totals']
  readonly gateway: string | null
  readonly atMs: number
  /** True while older ones are not read yet. */
  readonly hasMore: boolean
}

const page = 200
/** Calls kept from the stream beyond those that were read; older ones are read again on demand. */
const keptLive = 2000

type Calls = ReadonlyMap<string, ModelCall>

/** Adds calls, each by its id, and lets the oldest go when there are too many. */
export function addCalls(before: Calls, added: readonly ModelCall[], most: number): Calls {
  const next = new Map(before)
  for (const call of added) {
    next.delete(call.id)
    next.set(call.id, call)
  }
  for (const id of next.keys()) {
    if (next.size <= most) break
    next.delete(id)
  }
  return next
}

/** Joins what was read with what came since. What the stream said last of a call counts, unless what was read has ended. */
export function joinCalls(read: readonly ModelCall[], live: Calls, filter: CallFilter): ModelCall[] {
  const all = new Map(read.map((call) => [call.id, call]))
  for (const [id, call] of live) {
    const known = all.get(id)
    if (!known || !isOver(known)) all.set(id, call)
  }
  const matches = (call: ModelCall) =>
    (filter.sessionId === null || call.sessionId === filter.sessionId) &&
    (filter.state === null || call.state === filter.state)
  return [...all.values()]
    .filter(matches)
    .sort((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1))
}

/** True once nothing of the call can change any more. */
export function isOver(call: ModelCall): boolean {
  return call.state !== 'waiting' && call.state !== 'streaming'
}

/** Follows the model calls: the newest are read, changes come in at most once a frame, older ones on demand. */
export function useCalls(filter: CallFilter): {
  log: CallLog | undefined
  problem: Problem | null
  retry: () => void
  readMore: () => void
} {
  const client = useClient()
  const { sessionId, state } = filter
  const input = useMemo(
    () => ({
      ...(sessionId === null ? {} : { sessionId }),
      ...(state === null ? {} : { state }),
      limit: page,
    }),
    [sessionId, state],
  )
  // Sums change with every call that begins or ends, which no fact tells.
  const newest = useRead('model', 'calls', input, { everyMs: 4000 })
  const live = useLiveCalls(sessionId)
  useReadAgain(newest.retry, countOf(live))
  const older = useOlderCalls(client, input)
  const { data } = newest
  const read = useMemo(() => [...(data?.calls ?? []), ...older.calls], [data, older.calls])
  const calls = useMemo(() => joinCalls(read, live, { sessionId, state }), [read, live, sessionId, state])
  const last = read.at(-1)
  const log = data && { ...data, calls, hasMore: older.hasMore && data.calls.length >= page }
  return {
    log,
    problem: newest.problem ?? older.problem,
    retry: newest.retry,
    readMore: () => last && older.read(last.startedAtMs),
  }
}

/** Begun and ended calls together: changes when the sums do. */
function countOf(calls: Calls): number {
  let count = calls.size
  for (const call of calls.values()) if (isOver(call)) count += 1
  return count
}

/** Reads again a moment after `version` changed; while it keeps changing, the usual timer does. */
function useReadAgain(read: () => void, version: number): void {
  const latest = useRef(read)
  latest.current = read
  useEffect(() => {
    if (version === 0) return
    const timer = setTimeout(() => latest.current(), 300)
    return () => clearTimeout(timer)
  }, [version])
}

/** What the stream told since it was opened. Deltas of one call come fast, so the page hears of them once per frame. */
function useLiveCalls(sessionId: string | null): Calls {
  const client = useClient()
  const [calls, setCalls] = useState<Calls>(new Map())
  useEffect(() => {
    setCalls(new Map())
    if (!client) return
    const controller = new AbortController()
    let waiting: ModelCall[] = []
    let frame = 0
    const flush = () => {
      frame = 0
      const added = waiting
      waiting = []
      setCalls((before) => addCalls(before, added, keptLive))
    }
    const read = async () => {
      const wanted = sessionId === null ? {} : { sessionId }
      for await (const call of client.model.watch(wanted, { signal: controller.signal })) {
        if (controller.signal.aborted) return
        waiting.push(call)
        frame ||= requestAnimationFrame(flush)
      }
    }
    read().catch(() => {
      // The list itself is read on a timer and says what is wrong; a new connection opens the stream again.
    })
    return () => {
      controller.abort()
      cancelAnimationFrame(frame)
    }
  }, [client, sessionId])
  return calls
}

function useOlderCalls(client: ReturnType<typeof useClient>, input: object) {
  const [state, setState] = useState<{ calls: readonly ModelCall[]; hasMore: boolean }>(nothing)
  const [problem, setProblem] = useState<Problem | null>(null)
  const isReading = useRef(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter starts again
  useEffect(() => setState(nothing), [input])
  const read = useCallback(
    (before: number) => {
      if (!client || isReading.current) return
      isReading.current = true
      client.model
        .calls({ ...input, before, limit: page })
        .then(({ calls }) =>
          setState((now) => ({ calls: [...now.calls, ...calls], hasMore: calls.length >= page })),
        )
        .catch((error: unknown) => setProblem(problemOf(error)))
        .finally(() => {
          isReading.current = false
        })
    },
    [client, input],
  )
  return { ...state, read, problem }
}

const nothing = { calls: [], hasMore: true }
