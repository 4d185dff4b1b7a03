import type { Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { codeOf, messageOf } from '../faults.ts'
import {
  type AgentTool,
  type ChatMessage,
  clip,
  type LlmRequest,
  observationText,
  parseReply,
  type Thought,
  type ToolRequest,
} from './chat.ts'

/** Longest observation of one call, in characters. */
const MAX_OBSERVATION = 16_000

export interface MindSpec {
  readonly tools: readonly AgentTool[]
  /** Passed with every request: most tokens of one reply. */
  readonly maxTokens?: number
}

/** Opened handles to a model and to tools; opening costs what the devices charge. */
export interface Mind {
  readonly llm: CapRef
  readonly tools: CapRef | undefined
  readonly spec: MindSpec
}

/** One turn of the model. What the driver throws is thrown on (EDRIVER): without a model there is nothing to do. */
export async function think(
  sys: Sys,
  mind: Mind,
  messages: readonly ChatMessage[],
  step: number,
): Promise<Thought> {
  const { tools, maxTokens } = mind.spec
  const request: LlmRequest = {
    messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  }
  return parseReply(await sys.read(mind.llm, request), step)
}

/**
 * Makes a thought's calls, all at once, and returns one observation for each, in order. A tool that is unknown or
 * fails is an observation too. Only names in the agent's own list reach the device.
 */
export async function act(sys: Sys, mind: Mind, thought: Thought): Promise<ChatMessage[]> {
  const { calls, dropped } = thought
  const maxChars = Math.min(MAX_OBSERVATION, roomFor(sys, calls.length))
  const known = calls.filter(({ tool }) => mind.spec.tools.some(({ name }) => name === tool))
  const results = mind.tools === undefined ? [] : await perform(sys, mind.tools, known, maxChars)
  const texts = new Map(known.map((call, at) => [call, results[at] ?? 'error: this agent has no tools']))
  const names = mind.spec.tools.map(({ name }) => name).join(', ')
  const unknown = names === '' ? 'there are none' : `there are ${names}`
  return calls.map((call, at) => {
    const text = texts.get(call) ?? clip(`error: no tool ${JSON.stringify(call.tool)}; ${unknown}`, maxChars)
    const note =
      dropped > 0 && at === calls.length - 1 ? `\n[${dropped} more calls were not made: too many]` : ''
    return { role: 'tool', content: text + note, toolCallId: call.id, name: call.tool }
  })
}

/** As text, in the order of the calls. */
async function perform(
  sys: Sys,
  handle: CapRef,
  calls: readonly ToolRequest[],
  maxChars: number,
): Promise<string[]> {
  if (calls.length === 0) return []
  const requests = calls.map(({ tool, input }) => ({ tool, input }))
  try {
    const values = await sys.readAll(handle, requests)
    return values.map((value) => observationText(value, maxChars))
  } catch (error) {
    if (codeOf(error) !== 'EDRIVER') throw error
    const outcomes = outcomesOf(error)
    if (outcomes) return outcomes.map((outcome) => textOfOutcome(outcome, maxChars))
    if (calls.length === 1) return [textOfOutcome({ error }, maxChars)]
    // All have been made, but a batch reports its first error alone.
    const text = `error: a call of this step failed (${clip(messageOf(error), maxChars)}); the results of the others are lost`
    return calls.map(() => text)
  }
}

/** What each call of a failed batch came to. */
interface Outcome {
  readonly value?: unknown
  readonly error?: unknown
}

/** Where the kernel says more than the first error, that is taken. */
function outcomesOf(error: unknown): readonly Outcome[] | undefined {
  if (!(error instanceof Error) || !('outcomes' in error)) return undefined
  return Array.isArray(error.outcomes) ? (error.outcomes as readonly Outcome[]) : undefined
}

function textOfOutcome({ value, error }: Outcome, maxChars: number): string {
  return error === undefined ? observationText(value, maxChars) : clip(`error: ${messageOf(error)}`, maxChars)
}

/** Observations of one step may take a quarter of the memory that is left, or one of them alone would end the process. */
function roomFor(sys: Sys, calls: number): number {
  const { mem } = sys.budget()
  if (mem === undefined) return MAX_OBSERVATION
  const resident = sys.workingSet().reduce((sum, { tokens }) => sum + tokens, 0)
  // One token is four bytes by the kernel's estimate, and a character up to three of them.
  return Math.max(64, Math.floor((mem + resident) / 4 / Math.max(1, calls)))
}
