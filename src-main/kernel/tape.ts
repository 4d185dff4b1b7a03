import type { Timer } from './abi.ts'
import type { Amounts } from './account.ts'
import type { KernelError } from './errors.ts'
import type { BeginRecord, OpKind } from './journal.ts'
import type { Process } from './process.ts'

/** What a journaled process's operations pass through: a recorder that notes them, or a replay that answers them. */

/** What an operation came to, once what the driver said was believed or not. */
export interface Judged {
  readonly value: unknown
  readonly cost: Amounts
  readonly reductions: number
  readonly error: KernelError | undefined
  /** The cost is a guess. */
  readonly isEstimated?: boolean
}

/** What a driver gave back, untrusted. */
export type Outcome = { readonly result: unknown } | { readonly error: unknown }

export interface OpSpec {
  readonly process: Process
  readonly kind: OpKind
  readonly driver: string
  readonly request: unknown
}

/** A numbered operation, as the journal knows it. */
export type Begun = Pick<BeginRecord, 'pid' | 'n' | 'kind' | 'driver' | 'hash'>

/** An operation about to be carried out. */
export interface Issue extends OpSpec {
  /** Asks the driver. May throw, answer, or promise to. */
  readonly call: () => unknown
  readonly judge: (outcome: Outcome) => Judged
  /** Hands the outcome to whoever waits; run between turns, when nothing else runs. */
  readonly deliver: (judged: Judged) => void
  /** An answer without a promise may be returned at once. */
  readonly mayAnswerAtOnce: boolean
  /** Whether it may be asked twice. */
  readonly isIdempotent: boolean
}

export interface Tape {
  /** True while outcomes come from a journal. */
  readonly isReplay: boolean
  /** Takes a new process in. */
  adopt(process: Process): void
  /** A process of it is about to run. */
  dispatched(): void
  /** A process of it is about to make a system call: what the host did before that takes effect. */
  catchUp(): void
  /** The system call was entered. */
  called(): void
  /** Numbers an operation and notes or compares it; undefined when a replay has diverged, and the kernel stands. */
  begin(spec: OpSpec): Begun | undefined
  /** Carries out an operation that was begun; its outcome when that is there at once. */
  issue(begun: Begun, issue: Issue): Judged | undefined
  /** Kernel time as the process sees it. */
  now(process: Process): number
  /** A timer on behalf of a process. */
  timer(process: Process, ms: number, fire: () => void): Timer
  /** Notes a call of the host that reached the kernel; a no-op in a replay. */
  inject(call: string, args: unknown): void
  /** A process of it ended. */
  exited(process: Process): void
}
