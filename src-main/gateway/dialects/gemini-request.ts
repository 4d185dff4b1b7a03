import type { ModelImage, ModelSettings, ToolDefinition } from '../../ports/models.ts'
import { type Conversation, createConversation } from '../conversation.ts'
import type { ReadRequest } from '../dialect-shape.ts'
import { isRecord, type JsonObject, recordOf, recordsOf, stringOf, textOf } from '../json-values.ts'

/** A generateContent request, for translation. Calls without an id get one by their place, results find theirs by name. */
export function readContents(body: JsonObject): ReadRequest {
  const conversation = createConversation()
  const system = recordOf(body.systemInstruction ?? body.system_instruction)
  conversation.system(textOf(system.parts))
  const contents = Array.isArray(body.contents) ? recordsOf(body.contents) : [recordOf(body.contents)]
  contents.forEach((content, index) => {
    const parts = recordsOf(content.parts)
    if (content.role === 'model') readModel(parts, index, conversation)
    else readUser(parts, conversation)
  })
  const config = recordOf(body.generationConfig ?? body.generation_config)
  return {
    messages: conversation.messages(),
    tools: recordsOf(body.tools).flatMap(toolsOf),
    maxOutputTokens: typeof config.maxOutputTokens === 'number' ? config.maxOutputTokens : null,
    settings: readSettings(config, recordOf(body.toolConfig ?? body.tool_config)),
    freeFormTools: new Set(),
  }
}

function readModel(parts: readonly JsonObject[], index: number, conversation: Conversation): void {
  parts.forEach((part, at) => {
    if (part.thought !== true) conversation.assistant(stringOf(part.text))
    if (!isRecord(part.functionCall)) return
    const { id, name, args } = part.functionCall
    const callId = stringOf(id) || `call_${index}_${at}`
    conversation.assistant('', [
      { id: callId, name: stringOf(name), argumentsText: JSON.stringify(args ?? {}) },
    ])
  })
}

function readUser(parts: readonly JsonObject[], conversation: Conversation): void {
  for (const part of parts) {
    const result = part.functionResponse
    if (!isRecord(result)) continue
    const response = recordOf(result.response)
    const text = typeof response.output === 'string' ? response.output : JSON.stringify(response)
    const isError = response.error !== undefined
    conversation.result({ callId: stringOf(result.id), name: stringOf(result.name), text, isError })
  }
  const texts = parts.filter((part) => typeof part.text === 'string').map(textOf)
  conversation.user(texts.join('\n'), parts.flatMap(imageIn))
}

function imageIn(part: JsonObject): ModelImage[] {
  const inline = recordOf(part.inlineData ?? part.inline_data)
  const mediaType = stringOf(inline.mimeType) || stringOf(inline.mime_type)
  if (!mediaType.startsWith('image/') || typeof inline.data !== 'string') return []
  return [{ mediaType, base64: inline.data }]
}

function toolsOf(group: JsonObject): ToolDefinition[] {
  return recordsOf(group.functionDeclarations ?? group.function_declarations).flatMap((tool) => {
    if (typeof tool.name !== 'string') return []
    const given = [tool.parametersJsonSchema, tool.parameters].find(isRecord)
    const schema = recordOf(lowerTypes(given ?? { type: 'object', properties: {} }))
    return [{ name: tool.name, description: stringOf(tool.description), schema: { ...schema } }]
  })
}

/** Gemini's own schemas write types in capitals (`STRING`); everybody else's are JSON Schema. */
function lowerTypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerTypes)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'type' && typeof inner === 'string' ? inner.toLowerCase() : lowerTypes(inner),
    ]),
  )
}

function readSettings(config: JsonObject, toolConfig: JsonObject): ModelSettings {
  const { temperature, topP, stopSequences: stops } = config
  const calling = recordOf(toolConfig.functionCallingConfig)
  const words = Array.isArray(stops) ? stops.filter((one): one is string => typeof one === 'string') : []
  const schema = [config.responseJsonSchema, config.responseSchema].find(isRecord)
  return {
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof topP === 'number' ? { topP } : {}),
    ...(words.length > 0 ? { stopSequences: words } : {}),
    ...(calling.mode === 'NONE' ? { toolChoice: 'none' } : {}),
    ...(calling.mode === 'ANY' ? { toolChoice: 'required' } : {}),
    ...(config.responseMimeType === 'application/json'
      ? { json: { schema: schema ? { ...recordOf(lowerTypes(schema)) } : null } }
      : {}),
  }
}
