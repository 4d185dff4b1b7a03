/** What can go wrong with a program on this machine; `not_confined` is told as a `SignalboxError` instead. */
export type ExecutorErrorCode =
  | 'program_not_found'
  | 'start_failed'
  | 'path_refused'
  | 'socket_path_too_long'
  | 'child_unreachable'
  | 'stdin_closed'
  | 'closed'

/** A fault of the executor; the message is a sentence for people. */
export class ExecutorError extends Error {
  override readonly name = 'ExecutorError'
  readonly code: ExecutorErrorCode

  constructor(code: ExecutorErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
