import type { CapabilityRow, ProcessRow, RefusalRow } from '../contract/process.ts'
import type { Budget } from '../contract/session.ts'

/** A process as it stands now; its session's title and its rate are added where they are known. */
export type ProcessSample = Omit<ProcessRow, 'sessionTitle' | 'reductionsPerSecond'>

/** What a process is, and whose. */
export type ProcessPlace = Pick<ProcessRow, 'kind' | 'sessionId'>

/** A changed budget, in the contract's units; `told` is what the process was given before, as it was asked for. */
export type BudgetOutcome =
  | { readonly ok: true; readonly told: Budget; readonly now: Budget }
  | {
      readonly ok: false
      readonly resource: keyof Budget
      /** Less than what is `used`, or more than the pool above has `left`. */
      readonly limit: 'used' | 'left'
      readonly amount: number
    }

/** The kernel's processes as the console sees and steers them. Acts on a process that has gone do nothing. */
export interface ProcessTable {
  nowMs(): number
  /** Rows of all processes or of one session's, some at a time; waits between them, so that nothing is held up. */
  sample(sessionId?: string): AsyncIterable<readonly ProcessSample[]>
  find(pid: number): ProcessPlace | undefined
  /** Stops a process with everything below it. */
  suspend(pid: number): void
  resume(pid: number): void
  term(pid: number): void
  kill(pid: number): void
  setPriority(pid: number, priority: number): void
  changeBudget(pid: number, change: Partial<Budget>): BudgetOutcome
  /** What all sessions together may spend from now on; null = without limit. What is promised to live ones stays theirs. */
  setFleetAllowance(usdNanos: number | null): void
  /** Counters and gauges as Prometheus text. */
  metricsText(): string
}

export type HeldCapability = Omit<CapabilityRow, 'sessionTitle'>
export type Refused = Omit<RefusalRow, 'sessionTitle'>

/** Something that happened to what a process holds, for the chain of its session. */
export interface AuthorityChange {
  readonly sessionId: string
  readonly pid: number
  readonly device: string
  /** Where it was narrowed: what is left, in words. Else it was taken away or, with `isGrant`, given. */
  readonly detail: string | null
  readonly isGrant: boolean
}

export type AuthorityOutcome =
  | { readonly ok: true; readonly revoked: number; readonly changes: readonly AuthorityChange[] }
  | {
      readonly ok: false
      readonly cause: 'gone' | 'protected' | 'not_less'
      readonly pid: number
      readonly reason: string
    }

/** Who holds what, and taking it away by its number. */
export interface AuthorityTable {
  /** Capabilities of all processes, of one or of one session's, some at a time. */
  capabilities(of: {
    readonly sessionId?: string
    readonly pid?: number
  }): AsyncIterable<readonly HeldCapability[]>
  refusals(of: { readonly sessionId?: string; readonly pid?: number }): readonly Refused[]
  narrow(id: number, to: readonly string[], expiresInMs: number | undefined): AuthorityOutcome
  expire(id: number, expiresInMs: number): AuthorityOutcome
  revoke(id: number): AuthorityOutcome
}
