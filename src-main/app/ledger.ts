import type { NewFact } from '../contract/events.ts'
import type { SessionState } from '../domain/session/state.ts'
import type { ChildIdentity } from '../ports/executor.ts'
import type { Store } from '../store/store.ts'
import type { ActivityWriter } from './activity-writer.ts'
import type { Bus } from './bus.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Ledger } from './effects/ledger.ts'

/** Activities of an earlier session that a follow-up is given, at most. */
const longestTranscript = 2000

export interface LedgerParts {
  readonly store: Store
  readonly dispatcher: Dispatcher
  readonly activities: ActivityWriter
  readonly bus: Bus
}

/** The journal as running sessions see it: what they were asked, and where they report. */
export function createLedger({ store, dispatcher, activities, bus }: LedgerParts): Ledger {
  const { notes, prompts, workareas, queries } = store
  const workareaOf = (state: SessionState | undefined) => {
    const id = state?.row.workareaId ?? null
    return id === null ? undefined : workareas.read(id)
  }
  return {
    accepted(sessionId) {
      const row = queries.sessions.read(sessionId)
      const input = store.sessions.input(sessionId)
      if (!row || !input) return undefined
      const replays = store.sessions.read(sessionId)?.extras.replays ?? null
      return { row, ...input, replays, repositoryPath: store.projects.read(row.projectId)?.path ?? '' }
    },
    workareaOf: (sessionId) => workareaOf(store.sessions.read(sessionId)),
    waitingPrompts: (sessionId) =>
      prompts
        .of(sessionId)
        .filter((prompt) => !prompt.delivered)
        .map(({ promptId, text }) => ({ promptId, text })),
    markPromptDelivered: (promptId) => store.transact(() => prompts.deliver(promptId)),
    record(facts: readonly NewFact[]) {
      dispatcher.record(facts)
    },
    appendActivity: (sessionId, body) => activities.append(sessionId, body),
    sealActivities: (sessionId) => activities.seal(sessionId),
    transcript: (sessionId) => queries.sessions.transcript(sessionId, longestTranscript),
    setUsage(sessionId, usage) {
      store.transact(() => store.live.setUsage(sessionId, usage))
      bus.ringRows()
    },
    rememberChild: (sessionId, child) =>
      store.transact(() =>
        child === null
          ? notes.forgetChild(sessionId)
          : notes.rememberChild(sessionId, child.identity, child.resume),
      ),
    childOf(sessionId) {
      const child = notes.childOf(sessionId)
      // Written by rememberChild above.
      return child && { identity: child.identity as ChildIdentity, resume: child.resume }
    },
    rememberExternalId: (sessionId, id) => store.transact(() => notes.rememberExternalId(sessionId, id)),
    externalIdOf: (sessionId) => notes.externalIdOf(sessionId),
  }
}
