import * as z from 'zod'

const none = z.object({})
const named = z.object({ name: z.string() })
const path = z.object({ path: z.string(), detail: z.string().optional() })
const session = z.object({ sessionId: z.string() })
const why = z.object({ reason: z.string(), remedy: z.string().optional() })

/**
 * Every error that can cross the contract: HTTP status, whether a retry can help, and the shape of its data.
 * Codes are never renamed; deprecate and add.
 */
export const errorTable = {
  invalid_input: {
    status: 400,
    retry: 'never',
    data: z.object({ issues: z.array(z.object({ path: z.string(), message: z.string() })) }),
  },
  unknown_procedure: { status: 404, retry: 'never', data: named },
  unauthorised: { status: 401, retry: 'never', data: none },
  forbidden: { status: 403, retry: 'never', data: why },
  too_large: { status: 413, retry: 'never', data: z.object({ limitBytes: z.number() }) },
  internal: { status: 500, retry: 'later', data: none },
  cancelled: { status: 499, retry: 'now', data: none },
  disconnected: { status: 503, retry: 'later', data: none },
  daemon_draining: { status: 503, retry: 'later', data: none },
  daemon_paused: { status: 503, retry: 'later', data: none },
  not_found: { status: 404, retry: 'never', data: named },
  session_not_found: { status: 404, retry: 'never', data: session },
  session_ended: { status: 409, retry: 'never', data: session },
  session_not_running: {
    status: 409,
    retry: 'never',
    data: z.object({ sessionId: z.string(), status: z.string() }),
  },
  session_not_paused: { status: 409, retry: 'never', data: session },
  session_still_running: { status: 409, retry: 'later', data: session },
  not_replayable: {
    status: 409,
    retry: 'never',
    data: z.object({ sessionId: z.string(), reason: z.string() }),
  },
  ask_not_open: {
    status: 409,
    retry: 'never',
    data: z.object({ askId: z.string(), answeredBy: z.string().optional() }),
  },
  option_unknown: { status: 400, retry: 'never', data: z.object({ optionId: z.string() }) },
  project_not_found: { status: 404, retry: 'never', data: z.object({ projectId: z.string() }) },
  project_in_use: {
    status: 409,
    retry: 'later',
    data: z.object({ projectId: z.string(), sessions: z.number() }),
  },
  agent_unknown: { status: 404, retry: 'never', data: z.object({ agent: z.string() }) },
  agent_unavailable: {
    status: 409,
    retry: 'later',
    data: z.object({ agent: z.string(), state: z.string(), remedy: z.string().optional() }),
  },
  not_confined: { status: 409, retry: 'later', data: why },
  model_unknown: { status: 400, retry: 'never', data: z.object({ model: z.string() }) },
  model_key_missing: { status: 409, retry: 'later', data: z.object({ provider: z.string() }) },
  model_failed: { status: 502, retry: 'later', data: why },
  not_a_repository: { status: 400, retry: 'never', data: path },
  path_not_found: { status: 404, retry: 'never', data: path },
  path_not_readable: { status: 403, retry: 'later', data: path },
  path_not_writable: { status: 403, retry: 'later', data: path },
  repository_other_owner: { status: 403, retry: 'never', data: path },
  repository_empty: { status: 409, retry: 'later', data: path },
  repository_busy: { status: 409, retry: 'later', data: path },
  base_not_found: { status: 400, retry: 'never', data: z.object({ path: z.string(), base: z.string() }) },
  git_missing: { status: 503, retry: 'later', data: why },
  git_failed: { status: 502, retry: 'later', data: z.object({ command: z.string(), detail: z.string() }) },
  disk_full: { status: 507, retry: 'later', data: path },
  workarea_not_found: { status: 404, retry: 'never', data: z.object({ workareaId: z.string() }) },
  workarea_gone: { status: 410, retry: 'never', data: z.object({ workareaId: z.string() }) },
  nothing_to_land: { status: 409, retry: 'never', data: session },
  land_conflict: {
    status: 409,
    retry: 'later',
    data: z.object({ files: z.array(z.string()), target: z.string() }),
  },
  land_undo_refused: { status: 409, retry: 'never', data: why },
  already_landed: { status: 409, retry: 'never', data: session },
  process_not_found: { status: 404, retry: 'never', data: z.object({ pid: z.number() }) },
  process_protected: { status: 409, retry: 'never', data: z.object({ pid: z.number(), reason: z.string() }) },
  capability_not_found: { status: 404, retry: 'never', data: z.object({ id: z.number() }) },
  capability_not_wider: {
    status: 400,
    retry: 'never',
    data: z.object({ id: z.number(), reason: z.string() }),
  },
  budget_refused: {
    status: 409,
    retry: 'later',
    data: z.object({ resource: z.string(), reason: z.string() }),
  },
  budget_exceeded: { status: 402, retry: 'never', data: z.object({ resource: z.string() }) },
  secret_store_failed: { status: 500, retry: 'later', data: why },
  setting_invalid: { status: 400, retry: 'never', data: z.object({ key: z.string(), detail: z.string() }) },
  journal_corrupt: {
    status: 500,
    retry: 'never',
    data: z.object({ chain: z.string(), sequence: z.number(), detail: z.string() }),
  },
  database_newer: { status: 500, retry: 'never', data: z.object({ found: z.number(), known: z.number() }) },
  database_unreadable: { status: 500, retry: 'never', data: path },
  already_running: { status: 409, retry: 'never', data: z.object({ pid: z.number() }) },
} as const satisfies Record<string, { status: number; retry: 'never' | 'later' | 'now'; data: z.ZodObject }>

export type ErrorCode = keyof typeof errorTable
export type ErrorData<C extends ErrorCode> = z.infer<(typeof errorTable)[C]['data']>

/** The plain form of an error on every wire; never an `Error` instance, whose fields structured clone drops. */
export const WireError = z.object({
  code: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
  incident: z.string().optional(),
})
export type WireError = z.infer<typeof WireError>

/** An expected "no" or a translated fault. `data` has the shape the table gives for `code`. */
export class SignalboxError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'SignalboxError'
  readonly code: C
  readonly data: ErrorData<C>
  readonly incident: string | undefined

  constructor(
    code: C,
    data: ErrorData<C>,
    options: { message?: string | undefined; cause?: unknown; incident?: string | undefined } = {},
  ) {
    super(options.message ?? code, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = data
    this.incident = options.incident
  }
}

/** True for a code of the table; own properties only, so `constructor` is no code. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}
