import type { FactPayload } from '../../contract/events.ts'
import type { SessionDetail, SessionRow, Usage } from '../../contract/session.ts'

/** A device that the session was given, as its chain tells. */
export interface HeldCapability {
  readonly device: string
  readonly state: 'held' | 'revoked'
  readonly refusals: number
}

/** What its facts say about a session besides its row. */
export interface SessionExtras {
  readonly route: SessionDetail['route']
  readonly notes: readonly string[]
  readonly landed: SessionDetail['landed']
  readonly capabilities: readonly HeldCapability[]
  readonly stopRequested: boolean
  readonly isPausing: boolean
  /** Questions not yet answered, by id. */
  readonly openAskIds: readonly string[]
  /** Its clone is gone from disk, or was given up to be removed. */
  readonly isReleased: boolean
  /** Another session goes on in its workarea. */
  readonly isContinued: boolean
  /** The session whose recording it plays. */
  readonly replays?: SessionRow['id']
}

/** All that a session's chain leads to; the same facts always give the same state. */
export interface SessionState {
  readonly row: SessionRow
  readonly extras: SessionExtras
}

export const unknownUsage: Usage = {
  inputTokens: null,
  cachedTokens: null,
  outputTokens: null,
  costUsdNanos: null,
  toolCalls: 0,
  wallMs: 0,
  source: 'unknown',
}

const noUsage: Usage = {
  ...unknownUsage,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  costUsdNanos: 0,
  source: 'metered',
}

/** Nothing was spent before the start; what a CLI with its own login spends is not known until it says so. */
export function initialUsage(payment: SessionRow['payment']): Usage {
  return payment === 'own-login' ? unknownUsage : noUsage
}

/** The state right after `session.accepted`. */
export function newSession(
  id: SessionRow['id'],
  accepted: FactPayload<'session.accepted'>,
  projectName: string,
  atMs: number,
): SessionState {
  const { title, projectId, runtime, agent, model, payment, priority, budget, continues } = accepted
  return {
    row: {
      id,
      title,
      projectId,
      projectName,
      runtime,
      agent,
      model,
      payment,
      branch: null,
      workareaId: null,
      workareaState: 'none',
      status: 'queued',
      phase: 'queue',
      isPaused: false,
      isStopping: false,
      endReason: null,
      endMessage: null,
      priority,
      budget,
      usage: initialUsage(payment),
      changes: null,
      confinement: null,
      track: [{ phase: 'queue', enteredAtMs: atMs, spentMs: 0, times: 1 }],
      openAsks: 0,
      refusals: 0,
      lastLine: null,
      lastHeardAtMs: null,
      continues,
      createdAtMs: atMs,
      startedAtMs: null,
      endedAtMs: null,
      pid: null,
    },
    extras: {
      route: null,
      notes: [],
      landed: null,
      capabilities: [],
      stopRequested: false,
      isPausing: false,
      openAskIds: [],
      isReleased: false,
      isContinued: false,
      ...(accepted.replays === undefined ? {} : { replays: accepted.replays }),
    },
  }
}
