import type { ModelEvent, ModelToolCall, ModelUsage } from '../../ports/models.ts'
import { type AnswerFacts, type AnswerWriter, eventFrame } from '../dialect-shape.ts'
import { freeFormInput } from './openai-responses-request.ts'

function usageOf(usage: ModelUsage) {
  const input = usage.inputTokens ?? 0
  const output = usage.outputTokens ?? 0
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  }
}

type Item = Record<string, unknown>
type Send = (type: string, value: Item) => string
type End = Extract<ModelEvent, { kind: 'end' }>

const messageItem = (id: string, text: string, status: string): Item => ({
  id,
  type: 'message',
  role: 'assistant',
  status,
  content: status === 'completed' ? [{ type: 'output_text', text, annotations: [] }] : [],
})

const reasoningItem = (id: string, text: string): Item => ({
  id,
  type: 'reasoning',
  summary: text === '' ? [] : [{ type: 'summary_text', text }],
})

/** The events of a message or of a summary of reasoning, which differ in their names only. */
function textNames(kind: 'text' | 'reasoning') {
  return kind === 'text'
    ? { part: 'response.content_part', delta: 'response.output_text', index: 'content_index' }
    : {
        part: 'response.reasoning_summary_part',
        delta: 'response.reasoning_summary_text',
        index: 'summary_index',
      }
}

interface OpenText {
  readonly kind: 'text' | 'reasoning'
  readonly id: string
  text: string
}

/** Items of an output, one open at a time. */
function createOutput(id: string, send: Send) {
  const done: Item[] = []
  let open: OpenText | undefined
  const at = (one: OpenText) => ({
    item_id: one.id,
    output_index: done.length,
    [textNames(one.kind).index]: 0,
  })
  const partOf = (one: OpenText, text: string) =>
    one.kind === 'text' ? { type: 'output_text', text, annotations: [] } : { type: 'summary_text', text }
  const itemOf = (one: OpenText, isDone: boolean) =>
    one.kind === 'text'
      ? messageItem(one.id, one.text, isDone ? 'completed' : 'in_progress')
      : reasoningItem(one.id, isDone ? one.text : '')
  function close(): string {
    if (!open) return ''
    const one = open
    open = undefined
    const names = textNames(one.kind)
    const item = itemOf(one, true)
    const frames =
      send(`${names.delta}.done`, { ...at(one), text: one.text }) +
      send(`${names.part}.done`, { ...at(one), part: partOf(one, one.text) }) +
      send('response.output_item.done', { output_index: done.length, item })
    done.push(item)
    return frames
  }
  function begin(one: OpenText): string {
    open = one
    return (
      send('response.output_item.added', { output_index: done.length, item: itemOf(one, false) }) +
      send(`${textNames(one.kind).part}.added`, { ...at(one), part: partOf(one, '') })
    )
  }
  return {
    done,
    close,
    text(kind: 'text' | 'reasoning', delta: string): string {
      const closed = open?.kind === kind ? '' : close()
      const prefix = kind === 'text' ? 'msg' : 'rs'
      const one = open ?? { kind, id: `${prefix}_${id}_${done.length}`, text: '' }
      const started = one === open ? '' : begin(one)
      one.text += delta
      return closed + started + send(`${textNames(kind).delta}.delta`, { ...at(one), delta })
    },
    call(call: ModelToolCall, isFreeForm: boolean): string {
      const closed = close()
      const frames = callFrames(call, { id, isFreeForm, output_index: done.length, send })
      done.push(callItem(call, id, done.length, isFreeForm, true))
      return closed + frames
    },
  }
}

function callItem(
  call: ModelToolCall,
  id: string,
  index: number,
  isFreeForm: boolean,
  isDone: boolean,
): Item {
  const status = isDone ? 'completed' : 'in_progress'
  const common = { call_id: call.id, name: call.name, status }
  if (isFreeForm)
    return {
      id: `ctc_${id}_${index}`,
      type: 'custom_tool_call',
      ...common,
      input: isDone ? freeFormInput(call.argumentsText) : '',
    }
  return {
    id: `fc_${id}_${index}`,
    type: 'function_call',
    ...common,
    arguments: isDone ? call.argumentsText : '',
  }
}

interface CallPlace {
  readonly id: string
  readonly isFreeForm: boolean
  readonly output_index: number
  readonly send: Send
}

function callFrames(call: ModelToolCall, { id, isFreeForm, output_index, send }: CallPlace): string {
  const name = isFreeForm ? 'response.custom_tool_call_input' : 'response.function_call_arguments'
  const text = isFreeForm ? freeFormInput(call.argumentsText) : call.argumentsText
  const item = (isDone: boolean) => callItem(call, id, output_index, isFreeForm, isDone)
  const place = { item_id: item(true).id, output_index }
  return (
    send('response.output_item.added', { output_index, item: item(false) }) +
    send(`${name}.delta`, { ...place, delta: text }) +
    send(`${name}.done`, { ...place, ...(isFreeForm ? { input: text } : { arguments: text }) }) +
    send('response.output_item.done', { output_index, item: item(true) })
  )
}

/** An answer as Responses: numbered events, every item opened and closed. */
export function createResponsesWriter(facts: AnswerFacts): AnswerWriter {
  let sequence = 0
  let end: End | undefined
  const send: Send = (type, value) => eventFrame(type, { type, sequence_number: sequence++, ...value })
  const output = createOutput(facts.id, send)
  const status = () => (end ? (end.reason === 'length' ? 'incomplete' : 'completed') : 'in_progress')
  const response = (): Item => ({
    id: `resp_${facts.id}`,
    object: 'response',
    created_at: Math.floor(facts.atMs / 1000),
    status: status(),
    error: null,
    incomplete_details: status() === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    model: facts.model,
    output: end ? output.done : [],
    parallel_tool_calls: true,
    tools: [],
    usage: end ? usageOf(end.usage) : null,
  })
  return {
    start: () =>
      send('response.created', { response: response() }) +
      send('response.in_progress', { response: response() }),
    event(event) {
      if (event.kind === 'text' || event.kind === 'reasoning') return output.text(event.kind, event.text)
      if (event.kind === 'tool-call') return output.call(event.call, facts.freeFormTools.has(event.call.name))
      const closed = output.close()
      end = event
      return closed + send(`response.${status()}`, { response: response() })
    },
    whole: () => response(),
  }
}
