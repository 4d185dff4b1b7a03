import type { ModelImage, ModelSettings, ToolDefinition } from '../../ports/models.ts'
import { type Conversation, createConversation, imageOf } from '../conversation.ts'
import { type ReadRequest, Untranslatable } from '../dialect-shape.ts'
import { type JsonObject, parseJson, recordOf, recordsOf, stringOf, textOf } from '../json-values.ts'
import { choiceOf, jsonOf, toolOf } from './openai-chat-request.ts'

/** A Responses request, for translation. Tools that OpenAI itself runs are left out: another provider has none of them. */
export function readResponses(body: JsonObject): ReadRequest {
  if (typeof body.previous_response_id === 'string')
    throw new Untranslatable('an earlier response is named that only its own provider knows')
  const conversation = createConversation()
  conversation.system(stringOf(body.instructions))
  if (typeof body.input === 'string') conversation.user(body.input)
  for (const item of recordsOf(body.input)) readItem(item, conversation)
  const limit = body.max_output_tokens
  const tools = recordsOf(body.tools)
  return {
    messages: conversation.messages(),
    tools: tools.flatMap((tool) => (tool.type === 'custom' ? freeForm(tool) : functionTool(tool))),
    maxOutputTokens: typeof limit === 'number' ? limit : null,
    settings: readSettings(body),
    freeFormTools: new Set(tools.filter(({ type }) => type === 'custom').map(({ name }) => stringOf(name))),
  }
}

function functionTool(tool: JsonObject): ToolDefinition[] {
  return tool.type === 'function' ? toolOf(tool) : []
}

/** A tool that takes free text, as one with a single text argument; its grammar is told in words. */
function freeForm(tool: JsonObject): ToolDefinition[] {
  const grammar = stringOf(recordOf(tool.format).definition)
  const description = [stringOf(tool.description), grammar && `The input follows this grammar:\n${grammar}`]
  const schema = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
  return toolOf({
    name: tool.name,
    description: description.filter(Boolean).join('\n\n'),
    parameters: schema,
  })
}

function readItem(item: JsonObject, conversation: Conversation): void {
  const { type, role } = item
  const callId = stringOf(item.call_id)
  const name = stringOf(item.name)
  if (type === 'function_call')
    conversation.assistant('', [{ id: callId, name, argumentsText: stringOf(item.arguments) }])
  else if (type === 'custom_tool_call')
    conversation.assistant('', [
      { id: callId, name, argumentsText: JSON.stringify({ input: stringOf(item.input) }) },
    ])
  else if (type === 'function_call_output' || type === 'custom_tool_call_output')
    conversation.result({ callId, name: '', text: outputText(item.output), isError: false })
  else if (type === undefined || type === 'message') {
    const text = textOf(item.content)
    if (role === 'assistant') conversation.assistant(text)
    else if (role === 'user') conversation.user(text, imagesOf(item.content))
    else conversation.system(text)
  }
}

function outputText(output: unknown): string {
  if (typeof output === 'string' || Array.isArray(output)) return textOf(output)
  return JSON.stringify(output ?? '')
}

function imagesOf(content: unknown): ModelImage[] {
  return recordsOf(content).flatMap((part) => {
    const image = imageOf(stringOf(part.image_url))
    return image ? [image] : []
  })
}

function readSettings(body: JsonObject): ModelSettings {
  const { temperature, top_p } = body
  const format = recordOf(recordOf(body.text).format)
  return {
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof top_p === 'number' ? { topP: top_p } : {}),
    ...choiceOf(body.tool_choice),
    ...jsonOf(format.type, format.schema),
  }
}

/** The text that a call of a free-form tool carries: what stands in its single argument. */
export function freeFormInput(argumentsText: string): string {
  const { input } = recordOf(parseJson(argumentsText))
  return typeof input === 'string' ? input : argumentsText
}
