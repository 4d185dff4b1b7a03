import type { Confinement } from '../../contract/session.ts'
import type { Harness, RunRequest, RunResult } from '../../harness/core/run.ts'
import type { Tool, ToolArguments, ToolContext, ToolResult } from '../../harness/core/tool.ts'
import type { Clock } from '../../ports/clock.ts'
import type { RuntimeSession, SubAgent } from '../../ports/runtime.ts'
import type { Gate } from './gate.ts'
import { createRunActivities } from './run-activities.ts'
import { type Candidate, modelId } from './session-model.ts'
import { subAgentPrompt } from './system-prompt.ts'

/** What an agent works with: its session's, or a sub-agent's own. */
export type Means = Pick<RuntimeSession, 'door' | 'readModelCall' | 'openModelCall' | 'run'> & {
  /** Waits while it is paused or suspended. */
  readonly passed: Gate['passed']
  /** Put before the ids of its tool calls, so that they are nobody else's. */
  readonly callPrefix: string
}

/** What one run of the harness is given of an agent's means. */
export interface Equipment extends Pick<RunRequest, 'model' | 'tools' | 'permission'> {
  readonly confirm: NonNullable<RunRequest['ports']['confirm']>
}

export interface SubAgentToolOptions {
  readonly session: RuntimeSession
  readonly passed: Gate['passed']
  readonly candidates: readonly Candidate[]
  readonly confinement: Confinement
  readonly harness: Harness
  readonly clock: Clock
  /** Names of the tools that it may get. */
  readonly toolNames: readonly string[]
  readonly equip: (means: Means) => Equipment
}

const limits = {
  maxIterations: 100,
  runTimeoutMs: 24 * 3_600_000,
  stepTimeoutMs: 600_000,
  toolTimeoutMs: 120_000,
}

/** A sub-agent may wait for a person, or be suspended, as long as its session. */
const longestMs = 14 * 86_400_000

/** Tools of one that only looks. */
const lookingTools: readonly string[] = ['read_file', 'list_files', 'search']

/** Gives a piece of work to an agent with a process, a budget and a conversation of its own; its last words are the result. */
export function subAgentTool(options: SubAgentToolOptions): Tool {
  return {
    name: 'delegate',
    description:
      'Gives a piece of work to a sub-agent and waits for its report. It has your workarea and your tools, but knows nothing except the task that you write. Call it several times in one step for pieces that do not touch the same files.',
    effects: 'write',
    timeoutMs: longestMs,
    schema: {
      type: 'object',
      properties: {
        title: { type: 'string', minLength: 1, maxLength: 80, description: 'A few words, for people.' },
        task: { type: 'string', minLength: 1, maxLength: 50_000, description: 'All that it has to know.' },
        may_change: {
          type: 'boolean',
          default: true,
          description: 'false: it only reads files and searches in them.',
        },
        token_budget: {
          type: 'integer',
          minimum: 1000,
          maximum: 1_000_000_000,
          description: 'Set apart for it from your own budget; without it, it shares yours.',
        },
      },
      required: ['title', 'task'],
      additionalProperties: false,
    },
    summarize: (args) => `Sub-agent: ${String(args.title)}`,
    execute: (args, context) => delegate(options, args, context),
  }
}

async function delegate(
  options: SubAgentToolOptions,
  args: ToolArguments,
  context: ToolContext,
): Promise<ToolResult> {
  const { session, candidates } = options
  const mayChange = args.may_change !== false
  const given = mayChange ? options.toolNames : lookingTools
  const piece = { title: String(args.title), task: String(args.task), given }
  const opened = session.openSubAgent({
    title: piece.title,
    devices: [
      ...given.map((name) => `tool:${name}`),
      ...candidates.map((candidate) => `model:${modelId(candidate)}`),
    ],
    reachesHosts: mayChange,
    budget: typeof args.token_budget === 'number' ? { tokens: args.token_budget } : {},
  })
  if (!opened.ok) return { text: opened.reason, isError: true }
  const { agent } = opened
  try {
    const result = await run(options, piece, agent, context)
    const report = reportOf(result, agent)
    agent.end(report.isError ? report.text : null)
    return report
  } finally {
    agent.end('it was given up')
  }
}

function run(
  { session, harness, confinement, clock, passed, equip }: SubAgentToolOptions,
  {
    title,
    task,
    given,
  }: { readonly title: string; readonly task: string; readonly given: readonly string[] },
  agent: SubAgent,
  { runId, callId, caller, signal, progress }: ToolContext,
): Promise<RunResult> {
  const callPrefix = `${callId}.`
  const { model, tools, permission, confirm } = equip({
    door: agent.door,
    readModelCall: session.readModelCall,
    openModelCall: agent.openModelCall,
    run: agent.run,
    callPrefix,
    passed: async (held) => {
      await passed(held)
      await agent.whenRunning()
      held.throwIfAborted()
    },
  })
  const show = createRunActivities(byAgent(session.emit, title, callPrefix), () => clock.nowMs(), 0)
  return harness.run({
    runId: `${runId}.${callId}`,
    agent: { name: 'sub-agent', system: subAgentPrompt(confinement), limits },
    model,
    tools: tools.filter(({ name }) => given.includes(name)),
    permission,
    messages: [{ role: 'user', text: task }],
    caller,
    ports: {
      observe: (event) => (event.kind === 'text' ? progress(event.text) : show(event)),
      confirm,
      chargeCall: () => agent.door.chargeToolCall(),
    },
    signal: AbortSignal.any([signal, agent.signal]),
  })
}

/** Of what a sub-agent does its tools are shown, as its own; what it says is the output of the call that started it. */
function byAgent(emit: RuntimeSession['emit'], by: string, callPrefix: string): RuntimeSession['emit'] {
  return (body) => {
    if (body.kind === 'tool') emit({ ...body, callId: `${callPrefix}${body.callId}`, by })
    else if (body.kind === 'progress') emit({ ...body, text: `${by}: ${body.text}` })
  }
}

function reportOf({ status, text, error }: RunResult, agent: SubAgent): ToolResult {
  const said = text.trim()
  if (status === 'ok') return { text: said === '' ? '[It said nothing.]' : said, isError: false }
  const why = agent.stopped() ?? error ?? `The sub-agent ended: ${status}.`
  return { text: said === '' ? why : `${why}\nIt last said: ${said}`, isError: true }
}
