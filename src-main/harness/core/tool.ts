/** What a tool may do at worst: look, change the workarea, reach out of it, or destroy. */
export type Effects = 'read' | 'write' | 'external' | 'destructive'

export type ToolArguments = Readonly<Record<string, unknown>>

export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  /** Facts about the call for whoever watches: exit code, lines changed. Never sent to the model. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Who asked for the run; fixed when it starts. */
export interface Caller {
  readonly id: string
  readonly kind: 'user' | 'agent' | 'schedule' | 'system'
  readonly roles: readonly string[]
}

export interface ToolContext {
  readonly runId: string
  readonly callId: string
  readonly caller: Caller
  readonly signal: AbortSignal
  /** Output as it comes, for whoever watches. */
  progress(text: string): void
}

export interface Tool {
  readonly name: string
  readonly description: string
  /** JSON Schema of an object; the subset that `checkArguments` reads. */
  readonly schema: Readonly<Record<string, unknown>>
  readonly effects: Effects
  readonly timeoutMs?: number
  execute(args: ToolArguments, context: ToolContext): Promise<ToolResult>
  /** One line for people about this very call. */
  summarize?(args: ToolArguments): string
}
