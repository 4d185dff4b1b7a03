import type { ModelImage, ModelSettings, ToolDefinition } from '../../ports/models.ts'
import { createConversation, imageOf } from '../conversation.ts'
import type { ReadRequest } from '../dialect-shape.ts'
import { isRecord, type JsonObject, recordOf, recordsOf, stringOf, textOf } from '../json-values.ts'

/** A Chat Completions request, for translation. */
export function readChat(body: JsonObject): ReadRequest {
  const conversation = createConversation()
  for (const message of recordsOf(body.messages)) {
    const text = textOf(message.content)
    if (message.role === 'system' || message.role === 'developer') conversation.system(text)
    else if (message.role === 'assistant')
      conversation.assistant(text, recordsOf(message.tool_calls).map(readCall))
    else if (message.role === 'tool')
      conversation.result({ callId: stringOf(message.tool_call_id), name: '', text, isError: false })
    else conversation.user(text, imagesOf(message.content))
  }
  const limit = body.max_completion_tokens ?? body.max_tokens
  return {
    messages: conversation.messages(),
    tools: recordsOf(body.tools).flatMap(({ function: one }) => toolOf(recordOf(one))),
    maxOutputTokens: typeof limit === 'number' ? limit : null,
    settings: readSettings(body),
    freeFormTools: new Set(),
  }
}

function readCall(call: JsonObject) {
  const { name, arguments: text } = recordOf(call.function)
  return { id: stringOf(call.id), name: stringOf(name), argumentsText: stringOf(text) }
}

/** A function tool in OpenAI's notation; none when it has no name. */
export function toolOf(tool: JsonObject): ToolDefinition[] {
  if (typeof tool.name !== 'string') return []
  const schema = isRecord(tool.parameters) ? { ...tool.parameters } : { type: 'object', properties: {} }
  return [{ name: tool.name, description: stringOf(tool.description), schema }]
}

function imagesOf(content: unknown): ModelImage[] {
  return recordsOf(content).flatMap((part) => {
    const image = imageOf(stringOf(recordOf(part.image_url).url))
    return image ? [image] : []
  })
}

function readSettings(body: JsonObject): ModelSettings {
  const { temperature, top_p, stop, response_format: format } = body
  const stops = typeof stop === 'string' ? [stop] : Array.isArray(stop) ? stop.filter(isText) : []
  return {
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof top_p === 'number' ? { topP: top_p } : {}),
    ...(stops.length > 0 ? { stopSequences: stops } : {}),
    ...choiceOf(body.tool_choice),
    ...jsonOf(recordOf(format).type, recordOf(recordOf(format).json_schema).schema),
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** OpenAI's `tool_choice`, in both of its notations. */
export function choiceOf(choice: unknown): Pick<ModelSettings, 'toolChoice'> {
  if (choice === 'none' || choice === 'required' || choice === 'auto') return { toolChoice: choice }
  const { name, function: inner } = recordOf(choice)
  const wanted = stringOf(name) || stringOf(recordOf(inner).name)
  return wanted === '' ? {} : { toolChoice: { name: wanted } }
}

export function jsonOf(type: unknown, schema: unknown): Pick<ModelSettings, 'json'> {
  if (type !== 'json_object' && type !== 'json_schema') return {}
  return { json: { schema: isRecord(schema) ? { ...schema } : null } }
}
