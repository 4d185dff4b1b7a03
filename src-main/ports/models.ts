import type { ProviderId } from '../contract/agent.ts'
import type { ModelPrice } from './gateway.ts'

export interface ToolDefinition {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments, an object. */
  readonly schema: Record<string, unknown>
}

export type ModelMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly text: string; readonly images?: readonly ModelImage[] }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls: readonly ModelToolCall[] }
  | {
      readonly role: 'tool'
      readonly callId: string
      readonly name: string
      readonly text: string
      readonly isError: boolean
    }

/** A picture in a message: its bytes in base64, or an address that the provider fetches. */
export type ModelImage =
  | { readonly mediaType: string; readonly base64: string }
  | { readonly mediaType: string; readonly url: string }

/** What a caller may set beyond the defaults of provider and model; absent = left to the provider. */
export interface ModelSettings {
  readonly temperature?: number
  readonly topP?: number
  readonly stopSequences?: readonly string[]
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly name: string }
  /** The answer is to be JSON, of this schema when there is one. */
  readonly json?: { readonly schema: Record<string, unknown> | null }
}

export interface ModelToolCall {
  readonly id: string
  readonly name: string
  /** Arguments as the model wrote them: JSON text, perhaps broken. */
  readonly argumentsText: string
  /** What the provider wants back unchanged with this call (thought signatures); JSON text, opaque to us. */
  readonly providerData?: string
}

export interface ModelRequest {
  readonly provider: ProviderId
  readonly model: string
  readonly baseUrl: string | null
  readonly apiKey: string | undefined
  readonly messages: readonly ModelMessage[]
  readonly tools: readonly ToolDefinition[]
  /** null = left to the provider. */
  readonly maxOutputTokens: number | null
  readonly settings?: ModelSettings
  /** `openai-compatible` only: the upstream speaks the Responses API instead of Chat Completions. */
  readonly usesResponses?: boolean
  /**
   * Set for a request that was written elsewhere, since it is long: it is sent in place of what the rest would make, and
   * the rest tells how to read its answer. Gives it once, so that nobody keeps it; undefined the second time.
   */
  takeWritten?(): WrittenRequest | undefined
}

/** A request of a provider's API, ready to be sent. */
export interface WrittenRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

/** null = the upstream did not say. `inputTokens` includes cached ones. */
export interface ModelUsage {
  readonly inputTokens: number | null
  readonly cachedTokens: number | null
  readonly outputTokens: number | null
}

export type ModelEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'tool-call'; readonly call: ModelToolCall }
  | {
      readonly kind: 'end'
      readonly reason: 'stop' | 'tools' | 'length' | 'filtered' | 'other'
      readonly usage: ModelUsage
    }

/**
 * What kind of failure a model call met (spec/harness.md §11): `transient` may be tried again, `context` was too long,
 * `denied` is a key or model that the upstream does not take, `refused` any other "no", `stream` broke off half way.
 */
export type ModelFaultKind = 'transient' | 'context' | 'denied' | 'refused' | 'stream'

/** The `cause` of a `model_failed` error. */
export class ModelFault extends Error {
  override readonly name = 'ModelFault'
  readonly kind: ModelFaultKind
  readonly status: number | null
  /** What the upstream asked to wait, milliseconds; null = it did not say. */
  readonly retryAfterMs: number | null
  /** False when it is certain that the upstream never had the whole request. */
  readonly isDelivered: boolean

  constructor(
    kind: ModelFaultKind,
    message: string,
    status: number | null,
    retryAfterMs: number | null,
    isDelivered = true,
  ) {
    super(message)
    this.isDelivered = isDelivered
    this.kind = kind
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** Streams one model call. Throws `SignalboxError('model_failed')` with the upstream's words, secrets masked, and a {@link ModelFault} as cause. */
export interface Models {
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
  /** Price in nano-dollars per token, or undefined when not known. */
  price(provider: ProviderId, model: string): ModelPrice | undefined
  /** Model names the upstream lists (bounded to 500); empty when it does not answer. */
  list(
    provider: ProviderId,
    baseUrl: string | null,
    apiKey: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly string[]>
}
