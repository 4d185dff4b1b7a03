import type { AuditReport } from '../contract/audit.ts'
import type { Clock, Ids, Log } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { ActivityWriter } from './activity-writer.ts'
import type { Bus } from './bus.ts'
import type { Mask } from './clean.ts'
import type { Dispatcher } from './dispatch.ts'
import type { ModelCallLog } from './model-calls.ts'
import type { AppPowers, VerifyAll } from './powers.ts'

/** What handlers work with. */
export interface AppParts {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly mask: Mask
  readonly powers: AppPowers
  readonly bus: Bus
  readonly dispatcher: Dispatcher
  readonly activities: ActivityWriter
  readonly modelCalls: ModelCallLog
  readonly once: Once
  readonly findings: Findings
  readonly version: string
  readonly stateDirectory: string
  readonly isStopping: () => boolean
}

/** Joins calls with one command id that are under way at the same time, for commands that work outside first. */
export type Once = <A>(commandId: string, work: () => Promise<A>) => Promise<A>

export function createOnce(): Once {
  const underWay = new Map<string, Promise<unknown>>()
  return <A>(commandId: string, work: () => Promise<A>): Promise<A> => {
    const known = underWay.get(commandId)
    // The same id is the same command: its answer has this type.
    if (known !== undefined) return known as Promise<A>
    const made = work().finally(() => underWay.delete(commandId))
    underWay.set(commandId, made)
    return made
  }
}

/** The last word of each verification in this run. */
export interface Findings {
  readonly reports: Map<string, AuditReport>
  all: { readonly found: VerifyAll; readonly atMs: number } | undefined
}

export function createFindings(): Findings {
  return { reports: new Map(), all: undefined }
}
