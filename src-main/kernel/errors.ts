/** Error codes of the kernel; their meaning is fixed by the reference (section 2.2). */
export type KernelErrorCode =
  | 'ECAP'
  | 'EDEAD'
  | 'ESRCH'
  | 'EEXIST'
  | 'ENODEV'
  | 'ENOIMAGE'
  | 'ENOROUTE'
  | 'ENOKEY'
  | 'EQUOTA'
  | 'EINVAL'
  | 'EDEADLK'
  | 'ECLOSED'
  | 'ENOTSUP'
  | 'EDRIVER'
  | 'ETIMEDOUT'
  | 'EABI'
  | 'EDIVERGE'
  | 'ELIVELOCK'
  | 'EINDOUBT'

/** The one error class that leaves the kernel; callers branch on `code`, never on the message. */
export class KernelError extends Error {
  readonly code: KernelErrorCode

  constructor(code: KernelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KernelError'
    this.code = code
  }
}

/** A capability was unknown, not owned, revoked, expired, of the wrong kind, or lacks the right (ECAP). */
export class CapError extends KernelError {
  constructor(message: string) {
    super('ECAP', message)
    this.name = 'CapError'
  }
}

/** A refusable charge did not fit (EQUOTA). `requested` and `available` are in the resource's own unit, usd in nano-dollars. */
export class QuotaExceeded extends KernelError {
  readonly resource: string
  readonly requested: number
  readonly available: number

  constructor(resource: string, requested: number, available: number) {
    super('EQUOTA', `quota exceeded: ${resource} (requested ${requested}, available ${available})`)
    this.name = 'QuotaExceeded'
    this.resource = resource
    this.requested = requested
    this.available = available
  }
}

/** A replay met an operation that is not the recorded one, or missed one (EDIVERGE); the kernel stands still. */
export class ReplayDivergence extends KernelError {
  readonly pid: number
  /** Number of the operation in its process; 0 for a call of the host. */
  readonly n: number
  /** Kind, driver and the head of the request's hash, or what happened in place of an operation. */
  readonly expected: string
  readonly actual: string

  constructor(pid: number, n: number, expected: string, actual: string) {
    super('EDIVERGE', `operation ${n} of process ${pid}: expected ${expected}, found ${actual}`)
    this.name = 'ReplayDivergence'
    this.pid = pid
    this.n = n
    this.expected = expected
    this.actual = actual
  }
}

/**
 * Some request of a `readAll` failed. Code and message are those of the first failure by index; `outcomes` says what each
 * request came to, in their order, because what has been done and paid for would otherwise be lost to the caller.
 */
export class BatchFailed extends KernelError {
  readonly outcomes: readonly BatchOutcome[]

  constructor(first: KernelError, outcomes: readonly BatchOutcome[]) {
    super(first.code, first.message, { cause: first })
    this.outcomes = outcomes
  }
}

/** What one request of a batch came to: `error` is undefined when it succeeded. */
export interface BatchOutcome {
  readonly value: unknown
  readonly error: KernelError | undefined
}

/** Throws EINVAL; a function so that it can stand in an expression. */
export function invalid(message: string): never {
  throw new KernelError('EINVAL', message)
}

/** The text that a fault or a log line carries for anything that was thrown, hostile objects included. */
export function textOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown.message)
    return String(thrown)
  } catch {
    return 'unprintable error'
  }
}
