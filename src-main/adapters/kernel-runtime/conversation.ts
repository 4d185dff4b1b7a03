import { SignalboxError } from '../../contract/errors.ts'
import type { Confinement } from '../../contract/session.ts'
import type { Message } from '../../harness/core/message.ts'
import type { Harness, RunResult } from '../../harness/core/run.ts'
import type { RunEvent } from '../../harness/core/run-events.ts'
import type { Tool } from '../../harness/core/tool.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Models } from '../../ports/models.ts'
import type { RuntimeHandle, RuntimeSession, TurnResult } from '../../ports/runtime.ts'
import type { OpenWorkareaTools } from '../../ports/workarea-tools.ts'
import { createGate, type Gate } from './gate.ts'
import { createPermissions } from './permissions.ts'
import { planTool } from './plan-tool.ts'
import { createRunActivities } from './run-activities.ts'
import { type Candidate, type NewModelError, sessionModel } from './session-model.ts'
import { type Equipment, type Means, subAgentTool } from './sub-agent-tool.ts'
import { systemPrompt } from './system-prompt.ts'
import { workareaTools } from './tools.ts'
import { conversationOf } from './transcript.ts'

export interface ConversationOptions {
  readonly session: RuntimeSession
  readonly candidates: readonly Candidate[]
  readonly confinement: Confinement
  readonly models: Models
  readonly harness: Harness
  readonly newModelError: NewModelError
  readonly clock: Clock
  readonly openTools: OpenWorkareaTools
  readonly life: AbortSignal
}

/** A turn is bounded by the session's budget, not by the clock of the run. */
const limits = {
  maxIterations: 200,
  runTimeoutMs: 24 * 3_600_000,
  stepTimeoutMs: 600_000,
  toolTimeoutMs: 120_000,
}

/** One live agent: its conversation goes on from prompt to prompt, and from an earlier session where there is one. */
export function openConversation(options: ConversationOptions): RuntimeHandle {
  const { session, confinement } = options
  const gate = createGate()
  const closing = new AbortController()
  const talk = startTalk(options, gate)
  let running: Promise<TurnResult> | undefined
  return {
    program: null,
    version: null,
    confinement,
    turn: (prompt, outer) => {
      const signal = AbortSignal.any([outer, session.signal, closing.signal, options.life])
      running = talk(prompt, signal)
      return running
    },
    pause: async () => gate.shut(),
    resume: async () => gate.open(),
    close: async () => {
      closing.abort()
      gate.open()
      // How it ended is told to whoever called `turn`.
      await running?.then(
        () => undefined,
        () => undefined,
      )
    },
    detach: async () => false,
  }
}

function startTalk(options: ConversationOptions, gate: Gate) {
  const { session, harness, candidates, confinement, clock } = options
  const { passed } = gate
  const equip = (means: Means) => equipment(options, means)
  const { door, readModelCall, openModelCall, run } = session
  const means = { door, readModelCall, openModelCall, run, passed, callPrefix: '' }
  const { model, tools: ownTools, permission, confirm } = equip(means)
  const toolNames = ownTools.map(({ name }) => name)
  const tools = [
    ...ownTools,
    ...[
      planTool((entries) => session.emit({ kind: 'plan', entries })),
      subAgentTool({ session, harness, candidates, confinement, clock, passed, toolNames, equip }),
    ].map((tool) => atTheDoor(tool, means)),
  ]
  let messages: readonly Message[] = conversationOf(session.continues?.transcript ?? [])
  let turns = 0
  return async (prompt: string, signal: AbortSignal): Promise<TurnResult> => {
    turns += 1
    const activities = createRunActivities(session.emit, () => options.clock.nowMs(), turns)
    // What a model call used is booked where it is made.
    const observe = (event: RunEvent) => {
      if (event.kind !== 'usage') activities(event)
    }
    const result = await harness.run({
      runId: `${session.sessionId}.${turns}`,
      agent: { name: 'kernel', system: systemPrompt(options.confinement), limits },
      model,
      tools,
      permission,
      messages: [...messages, { role: 'user', text: prompt }],
      caller: { id: session.sessionId, kind: 'agent', roles: [] },
      ports: { observe, confirm, chargeCall: () => session.door.chargeToolCall() },
      signal,
    })
    messages = result.messages
    return turnResult(result, session)
  }
}

/** Model, tools and permissions of an agent with these means. */
function equipment(
  { session, harness, candidates, models, newModelError, confinement, openTools }: ConversationOptions,
  means: Means,
): Equipment {
  const { passed, door, openModelCall, run, callPrefix } = means
  // Whoever calls, it is taken down in the recording of the session.
  const ways = { readModelCall: session.readModelCall, openModelCall }
  return {
    model: harness.failover(
      candidates.map((candidate) => sessionModel(candidate, models, ways, passed, newModelError)),
    ),
    tools: workareaTools(openTools({ ...session, run })).map((tool) => atTheDoor(tool, means)),
    ...createPermissions({ ask: session.ask, door }, confinement, callPrefix),
  }
}

/** Waits while paused; what the workarea refuses is put before the kernel's door too, so that it is recorded and shown. */
function atTheDoor(tool: Tool, { door, passed }: Means): Tool {
  return {
    ...tool,
    execute: async (args, context) => {
      await passed(context.signal)
      try {
        return await tool.execute(args, context)
      } catch (error) {
        if (!(error instanceof SignalboxError) || error.code !== 'forbidden') throw error
        door.open('path:outside', tool.summarize?.(args) ?? tool.name)
        return { text: error.message, isError: true, details: { isForbidden: true } }
      }
    },
  }
}

function turnResult(result: RunResult, session: RuntimeSession): TurnResult {
  const reason = result.error ?? 'no reason given'
  switch (result.status) {
    case 'ok':
      return { kind: 'done' }
    case 'aborted':
    // The kernel ends a session that is over its budget; the turn only stops.
    case 'budget':
      return { kind: 'cancelled' }
    case 'refused':
      return { kind: 'refused', reason }
    case 'error':
    case 'timeout':
    case 'guard':
      session.emit({ kind: 'error', text: reason })
      throw new SignalboxError('model_failed', { reason }, { message: reason })
  }
}
