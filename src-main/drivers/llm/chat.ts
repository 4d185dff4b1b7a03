/** One message of a conversation. `images` are URLs or data URIs; a backend for text alone leaves them out. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly toolCalls?: readonly LlmToolCall[]
  /** On a tool's message: the call that it answers. */
  readonly toolCallId?: string
  readonly name?: string
  readonly images?: readonly string[]
}

/** A tool call as the model made it; `input` is what it wrote as arguments, parsed, or the text when it is no JSON. */
export interface LlmToolCall {
  readonly id: string
  readonly tool: string
  readonly input: unknown
}

export interface LlmTool {
  readonly name: string
  readonly description?: string
  /** JSON Schema of the arguments. */
  readonly schema?: Readonly<Record<string, unknown>>
}

/** One model call. `onDelta` and `signal` are side channels: no part of the request as it is recorded. */
export interface LlmRequest {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly LlmTool[]
  readonly maxTokens?: number
  readonly onDelta?: (text: string) => void
  readonly signal?: AbortSignal
}

export interface LlmUsage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Dollars, where the price is known. */
  readonly usd?: number
  /** The upstream did not say; the figures are our estimate. */
  readonly estimated?: true
}

export interface LlmReply {
  readonly text?: string
  readonly toolCalls?: readonly LlmToolCall[]
  readonly usage?: LlmUsage
}

/** Makes one model call: streams text to `onDelta`, stops when `signal` aborts, resolves with the whole. */
export type ChatFn = (request: LlmRequest) => Promise<LlmReply>
