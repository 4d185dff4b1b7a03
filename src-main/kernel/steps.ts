/** Drives a kernel from a journal: what comes from outside takes effect after a recorded number of dispatches. */
export interface Steps {
  /** Something takes effect before the next dispatch, so the turn must end. */
  isDue(): boolean
  /** Lets take effect what came at this very place in the middle of a turn. */
  catchUp(): void
  /** Between turns: lets take effect what is due. */
  turn(): void
  /** Nothing is ready: true when it brought something about. */
  idle(): boolean
}
