import { writeRequest } from '../adapters/models/written-request.ts'
import { isRecord, parseJson } from '../gateway/json-values.ts'
import type { CanonicalRequest, GatewaySession } from '../ports/gateway.ts'
import {
  ModelFault,
  type ModelMessage,
  type ModelRequest,
  type ToolDefinition,
  type WrittenRequest,
} from '../ports/models.ts'
import { canonicalCall } from './canonical-call.ts'

/** What is asked about a request of our own process. Plain data. */
export interface CallWish {
  /** null: it will not be compared with a recording, nor kept in one. */
  readonly placeholders: GatewaySession['placeholders'] | null
  readonly isRecorded: boolean
  /** The request without what stands in its text; null: it is not to be sent. */
  readonly target: Omit<ModelRequest, 'messages' | 'tools' | 'takeWritten'> | null
}

export interface CallReading {
  readonly canonical: CanonicalRequest | undefined
  readonly written: WrittenRequest | undefined
}

/** The part of a request by which a recording knows it, in the order of its text. */
export function askedOf({
  messages,
  tools,
}: Pick<ModelRequest, 'messages' | 'tools'>): readonly [unknown, unknown] {
  return [messages, tools]
}

/** Reads what was written of {@link askedOf}, and does with it what is done with a short request as it is. */
export async function readCall(bytes: Buffer, { placeholders, target }: CallWish): Promise<CallReading> {
  const { messages, tools } = parsedCall(bytes)
  return {
    canonical: placeholders ? canonicalCall({ messages, tools }, placeholders) : undefined,
    written: target ? await writtenCall({ ...target, messages, tools }) : undefined,
  }
}

/** undefined: the SDK does not take it, and says why where it is sent. */
async function writtenCall(request: ModelRequest): Promise<WrittenRequest | undefined> {
  try {
    return await writeRequest(request)
  } catch (error) {
    if (error instanceof ModelFault) return undefined
    throw error
  }
}

/** Our own writing comes back as it was; what is checked is only that it is there. */
function parsedCall(bytes: Buffer): { messages: readonly ModelMessage[]; tools: readonly ToolDefinition[] } {
  const text = parseJson(bytes.toString('utf8'))
  const [messages, tools] = Array.isArray(text) ? (text as readonly unknown[]) : []
  if (!isListOf<ModelMessage>(messages) || !isListOf<ToolDefinition>(tools))
    throw new Error('this is no request of ours')
  return { messages, tools }
}

function isListOf<Item extends object>(value: unknown): value is readonly Item[] {
  return Array.isArray(value) && value.every(isRecord)
}
