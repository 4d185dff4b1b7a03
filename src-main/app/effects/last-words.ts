import type { HostPowers } from './host-powers.ts'
import type { LiveSession } from './live-session.ts'

/** How long an agent whose budget has ended may still say so; it can't do anything any more, every door is shut. */
const lastWordsMs = 4000

/** The end of the process, put off a little when a model answer was cut off: its agent is about to tell its user why. */
export function afterLastWords({ clock }: HostPowers, live: LiveSession, signal: AbortSignal): AbortSignal {
  const later = new AbortController()
  const end = () => {
    if (!isCutOff(live)) return later.abort()
    clock.after(lastWordsMs, () => later.abort())
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return later.signal
}

/** Ended by its model use, which the gateway tells the agent in the middle of an answer. */
export function isCutOff(live: LiveSession): boolean {
  const resource = live.exceeded?.resource
  return live.isAtGateway && !live.stopRequested && (resource === 'tokens' || resource === 'usd')
}

/** Waits until the agent has told why it stops, for a bounded time. */
export function lastWords({ clock }: HostPowers, live: LiveSession): Promise<unknown> {
  const limit = Promise.withResolvers<void>()
  const cancel = clock.after(lastWordsMs, () => limit.resolve())
  return Promise.race([live.turnOver, limit.promise]).finally(cancel)
}
