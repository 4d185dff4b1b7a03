import { SignalboxError } from '../../contract/errors.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { Handlers } from '../../contract/procedure.ts'
import type { SessionDetail } from '../../contract/session.ts'
import type { AppParts } from '../app-parts.ts'
import { replayProblem } from '../replayable.ts'
import { followActivities } from '../subscribe.ts'

type Verbs = 'list' | 'get' | 'activities' | 'follow'

/** Reading sessions. */
export function createSessionQueries(parts: AppParts): Pick<Handlers<SignalboxContract>['session'], Verbs> {
  const { store, bus, clock } = parts
  const mustExist = (sessionId: string) => {
    if (!store.sessions.read(sessionId)) throw new SignalboxError('session_not_found', { sessionId })
  }
  return {
    list(input) {
      const { total, marks } = store.queries.sessions.marks(input, clock.nowMs())
      const rows = marks.map(({ id }) => store.queries.sessions.read(id)).filter((row) => row !== undefined)
      return { rows, total, from: input.from, atSeq: store.journal.lastSeq() }
    },
    get: ({ sessionId }) => readDetail(parts, sessionId),
    activities({ sessionId, after, limit }) {
      mustExist(sessionId)
      return {
        items: store.activities.after(sessionId, after, limit),
        lastCursor: store.activities.head(sessionId).count,
      }
    },
    async *follow({ sessionId, after }, context) {
      mustExist(sessionId)
      yield* followActivities(store, bus, sessionId, context.afterCursor ?? after, context.signal)
    },
  }
}

function readDetail(parts: AppParts, sessionId: string): SessionDetail {
  const { store, powers } = parts
  const state = store.sessions.read(sessionId)
  const row = store.queries.sessions.read(sessionId)
  const input = store.sessions.input(sessionId)
  if (!state || !row || !input) throw new SignalboxError('session_not_found', { sessionId })
  const { extras } = state
  const record = row.workareaId === null ? undefined : store.workareas.read(row.workareaId)
  const uses = powers.capabilityUses(sessionId)
  return {
    row,
    prompt: input.prompt,
    repositoryPath: store.projects.read(row.projectId)?.path ?? '',
    workareaPath: extras.isReleased ? null : (record?.path ?? null),
    baseRef: record?.baseRef ?? null,
    baseCommit: record?.baseCommit ?? null,
    capabilities: extras.capabilities.map((one) => ({ ...one, uses: uses[one.device] ?? 0 })),
    asks: store.asks.openOf(sessionId),
    route: extras.route,
    notes: [...extras.notes],
    landed: extras.landed,
    replayProblem: replayProblem(parts, state),
    replays: extras.replays ?? null,
    queuedPrompts: store.prompts.of(sessionId),
    activityCount: store.activities.head(sessionId).count,
  }
}
