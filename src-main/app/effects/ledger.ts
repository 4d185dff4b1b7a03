import type { ActivityBody } from '../../contract/activity.ts'
import type { NewFact } from '../../contract/events.ts'
import type { SessionRow, Usage } from '../../contract/session.ts'
import type { ChildIdentity } from '../../ports/executor.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'

/** What was asked for when a session was accepted, as far as running it needs it. */
export interface AcceptedSession {
  readonly row: SessionRow
  readonly prompt: string
  readonly repositoryPath: string
  readonly base: string | null
  readonly carryChanges: boolean
  readonly hosts: readonly string[]
  readonly acceptUnconfined: boolean
  /** The session whose recording it plays. */
  readonly replays: string | null
}

export interface WaitingPrompt {
  readonly promptId: string
  readonly text: string
}

export interface RememberedChild {
  readonly identity: ChildIdentity
  readonly resume: Readonly<Record<string, string | number>>
}

/** What the effects read and report: the journal and its projections, seen from a running session. */
export interface Ledger {
  accepted(sessionId: string): AcceptedSession | undefined
  workareaOf(sessionId: string): WorkareaRecord | undefined
  /** Prompts not yet given to the agent, oldest first. */
  waitingPrompts(sessionId: string): readonly WaitingPrompt[]
  markPromptDelivered(promptId: string): void
  /** Reports facts; those about a session that has ended already are dropped. */
  record(facts: readonly NewFact[]): void
  appendActivity(sessionId: string, body: ActivityBody): void
  /** Commits what `appendActivity` still holds and gives count and digest for the end fact. */
  sealActivities(sessionId: string): { readonly count: number; readonly digest: string }
  transcript(sessionId: string): readonly ActivityBody[]
  setUsage(sessionId: string, usage: Usage): void
  rememberChild(sessionId: string, child: RememberedChild | null): void
  childOf(sessionId: string): RememberedChild | undefined
  rememberExternalId(sessionId: string, id: string): void
  externalIdOf(sessionId: string): string | null
}
