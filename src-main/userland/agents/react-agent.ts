import type { Message, ProcessImage, Sys } from '../../kernel/abi.ts'
import type { CapRef } from '../../kernel/ids.ts'
import { UserlandError } from '../faults.ts'
import { type AgentTool, assistantMessage, type ChatMessage } from './chat.ts'
import { createInbox } from './inbox.ts'
import { act, type Mind, think } from './mind.ts'
import { MAX_REVISIONS, reflect } from './reflect.ts'

const DEFAULT_MAX_STEPS = 16

/** What an agent is to do, and with what. */
export interface AgentSpec {
  readonly task: string
  /** What the model is told of; only these names reach the tools device. */
  readonly tools: readonly AgentTool[]
  readonly system?: string
  /** Most model turns, default 16; a review of the answer counts as none. */
  readonly maxSteps?: number
  /** Has the model review its answer, and revise it at most twice; text says by which criteria. */
  readonly reflect?: boolean | string
  readonly maxTokens?: number
  /** What the model's device is opened with: which model, how warm. */
  readonly model?: unknown
  readonly name?: string
}

/** What an agent sends back. */
export interface AgentResult {
  readonly answer: string
  /** Model turns taken. */
  readonly steps: number
  /** The steps ran out first; the answer is the last thing the model said. */
  readonly truncated?: true
}

/**
 * An agent that thinks, calls tools and looks at the results until the model answers without a call. It waits for one
 * message carrying three capabilities: the model's device, the tools' device, and where to send the `AgentResult`
 * (with the message's `corr`, else its id). Every call is paid by this process. It ends normally when the result is
 * sent, with shutdown at Term, and with fault when its model fails or the result can't be delivered.
 */
export function reactAgent(spec: AgentSpec): ProcessImage {
  const { maxSteps = DEFAULT_MAX_STEPS } = spec
  if (!Number.isSafeInteger(maxSteps) || maxSteps < 1) {
    throw new UserlandError('EINVAL', 'maxSteps must be a whole number of at least 1')
  }
  return {
    name: spec.name ?? 'react-agent',
    async main(sys) {
      const inbox = createInbox(sys)
      const job = await jobOf(inbox.next)
      const mind: Mind = {
        llm: await sys.open(job.llm, spec.model),
        tools: await sys.open(job.tools),
        spec,
      }
      const result = await solve(sys, mind, spec, maxSteps)
      await sys.send(job.reply, result, { corr: job.message.corr ?? job.message.id })
    },
  }
}

interface Job {
  readonly message: Message
  readonly llm: CapRef
  readonly tools: CapRef
  readonly reply: CapRef
}

/** The first message with enough capabilities. The agent uses what it is sent and holds nothing of its own to misuse. */
async function jobOf(next: () => Promise<Message>): Promise<Job> {
  for (;;) {
    const message = await next()
    const [llm, tools, reply] = message.caps
    if (llm && tools && reply) return { message, llm, tools, reply }
  }
}

async function solve(sys: Sys, mind: Mind, spec: AgentSpec, maxSteps: number): Promise<AgentResult> {
  const messages: ChatMessage[] = []
  if (spec.system !== undefined) messages.push({ role: 'system', content: spec.system })
  messages.push({ role: 'user', content: spec.task })
  let said = ''
  let revisions = spec.reflect ? 0 : MAX_REVISIONS
  for (let step = 1; step <= maxSteps; step++) {
    const thought = await think(sys, mind, messages, step)
    if (thought.text !== '') said = thought.text
    if (thought.calls.length > 0) {
      messages.push(assistantMessage(thought), ...(await act(sys, mind, thought)))
    } else if (thought.text === '') {
      messages.push({ role: 'user', content: 'Your reply was empty. Call a tool or give your answer.' })
    } else {
      const feedback = revisions < MAX_REVISIONS ? await review(sys, mind, spec, said) : undefined
      if (feedback === undefined) return { answer: said, steps: step }
      revisions++
      messages.push(assistantMessage(thought), { role: 'user', content: `Revise your answer: ${feedback}` })
    }
  }
  return { answer: said, steps: maxSteps, truncated: true }
}

async function review(sys: Sys, mind: Mind, spec: AgentSpec, answer: string): Promise<string | undefined> {
  const criteria = typeof spec.reflect === 'string' ? { criteria: spec.reflect } : {}
  const verdict = await reflect(sys, mind.llm, { task: spec.task, answer, ...criteria })
  return verdict.kind === 'revise' ? verdict.feedback : undefined
}
