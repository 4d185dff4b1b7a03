import type { ModelEvent, ModelToolCall, ModelUsage } from '../../ports/models.ts'
import { type AnswerFacts, type AnswerWriter, dataFrame } from '../dialect-shape.ts'

const finishes = {
  stop: 'stop',
  tools: 'tool_calls',
  length: 'length',
  filtered: 'content_filter',
  other: 'stop',
} as const

function usageOf(usage: ModelUsage) {
  const prompt = usage.inputTokens ?? 0
  const completion = usage.outputTokens ?? 0
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
  }
}

const functionOf = (call: ModelToolCall) => ({ name: call.name, arguments: call.argumentsText })

/** An answer as Chat Completions. */
export function createChatWriter(facts: AnswerFacts): AnswerWriter {
  const created = Math.floor(facts.atMs / 1000)
  const base = { id: `chatcmpl-${facts.id}`, created, model: facts.model }
  const calls: ModelToolCall[] = []
  let text = ''
  let reasoning = ''
  let end: Extract<ModelEvent, { kind: 'end' }> | undefined
  const chunk = (delta: unknown, finish: string | null = null) =>
    dataFrame({
      ...base,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
    })
  function onCall(call: ModelToolCall): string {
    const index = calls.push(call) - 1
    return chunk({ tool_calls: [{ index, id: call.id, type: 'function', function: functionOf(call) }] })
  }
  function onEnd(event: Extract<ModelEvent, { kind: 'end' }>): string {
    end = event
    const usage = facts.wantsUsage
      ? dataFrame({ ...base, object: 'chat.completion.chunk', choices: [], usage: usageOf(event.usage) })
      : ''
    return `${chunk({}, finishes[event.reason])}${usage}data: [DONE]\n\n`
  }
  return {
    start: () => chunk({ role: 'assistant', content: '' }),
    event(event) {
      if (event.kind === 'text') {
        text += event.text
        return chunk({ content: event.text })
      }
      if (event.kind === 'reasoning') {
        reasoning += event.text
        return chunk({ reasoning_content: event.text })
      }
      return event.kind === 'tool-call' ? onCall(event.call) : onEnd(event)
    },
    whole() {
      const toolCalls = calls.map((call) => ({ id: call.id, type: 'function', function: functionOf(call) }))
      const message = {
        role: 'assistant',
        content: text === '' && toolCalls.length > 0 ? null : text,
        ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
        ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
      }
      const finish = finishes[end?.reason ?? 'other']
      return {
        ...base,
        object: 'chat.completion',
        choices: [{ index: 0, message, finish_reason: finish }],
        ...(end ? { usage: usageOf(end.usage) } : {}),
      }
    },
  }
}
