/** Time and chance as arguments. `after` returns the function that cancels it. */
export interface Powers {
  nowMs(): number
  after(ms: number, fn: () => void): () => void
  /** Uniform in [0, 1). */
  random(): number
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function pause(powers: Powers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const cancel = powers.after(ms, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    const stop = () => {
      cancel()
      reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
  })
}

/** A signal of its own that also follows `outer`; aborts with `reason()` after `ms`. `untimed` ends the wait alone, `done` lets go of both. */
export function bounded(powers: Powers, ms: number, outer: AbortSignal, reason: () => Error) {
  const inner = new AbortController()
  const follow = () => inner.abort(outer.reason)
  if (outer.aborted) follow()
  else outer.addEventListener('abort', follow, { once: true })
  const cancel = powers.after(ms, () => inner.abort(reason()))
  const done = () => {
    cancel()
    outer.removeEventListener('abort', follow)
  }
  return { signal: inner.signal, untimed: cancel, done }
}
