/** Waits for quiet. */
export interface Rest {
  /** Something happened: it is not quiet now, and what there is to put away grew. */
  touch(): void
  close(): void
}

export interface RestParts {
  /** Whether nothing runs or waits that would be held up. */
  readonly isIdle: () => Promise<boolean>
  /** Puts away what only the past needed; may hold the thread. */
  readonly rest: () => void
  readonly quietMs: number
  readonly log: (message: string, error: unknown) => void
}

/** Calls `rest` once after `quietMs` without a touch, if nothing runs then; each touch starts the waiting anew. */
export function createRest({ isIdle, rest, quietMs, log }: RestParts): Rest {
  let timer: NodeJS.Timeout | undefined
  let touches = 0
  const tryToRest = async () => {
    const before = touches
    const isQuiet = (await isIdle()) && before === touches
    if (isQuiet) rest()
  }
  return {
    touch() {
      touches += 1
      clearTimeout(timer)
      timer = setTimeout(() => {
        tryToRest().catch((error: unknown) => log('nothing was put away', error))
      }, quietMs)
    },
    close() {
      touches += 1
      clearTimeout(timer)
    },
  }
}
