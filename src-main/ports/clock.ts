/** Time as an argument: epoch milliseconds, and timers that never keep the process alive by themselves. */
export interface Clock {
  nowMs(): number
  /** Calls `fn` once after `ms`; the returned function cancels it. */
  after(ms: number, fn: () => void): () => void
}

/** Fresh identifiers. `short()` gives 16 lower-case base-32 digits (80 random bits) to go behind a prefix. */
export interface Ids {
  short(): string
}

/** Structured log; never given secrets. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}
