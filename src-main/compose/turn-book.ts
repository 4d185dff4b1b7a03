/** Counts of one session's process. */
interface Turns {
  /** Prompts that it was given, at its start or later. */
  given: number
  /** Those of them whose turn has begun. */
  taken: number
  isOver: boolean
}

/**
 * Which prompts a session's process has still to take. It asks before it ends, and is told to go on while one waits; from
 * the answer that it may end on it is given none. So a prompt that was accepted here is taken, unless the process is
 * ended from outside.
 */
export function createTurnBook() {
  const byPid = new Map<number, Turns>()
  return {
    open: (pid: number, given: number): void => void byPid.set(pid, { given, taken: 0, isOver: false }),
    /** False: the process takes no more. */
    give(pid: number): boolean {
      const turns = byPid.get(pid)
      if (!turns || turns.isOver) return false
      turns.given += 1
      return true
    },
    take(pid: number): void {
      const turns = byPid.get(pid)
      if (turns) turns.taken += 1
    },
    /** True: nothing waits, and nothing more will be given. */
    mayEnd(pid: number): boolean {
      const turns = byPid.get(pid)
      if (!turns) return true
      turns.isOver = turns.taken >= turns.given
      return turns.isOver
    },
    forget: (pid: number): void => void byPid.delete(pid),
  }
}

export type TurnBook = ReturnType<typeof createTurnBook>
