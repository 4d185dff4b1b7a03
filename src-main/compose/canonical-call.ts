import { canonicalOf } from '../gateway/canonical-request.ts'
import type { JsonObject } from '../gateway/json-values.ts'
import type { CanonicalRequest, GatewaySession } from '../ports/gateway.ts'

/** A request of our own runtime, as a recording knows it. */
export function canonicalCall(
  request: JsonObject,
  placeholders: GatewaySession['placeholders'],
): CanonicalRequest {
  return canonicalOf({ dialect: 'openai-chat', kind: 'generate', isStream: true }, request, placeholders)
}
