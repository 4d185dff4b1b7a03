import type { Message, ProcessImage, Segment, Sys } from '../../kernel/abi.ts'
import { codeOf, messageOf, UserlandError } from '../faults.ts'
import { type AgentTool, assistantMessage, type ChatMessage, clip, observationText } from './chat.ts'
import { createInbox } from './inbox.ts'
import { act, type Mind, think } from './mind.ts'
import type { AgentResult } from './react-agent.ts'

const DEFAULT_MAX_STEPS = 16
/** Segments paged in for each turn. */
const RECALLED = 5
const MAX_PROMPT = 100_000
/** How long a result waits for room in the asker's mailbox. */
const REPLY_MS = 5000

export interface ConversationSpec {
  readonly tools: readonly AgentTool[]
  readonly system?: string
  /** Most model turns for one message, default 16. */
  readonly maxSteps?: number
  readonly maxTokens?: number
  /** What the model's device is opened with. */
  readonly model?: unknown
  readonly name?: string
}

/** What a turn failed with, sent instead of a result. The conversation goes on. */
export interface TurnFailed {
  readonly error: string
}

/**
 * An agent that keeps up a conversation. Its first message carries the model's device and the tools' device; every
 * later one is a turn: its body, or its `text`, is what the model hears, and its last capability gets the `AgentResult`
 * (with the message's `corr`, else its id), or a `TurnFailed`. One turn at a time, in order of arrival.
 *
 * The context lives in kernel memory: what no longer fits is paged out and recalled by what a turn is about, so the
 * conversation is bounded by `quota.mem` and not by its length. The system prompt is pinned; give at least 200 tokens
 * beyond it. Term ends it at once.
 */
export function conversationAgent(spec: ConversationSpec): ProcessImage {
  const { maxSteps = DEFAULT_MAX_STEPS } = spec
  if (!Number.isSafeInteger(maxSteps) || maxSteps < 1) {
    throw new UserlandError('EINVAL', 'maxSteps must be a whole number of at least 1')
  }
  return {
    name: spec.name ?? 'conversation-agent',
    async main(sys) {
      const inbox = createInbox(sys)
      const mind = await wake(sys, spec, inbox.next)
      if (spec.system !== undefined) {
        await sys.remember({ messages: [{ role: 'system', content: spec.system }] }, { pin: true })
      }
      for (;;) await hear(sys, mind, await inbox.next(), maxSteps)
    },
  }
}

async function wake(sys: Sys, spec: ConversationSpec, next: () => Promise<Message>): Promise<Mind> {
  for (;;) {
    const [llm, tools] = (await next()).caps
    if (!llm) continue
    return {
      llm: await sys.open(llm, spec.model),
      tools: tools && (await sys.open(tools)),
      spec,
    }
  }
}

/** A message without words is no turn. */
async function hear(sys: Sys, mind: Mind, message: Message, maxSteps: number): Promise<void> {
  const text = wordsOf(message.body)
  const reply = message.caps.at(-1)
  if (text !== undefined) {
    const result = await turn(sys, mind, text, maxSteps)
    const corr = message.corr ?? message.id
    // Who asked may be gone by now, or read nothing any more; the next one waits.
    const deadline = sys.now() + REPLY_MS
    if (reply) await sys.send(reply, result, { corr, deadline }).catch(unlessGone)
  }
  for (const cap of message.caps) {
    try {
      sys.revoke(cap)
    } catch (error) {
      if (codeOf(error) !== 'ECAP') throw error
    }
  }
}

async function turn(sys: Sys, mind: Mind, text: string, maxSteps: number): Promise<AgentResult | TurnFailed> {
  await sys.recall(text, RECALLED)
  await keep(sys, [{ role: 'user', content: text }])
  let said = ''
  try {
    for (let step = 1; step <= maxSteps; step++) {
      const thought = await think(sys, mind, contextOf(sys.workingSet()), step)
      if (thought.text !== '') said = thought.text
      if (thought.calls.length > 0)
        await keep(sys, [assistantMessage(thought), ...(await act(sys, mind, thought))])
      else if (thought.text === '') await keep(sys, [{ role: 'user', content: 'Your reply was empty.' }])
      else {
        await keep(sys, [assistantMessage(thought)])
        return { answer: said, steps: step }
      }
    }
  } catch (error) {
    if (codeOf(error) !== 'EDRIVER') throw error
    return { error: messageOf(error) }
  }
  return { answer: said, steps: maxSteps, truncated: true }
}

/**
 * One segment for what belongs together: a tool's result without the call it answers is refused by every provider, so
 * they are paged out as one.
 */
async function keep(sys: Sys, messages: readonly ChatMessage[]): Promise<void> {
  const most = segmentChars(sys)
  const share = Math.max(16, Math.floor(most / messages.length))
  const fitted = messages.map((message) => shortened(message, share))
  // Ids, names and braces of many calls can be more than their texts; words alone always fit.
  const isTooLong = messages.length > 1 && observationText(fitted, Number.POSITIVE_INFINITY).length > most * 2
  const kept: readonly ChatMessage[] = isTooLong
    ? [{ role: 'assistant', content: '[a step too long to remember]' }]
    : fitted
  await sys.remember({ messages: kept })
}

function shortened(message: ChatMessage, maxChars: number): ChatMessage {
  const content = clip(message.content, maxChars)
  if (message.role !== 'assistant' || !message.toolCalls) return { ...message, content }
  const toolCalls = message.toolCalls.map((call) =>
    observationText(call.input, maxChars).length < maxChars ? call : { ...call, input: {} },
  )
  return { ...message, content, toolCalls }
}

/** A segment larger than the memory would end the process; a third of it leaves room for the system prompt and a reply. */
function segmentChars(sys: Sys): number {
  const { mem } = sys.budget()
  if (mem === undefined) return MAX_PROMPT
  const resident = sys.workingSet().reduce((sum, { tokens }) => sum + tokens, 0)
  return Math.min(MAX_PROMPT, Math.floor((mem + resident) / 3))
}

/** The resident context as the model reads it. A pager's summary of what left is told as such. */
function contextOf(segments: readonly Segment[]): ChatMessage[] {
  return segments.flatMap((segment): ChatMessage[] => {
    const { body } = segment
    if (segment.summary) return [{ role: 'user', content: `[Earlier, in short: ${summaryText(body)}]` }]
    // Written by `keep` alone.
    return [...(body as { readonly messages: readonly ChatMessage[] }).messages]
  })
}

function summaryText(body: unknown): string {
  return typeof body === 'string' ? body : (JSON.stringify(body) ?? '')
}

function wordsOf(body: unknown): string | undefined {
  if (typeof body === 'string') return body
  if (typeof body !== 'object' || body === null || !('text' in body)) return undefined
  return typeof body.text === 'string' ? body.text : undefined
}

function unlessGone(error: unknown): void {
  if (!['ESRCH', 'ECAP'].includes(codeOf(error) ?? '')) throw error
}
