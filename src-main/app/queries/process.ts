import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers, StreamItem } from '../../contract/procedure.ts'
import type { ProcessRow } from '../../contract/process.ts'
import type { AppParts } from '../app-parts.ts'
import { createProcessDeltas, type WatchItem } from '../processes.ts'
import { pause } from '../waiting.ts'

type Verbs = 'list' | 'watch'

/** Titles of the sessions that processes belong to; a title never changes. */
export function createTitles({ store }: AppParts) {
  const known = new Map<string, string | null>()
  return (sessionId: string | null): string | null => {
    if (sessionId === null) return null
    const title = known.get(sessionId)
    if (title !== undefined) return title
    const read = store.sessions.title(sessionId) ?? null
    known.set(sessionId, read)
    return read
  }
}

/** The kernel's processes, once or as they change. */
export function createProcessQueries(parts: AppParts): Pick<Handlers<SignalboxContract>['process'], Verbs> {
  const { processes } = parts.powers
  return {
    async list({ sessionId }) {
      const titleOf = createTitles(parts)
      const rows: ProcessRow[] = []
      for await (const step of processes.sample(sessionId))
        for (const row of step)
          rows.push({ ...row, sessionTitle: titleOf(row.sessionId), reductionsPerSecond: null })
      return { rows, atMs: processes.nowMs() }
    },
    watch: ({ sessionId, intervalMs }, context) => watch(parts, sessionId, intervalMs, context.signal),
  }
}

/** The first sample is always sent, later ones only when something changed. */
async function* watch(
  parts: AppParts,
  sessionId: string | undefined,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<StreamItem<WatchItem>> {
  const { processes } = parts.powers
  const titleOf = createTitles(parts)
  const deltas = createProcessDeltas()
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const atMs = processes.nowMs()
    for await (const step of processes.sample(sessionId))
      for (const row of step) deltas.add(row, titleOf(row.sessionId), atMs)
    for (const item of deltas.end(atMs))
      if (isFirst || item.changed.length > 0 || item.gone.length > 0) yield { item }
    await pause(parts.clock, intervalMs, signal)
  }
}
