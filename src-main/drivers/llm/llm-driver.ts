import type { Driver, DriverCost, DriverHandle, DriverResult } from '../../kernel/abi.ts'
import type { ChatFn, LlmReply, LlmRequest, LlmUsage } from './chat.ts'

/** Nano-dollars in a dollar. */
const NANOS = 1e9

/**
 * Puts a chat function behind a device: each `read` is one model call. Charges the tokens and dollars of the reply's
 * usage; where the upstream reports none they are estimated from the texts, and the reply says `usage.estimated`. A call
 * that fails half way, or is cut off because its process ends, is charged for what had come by then.
 */
export function llmDriver(chat: ChatFn, name = 'llm'): Driver {
  return { name, uses: ['tokens', 'usd'], open: () => openLlm(chat) }
}

function openLlm(chat: ChatFn): DriverHandle {
  const life = new AbortController()
  return {
    read: (request) => callModel(chat, parseRequest(request), life.signal),
    close: () => life.abort(),
  }
}

async function callModel(
  chat: ChatFn,
  request: LlmRequest,
  life: AbortSignal,
): Promise<DriverResult<LlmReply>> {
  let heard = ''
  const signal = request.signal ? AbortSignal.any([life, request.signal]) : life
  const onDelta = (text: string): void => {
    heard += text
    // The listener is the calling process's own function; what it throws must not look like a failed upstream.
    if (life.aborted) return
    try {
      request.onDelta?.(text)
    } catch {
      // Its loss alone.
    }
  }
  try {
    signal.throwIfAborted()
    const reply = await chat({ ...request, onDelta, signal })
    const usage = reply.usage ?? estimate(request, reply.text ?? '', reply.toolCalls)
    return { value: { ...reply, usage }, cost: costOf(usage) }
  } catch (error) {
    throw heard === '' ? error : withCost(error, estimate(request, heard, undefined))
  }
}

function parseRequest(request: unknown): LlmRequest {
  const { messages } = (typeof request === 'object' && request !== null ? request : {}) as Partial<LlmRequest>
  if (!Array.isArray(messages)) throw new TypeError('a model request needs messages')
  return request as LlmRequest
}

function costOf({ promptTokens, completionTokens, usd, estimated }: LlmUsage): DriverCost {
  return {
    tokens: promptTokens + completionTokens,
    ...(usd === undefined ? {} : { usd: Math.ceil(usd * NANOS) / NANOS }),
    ...(estimated ? { estimated } : {}),
  }
}

function estimate(request: LlmRequest, text: string, toolCalls: unknown): LlmUsage {
  return {
    promptTokens: estimateTokens([request.messages, request.tools ?? null]),
    completionTokens: estimateTokens(toolCalls === undefined ? text : [text, toolCalls]),
    estimated: true,
  }
}

/** The kernel's own measure: a quarter of the bytes as JSON, at least 1. */
export function estimateTokens(value: unknown): number {
  return Math.max(1, Math.ceil(Buffer.byteLength(JSON.stringify(value) ?? '') / 4))
}

/** The kernel charges what a thrown error says it cost. */
function withCost(error: unknown, usage: LlmUsage): Error {
  const known = error instanceof Error ? error : new Error(String(error))
  return Object.assign(new Error(known.message, { cause: known }), { cost: costOf(usage) })
}
