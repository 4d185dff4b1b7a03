/** One after the other per key: an index, like a checkout, has room for one writer. */
export interface Turns {
  run<T>(key: string, work: () => Promise<T>): Promise<T>
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>
}

/** Turns that are taken within this process; git's own locks guard against other programs. */
export function createTurns(): Turns {
  const tails = new Map<string, Promise<void>>()
  return {
    run(key, work) {
      const before = tails.get(key) ?? Promise.resolve()
      const result = before.then(work)
      const tail = result.then(
        () => undefined,
        () => undefined,
      )
      tails.set(key, tail)
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key)
      })
      return result
    },
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values())
    },
  }
}
