import type { FactNotice } from '@contract/events.ts'
import type { QueryClient } from '@tanstack/react-query'
import type { SignalboxClient } from './connection.ts'
import { addStale, isMadeStale, type StaleRoots } from './invalidation.ts'

/** Reads the fact stream and marks queries stale, at most ten times a second. */
export interface FactFeed {
  /** Resolves once the stream has passed `seq`, or after two seconds, so that a stalled stream never blocks a button. */
  passed(seq: number): Promise<void>
  /** Told of every fact as it arrives; returns what ends it. */
  onFact(listener: (fact: FactNotice) => void): () => void
  close(): void
}

const refreshMs = 100
const patienceMs = 2000

/** Starts after the newest fact: what came before is in the answers that are read anyway. */
export function createFactFeed(client: SignalboxClient, queries: QueryClient): FactFeed {
  const controller = new AbortController()
  const waiting = new Set<{ seq: number; done: () => void }>()
  const listeners = new Set<(fact: FactNotice) => void>()
  let stale: StaleRoots = new Map()
  let seenSeq = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const refresh = () => {
    timer = undefined
    const now = stale
    stale = new Map()
    void queries.invalidateQueries({ predicate: (query) => isMadeStale(query.queryKey, now) })
    for (const one of waiting) if (one.seq <= seenSeq) one.done()
  }
  const take = (fact: FactNotice) => {
    seenSeq = fact.seq
    stale = addStale(stale, fact.type, fact.chain)
    timer ??= setTimeout(refresh, refreshMs)
    for (const listener of listeners) listener(fact)
  }
  readFacts(client, controller.signal, take).catch(() => {
    // The connection tells the person; a new one brings a new feed.
  })
  return {
    passed: (seq) =>
      new Promise((resolve) => {
        if (seq <= seenSeq && timer === undefined) return resolve()
        const giveUp = setTimeout(() => entry.done(), patienceMs)
        const entry = {
          seq,
          done() {
            clearTimeout(giveUp)
            waiting.delete(entry)
            resolve()
          },
        }
        waiting.add(entry)
      }),
    onFact(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      controller.abort()
      clearTimeout(timer)
      for (const one of waiting) one.done()
      listeners.clear()
    },
  }
}

async function readFacts(
  client: SignalboxClient,
  signal: AbortSignal,
  take: (fact: FactNotice) => void,
): Promise<void> {
  const { atSeq } = await client.fleet.overview({}, { signal })
  for await (const fact of client.fleet.facts({ after: atSeq }, { signal })) {
    if (signal.aborted) return
    take(fact)
  }
}
