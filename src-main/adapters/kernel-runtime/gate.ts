/** Holds new calls while a session is paused. */
export interface Gate {
  /** Resolves when open, rejects with the signal's reason. */
  readonly passed: (signal: AbortSignal) => Promise<void>
  shut(): void
  open(): void
}

export function createGate(): Gate {
  let shut: PromiseWithResolvers<void> | undefined
  return {
    passed: async (signal) => {
      signal.throwIfAborted()
      if (!shut) return
      const { promise } = shut
      const aborted = Promise.withResolvers<never>()
      const stop = () => aborted.reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      await Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', stop))
    },
    shut: () => {
      shut ??= Promise.withResolvers<void>()
    },
    open: () => {
      shut?.resolve()
      shut = undefined
    },
  }
}
