import type { RunUsage, TokenUsage } from './message.ts'
import type { Tool, ToolArguments } from './tool.ts'

/** `ok · error · aborted · timeout · budget · guard` of spec/harness.md §7; `refused`: the model would not. */
export type RunStatus = 'ok' | 'error' | 'refused' | 'aborted' | 'timeout' | 'budget' | 'guard'
export type CallStatus = 'completed' | 'failed' | 'refused' | 'cancelled'

export type RunEvent =
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'text'; readonly step: number; readonly text: string }
  | { readonly kind: 'reasoning'; readonly step: number; readonly text: string }
  /** `args` is null when the arguments could not be read. */
  | {
      readonly kind: 'tool-start'
      readonly callId: string
      readonly name: string
      readonly tool: Tool | undefined
      readonly args: ToolArguments | null
      readonly argumentsText: string
    }
  | { readonly kind: 'tool-running'; readonly callId: string }
  | { readonly kind: 'tool-progress'; readonly callId: string; readonly text: string }
  | {
      readonly kind: 'tool-end'
      readonly callId: string
      readonly name: string
      readonly status: CallStatus
      readonly text: string
      readonly details: Readonly<Record<string, unknown>>
      readonly durationMs: number
      /** The tool did not stop when told; what it still does is its own. */
      readonly isLeaked: boolean
    }
  | { readonly kind: 'usage'; readonly model: string; readonly usage: TokenUsage }
  | { readonly kind: 'attempt-failed'; readonly model: string; readonly message: string }
  | { readonly kind: 'loop-warning'; readonly name: string; readonly times: number }
  | { readonly kind: 'end'; readonly status: RunStatus; readonly usage: RunUsage }

export interface Limits {
  readonly maxIterations: number
  readonly maxToolCallsPerStep: number
  readonly runTimeoutMs: number
  readonly stepTimeoutMs: number
  readonly toolTimeoutMs: number
  /** Of one tool result as the model sees it. */
  readonly maxOutputBytes: number
  readonly maxOutputTokens: number
}

export const defaultLimits: Limits = {
  maxIterations: 25,
  maxToolCallsPerStep: 16,
  runTimeoutMs: 600_000,
  stepTimeoutMs: 120_000,
  toolTimeoutMs: 60_000,
  maxOutputBytes: 32 * 1024,
  maxOutputTokens: 16_000,
}
