/** Five failures within a minute open it for half a minute; then one probe decides. */
const failuresToOpen = 5
const windowMs = 60_000
const openMs = 30_000
const deniedMs = 600_000

export interface Breaker {
  /** closed: go ahead; probe: one try is allowed; open: not now. */
  state(nowMs: number): 'closed' | 'probe' | 'open'
  opensAgainAtMs(): number
  succeeded(): void
  failed(nowMs: number): void
  /** The upstream does not take our key or does not know the model. */
  denied(nowMs: number): void
}

/** The health of one candidate. */
export function createBreaker(): Breaker {
  let failures: number[] = []
  let untilMs = 0
  let wasOpened = false
  return {
    state: (nowMs) => (nowMs < untilMs ? 'open' : wasOpened ? 'probe' : 'closed'),
    opensAgainAtMs: () => untilMs,
    succeeded: () => {
      failures = []
      wasOpened = false
      untilMs = 0
    },
    failed: (nowMs) => {
      failures = [...failures.filter((atMs) => atMs > nowMs - windowMs), nowMs]
      if (!wasOpened && failures.length < failuresToOpen) return
      wasOpened = true
      untilMs = nowMs + openMs
    },
    denied: (nowMs) => {
      wasOpened = true
      untilMs = nowMs + deniedMs
    },
  }
}
