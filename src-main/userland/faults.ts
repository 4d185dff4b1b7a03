/** What can go wrong in userland itself; kernel errors pass through it unchanged. */
export type UserlandErrorCode =
  | 'EINVAL'
  | 'EEXIST'
  | 'ECHILD'
  | 'ECANCELED'
  | 'ETIMEDOUT'
  | 'EDENIED'
  | 'EBUDGET'

/** An error of a userland module. Callers branch on `code`, never on the message. */
export class UserlandError extends Error {
  readonly code: UserlandErrorCode

  constructor(code: UserlandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UserlandError'
    this.code = code
  }
}

/** The `code` of anything that was thrown, undefined without one. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** The words of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
