import type { ModelImage, ModelSettings, ToolDefinition } from '../../ports/models.ts'
import { type Conversation, createConversation, imageOf } from '../conversation.ts'
import type { ReadRequest } from '../dialect-shape.ts'
import { isRecord, type JsonObject, recordOf, recordsOf, stringOf, textOf } from '../json-values.ts'

/** A Messages request, for translation. Earlier thoughts are left out: their signatures bind them to their provider. */
export function readMessages(body: JsonObject): ReadRequest {
  const conversation = createConversation()
  conversation.system(systemText(body.system))
  for (const message of recordsOf(body.messages)) {
    if (message.role === 'assistant') readAssistant(message.content, conversation)
    else if (message.role === 'system') conversation.system(textOf(message.content))
    else readUser(message.content, conversation)
  }
  const limit = body.max_tokens
  return {
    messages: conversation.messages(),
    tools: recordsOf(body.tools).flatMap(toolOf),
    maxOutputTokens: typeof limit === 'number' ? limit : null,
    settings: readSettings(body),
    freeFormTools: new Set(),
  }
}

function systemText(system: unknown): string {
  return typeof system === 'string' ? system : recordsOf(system).map(textOf).join('\n\n')
}

function readAssistant(content: unknown, conversation: Conversation): void {
  if (typeof content === 'string') conversation.assistant(content)
  for (const block of recordsOf(content)) {
    if (block.type === 'text') conversation.assistant(stringOf(block.text))
    if (block.type !== 'tool_use') continue
    const argumentsText = JSON.stringify(block.input ?? {})
    conversation.assistant('', [{ id: stringOf(block.id), name: stringOf(block.name), argumentsText }])
  }
}

/** Results stand in the user's message here; they come before what the user says. */
function readUser(content: unknown, conversation: Conversation): void {
  if (typeof content === 'string') conversation.user(content)
  const blocks = recordsOf(content)
  const results = blocks.filter(({ type }) => type === 'tool_result')
  for (const block of results)
    conversation.result({
      callId: stringOf(block.tool_use_id),
      name: '',
      text: textOf(block.content),
      isError: block.is_error === true,
    })
  const shown = results.flatMap((block) => recordsOf(block.content))
  const texts = blocks.filter(({ type }) => type === 'text').map(textOf)
  conversation.user(texts.join('\n\n'), [...shown, ...blocks].flatMap(imageIn))
}

function imageIn(block: JsonObject): ModelImage[] {
  if (block.type !== 'image') return []
  const source = recordOf(block.source)
  const image =
    source.type === 'base64'
      ? { mediaType: stringOf(source.media_type), base64: stringOf(source.data) }
      : imageOf(stringOf(source.url))
  return image ? [image] : []
}

function toolOf(tool: JsonObject): ToolDefinition[] {
  if (typeof tool.name !== 'string' || !isRecord(tool.input_schema)) return []
  return [{ name: tool.name, description: stringOf(tool.description), schema: { ...tool.input_schema } }]
}

function readSettings(body: JsonObject): ModelSettings {
  const { temperature, top_p, stop_sequences: stops } = body
  const choice = recordOf(body.tool_choice)
  const format = recordOf(recordOf(body.output_config).format ?? body.output_format)
  const words = Array.isArray(stops) ? stops.filter((one): one is string => typeof one === 'string') : []
  return {
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof top_p === 'number' ? { topP: top_p } : {}),
    ...(words.length > 0 ? { stopSequences: words } : {}),
    ...(choice.type === 'auto' || choice.type === 'none' ? { toolChoice: choice.type } : {}),
    ...(choice.type === 'any' ? { toolChoice: 'required' } : {}),
    ...(choice.type === 'tool' ? { toolChoice: { name: stringOf(choice.name) } } : {}),
    ...(format.type === 'json_schema' && isRecord(format.schema)
      ? { json: { schema: { ...format.schema } } }
      : {}),
  }
}
