import { type Failure, type FailureCause, spoken } from '../dialect-shape.ts'

/** Which of OpenAI's error types a cause is; strangers' clients look at the status, people at the message. */
const types: Partial<Record<FailureCause, string>> = {
  over_budget: 'insufficient_quota',
  not_held: 'permission_error',
  revoked: 'permission_error',
  unknown_key: 'authentication_error',
  busy: 'rate_limit_error',
  upstream_failed: 'server_error',
  upstream_silent: 'server_error',
}

export function openAiFailure(failure: Failure): unknown {
  const type = types[failure.cause] ?? 'invalid_request_error'
  const code = failure.cause === 'unknown_key' ? 'invalid_api_key' : failure.cause
  return { error: { message: spoken(failure), type, param: null, code } }
}

export function openAiList(models: readonly string[]): unknown {
  return {
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'signalbox' })),
  }
}
