/** A tool call as the model wrote it; `argumentsText` is JSON text, perhaps broken. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  readonly argumentsText: string
  /** Opaque; goes back to the provider unchanged. */
  readonly providerData?: string
}

export type Message =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls: readonly ToolCall[] }
  | {
      readonly role: 'tool'
      readonly callId: string
      readonly name: string
      readonly text: string
      readonly isError: boolean
    }

/** null = the upstream did not say; `inputTokens` includes cached ones. */
export interface TokenUsage {
  readonly inputTokens: number | null
  readonly cachedTokens: number | null
  readonly outputTokens: number | null
}

/** What a run used over all attempts. `unknownCalls` counts attempts whose use nobody told us, so that sums are a floor. */
export interface RunUsage {
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly modelCalls: number
  readonly unknownCalls: number
}

export const noUsage: RunUsage = {
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  modelCalls: 0,
  unknownCalls: 0,
}

export function addUsage(sum: RunUsage, use: TokenUsage): RunUsage {
  const isUnknown = use.inputTokens === null || use.outputTokens === null
  return {
    inputTokens: sum.inputTokens + (use.inputTokens ?? 0),
    cachedTokens: sum.cachedTokens + (use.cachedTokens ?? 0),
    outputTokens: sum.outputTokens + (use.outputTokens ?? 0),
    modelCalls: sum.modelCalls + 1,
    unknownCalls: sum.unknownCalls + (isUnknown ? 1 : 0),
  }
}
