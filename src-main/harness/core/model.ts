import type { Message, TokenUsage, ToolCall } from './message.ts'

export interface OfferedTool {
  readonly name: string
  readonly description: string
  readonly schema: Readonly<Record<string, unknown>>
}

export interface ModelRequest {
  readonly messages: readonly Message[]
  readonly tools: readonly OfferedTool[]
  readonly maxOutputTokens: number
}

export type StopReason = 'stop' | 'tools' | 'length' | 'filtered' | 'other'

export type ModelEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'tool-call'; readonly call: ToolCall }
  /** `model`: who answered, where several stand in for each other. */
  | { readonly kind: 'end'; readonly reason: StopReason; readonly usage: TokenUsage; readonly model?: string }
  /** An attempt that came to nothing; `wasBilled`: it had begun to answer, so it has cost something unknown. */
  | {
      readonly kind: 'attempt-failed'
      readonly model: string
      readonly error: ModelError
      readonly wasBilled: boolean
    }

/** What a model can do; `maxContext` in tokens, null = not known. */
export interface ModelCapabilities {
  readonly tools: boolean
  readonly maxContext: number | null
}

/** One model, or several that stand in for each other. Throws {@link ModelError}, or the signal's reason when aborted. */
export interface Model {
  /** `provider/model`. */
  readonly id: string
  readonly caps: ModelCapabilities
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

export type ModelErrorKind = 'transient' | 'first-byte' | 'context' | 'denied' | 'refused' | 'stream'

/** A model call that failed, in the classes of the failover table; the message has its secrets masked already. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly kind: ModelErrorKind
  readonly retryAfterMs: number | null

  constructor(kind: ModelErrorKind, message: string, retryAfterMs: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }
}
