/** Bytes that may be moved in one turn of the event loop, by all who share it. */
export interface TurnPace {
  /** Resolves as soon as the turn has room for these; who comes last may go beyond it. */
  pass(bytes: number): Promise<void>
}

/**
 * Many connections are served in one turn, each as fast as the machine gives: alone none holds the thread, together they
 * would. `nextTurn` runs a function in the next turn (`setImmediate`).
 */
export function createTurnPace(bytesPerTurn: number, nextTurn: (fn: () => void) => void): TurnPace {
  let left = bytesPerTurn
  let turn: Promise<void> | undefined
  const untilNextTurn = (): Promise<void> => {
    turn ??= new Promise((resolve) =>
      nextTurn(() => {
        turn = undefined
        left = bytesPerTurn
        resolve()
      }),
    )
    return turn
  }
  return {
    async pass(bytes) {
      while (left <= 0) await untilNextTurn()
      left -= bytes
      void untilNextTurn()
    },
  }
}
