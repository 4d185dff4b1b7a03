/** The world as a retrying caller needs it. */
export interface RetryPowers {
  readonly nowMs: () => number
  /** 0 up to but not including 1. */
  readonly random: () => number
  /** Resolves after `ms`; rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface RetryRules {
  /** Attempts after the first. */
  readonly retries: number
  readonly firstDelayMs: number
  readonly longestDelayMs: number
}

/** A failed attempt that may be worth another. */
export class RetryableFailure extends Error {
  /** What the upstream asked to wait, undefined when it did not say. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, retryAfterMs?: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Tries until it works, the error is final, or the retries are used up. Waits between half and all of a doubling delay,
 * or what the upstream asked for and a little more; a longer wait than the longest is not worth it and ends it.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  rules: RetryRules,
  powers: RetryPowers,
  signal: AbortSignal,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof RetryableFailure) || tried >= rules.retries || signal.aborted) throw error
      const grown = Math.min(rules.longestDelayMs, rules.firstDelayMs * 2 ** tried)
      const jitter = powers.random()
      const asked = error.retryAfterMs
      if (asked !== undefined && asked > rules.longestDelayMs) throw error
      await powers.sleep(
        asked === undefined ? grown * (0.5 + jitter / 2) : asked + jitter * grown * 0.1,
        signal,
      )
    }
  }
}

/** Retry-After as milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  if (/^\d{1,9}(\.\d{1,3})?$/.test(text)) return Number(text) * 1000
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
