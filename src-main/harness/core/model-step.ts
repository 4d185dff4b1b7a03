import type { Message, TokenUsage, ToolCall } from './message.ts'
import { type Model, ModelError, type OfferedTool, type StopReason } from './model.ts'
import { bounded, type Powers } from './powers.ts'
import { followed } from './racing.ts'
import type { RunEvent } from './run-events.ts'

/** What one model call came to; `error` is set when it broke, and then `text` is what had arrived. */
export interface ModelStep {
  readonly text: string
  readonly calls: readonly ToolCall[]
  readonly reason: StopReason
  readonly error: unknown
  readonly isTimeout: boolean
}

export interface StepRequest {
  readonly model: Model
  readonly messages: readonly Message[]
  readonly tools: readonly OfferedTool[]
  readonly step: number
  readonly maxOutputTokens: number
  readonly timeoutMs: number
  readonly powers: Powers
  readonly signal: AbortSignal
  emit(event: RunEvent): void
  spend(model: string, usage: TokenUsage): void
}

const unknownUsage: TokenUsage = { inputTokens: null, cachedTokens: null, outputTokens: null }

/** One model call, streamed to the watcher. Never throws: whatever breaks is in the outcome. */
export async function modelStep(request: StepRequest): Promise<ModelStep> {
  const { model, messages, tools, step, maxOutputTokens } = request
  const late = () => new ModelError('stream', `the model call took longer than ${request.timeoutMs / 1000} s`)
  const bound = bounded(request.powers, request.timeoutMs, request.signal, late)
  const calls: ToolCall[] = []
  let text = ''
  let reason: StopReason | undefined
  let hasBegun = false
  const offered = tools.map(({ name, description, schema }) => ({ name, description, schema }))
  try {
    const events = model.stream({ messages, tools: offered, maxOutputTokens }, bound.signal)
    for await (const event of followed(events, bound.signal)) {
      if (event.kind === 'attempt-failed') {
        request.emit({ kind: 'attempt-failed', model: event.model, message: event.error.message })
        if (event.wasBilled) request.spend(event.model, unknownUsage)
        hasBegun = false
        continue
      }
      hasBegun = true
      if (event.kind === 'tool-call') calls.push(event.call)
      else if (event.kind === 'end') {
        reason = event.reason
        request.spend(event.model ?? model.id, event.usage)
      } else {
        if (event.kind === 'text') text += event.text
        request.emit({ kind: event.kind, step, text: event.text })
      }
    }
    const missing = reason === undefined ? new ModelError('stream', 'the answer has no end') : undefined
    return { text, calls: missing ? [] : calls, reason: reason ?? 'other', error: missing, isTimeout: false }
  } catch (error) {
    // It was answering when it broke: it has cost something, and nobody will tell us how much.
    if (hasBegun && reason === undefined) request.spend(model.id, unknownUsage)
    const isTimeout = bound.signal.aborted && !request.signal.aborted
    return { text, calls: [], reason: 'other', error, isTimeout }
  } finally {
    bound.done()
  }
}
