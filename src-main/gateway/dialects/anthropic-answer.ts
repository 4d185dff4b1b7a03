import type { ModelEvent, ModelToolCall, ModelUsage } from '../../ports/models.ts'
import { argumentsObject } from '../conversation.ts'
import { type AnswerFacts, type AnswerWriter, eventFrame } from '../dialect-shape.ts'

const stops = {
  stop: 'end_turn',
  tools: 'tool_use',
  length: 'max_tokens',
  filtered: 'refusal',
  other: 'end_turn',
} as const

function usageOf(usage: ModelUsage) {
  const cached = usage.cachedTokens ?? 0
  return {
    input_tokens: (usage.inputTokens ?? 0) - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: usage.outputTokens ?? 0,
  }
}

type Block = { type: 'text'; text: string } | { type: 'thinking'; thinking: string; signature: string }

type Send = (type: string, value: Record<string, unknown>) => string

/** The blocks of an answer, one after the other, each opened and closed. */
function createBlocks(send: Send) {
  const content: unknown[] = []
  let open: Block | undefined
  const index = () => content.length - 1
  function close(): string {
    if (!open) return ''
    open = undefined
    return send('content_block_stop', { index: index() })
  }
  function begin(block: Block): string {
    const closed = close()
    content.push(block)
    open = block
    return closed + send('content_block_start', { index: index(), content_block: block })
  }
  return {
    content,
    close,
    text(text: string): string {
      const started = open?.type === 'text' ? '' : begin({ type: 'text', text: '' })
      if (open?.type === 'text') open.text += text
      return started + send('content_block_delta', { index: index(), delta: { type: 'text_delta', text } })
    },
    reasoning(thinking: string): string {
      const started =
        open?.type === 'thinking' ? '' : begin({ type: 'thinking', thinking: '', signature: '' })
      if (open?.type === 'thinking') open.thinking += thinking
      const delta = { type: 'thinking_delta', thinking }
      return started + send('content_block_delta', { index: index(), delta })
    },
    call(call: ModelToolCall): string {
      const closed = close()
      const block = { type: 'tool_use', id: call.id, name: call.name }
      content.push({ ...block, input: argumentsObject(call.argumentsText) })
      const delta = { type: 'input_json_delta', partial_json: call.argumentsText }
      return (
        closed +
        send('content_block_start', { index: index(), content_block: { ...block, input: {} } }) +
        send('content_block_delta', { index: index(), delta }) +
        send('content_block_stop', { index: index() })
      )
    },
  }
}

/** An answer as Messages. */
export function createMessagesWriter(facts: AnswerFacts): AnswerWriter {
  const base = { id: `msg_${facts.id}`, type: 'message', role: 'assistant', model: facts.model }
  const send: Send = (type, value) => eventFrame(type, { type, ...value })
  const blocks = createBlocks(send)
  let end: Extract<ModelEvent, { kind: 'end' }> | undefined
  function onEnd(event: Extract<ModelEvent, { kind: 'end' }>): string {
    end = event
    const delta = { stop_reason: stops[event.reason], stop_sequence: null }
    const usage = usageOf(event.usage)
    return blocks.close() + send('message_delta', { delta, usage }) + send('message_stop', {})
  }
  return {
    start() {
      const usage = { input_tokens: facts.estimatedInput, output_tokens: 0 }
      const message = { ...base, content: [], stop_reason: null, stop_sequence: null, usage }
      return send('message_start', { message })
    },
    event(event) {
      if (event.kind === 'text') return blocks.text(event.text)
      if (event.kind === 'reasoning') return blocks.reasoning(event.text)
      return event.kind === 'tool-call' ? blocks.call(event.call) : onEnd(event)
    },
    whole: () => ({
      ...base,
      content: blocks.content,
      stop_reason: stops[end?.reason ?? 'other'],
      stop_sequence: null,
      ...(end ? { usage: usageOf(end.usage) } : {}),
    }),
  }
}
