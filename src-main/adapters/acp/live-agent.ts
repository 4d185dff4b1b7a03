import * as acp from '@agentclientprotocol/sdk'
import { SignalboxError } from '../../contract/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Child } from '../../ports/executor.ts'
import type { RuntimeSession, TurnResult } from '../../ports/runtime.ts'
import { createSessionServices, type SessionServices } from './client-services.ts'
import { type AgentConnection, connectAgent } from './connection.ts'
import { agentUnavailable, describeExit, isAuthRequired, lastWords } from './faults.ts'
import { field, lineOf } from './fields.ts'
import type { MessageStreamOptions } from './message-stream.ts'
import { createUsageSum, readPromptUsage, type UsageScope } from './usage.ts'

export interface LiveAgentPowers {
  readonly session: RuntimeSession
  readonly child: Child
  readonly name: string
  readonly loginHint: string
  readonly usageScope: UsageScope
  readonly terminalEnv: Readonly<Record<string, string>>
  readonly clock: Clock
  /** Takes secrets out of what a program wrote. */
  readonly mask: (text: string) => string
  readonly stream?: MessageStreamOptions
}

/** The running program and the conversation with it. */
export interface LiveAgent {
  readonly connection: AgentConnection
  readonly ours: SessionServices
  bounded<T>(step: Promise<T>, ms: number, what: string): Promise<T>
  prompt(acpSessionId: string, text: string, signal: AbortSignal): Promise<TurnResult>
  /** Waits for the answer to a prompt that an earlier connection sent. */
  awaitAnswer(acpSessionId: string, answer: Promise<unknown>): Promise<TurnResult>
  /** Asks the agent to stop, gives it two seconds, then ends the program and all it started. */
  stop(): Promise<void>
  letGo(): Promise<void>
}

const { agent: calls } = acp.methods
/** Time for the agent's own cancel, then for TERM. */
const cancelMs = 2000
const graceMs = 2000

export function createLiveAgent(powers: LiveAgentPowers): LiveAgent {
  const { session, child, clock } = powers
  const ours = createSessionServices(session, powers.terminalEnv, () => clock.nowMs())
  const connection = connectAgent(child, ours.services, powers.stream)
  const explain = (error: unknown, what: string) => explainFailure(powers, connection, error, what)
  const turns = createTurns(powers, connection, ours, explain)
  return {
    connection,
    ours,
    async bounded(step, ms, what) {
      try {
        return await withinTime(clock, session.signal, step, ms, what)
      } catch (error) {
        throw await explain(error, what)
      }
    },
    prompt: (acpSessionId, text, signal) =>
      turns.follow(
        acpSessionId,
        connection.agent.request(calls.session.prompt, {
          sessionId: acpSessionId,
          prompt: [{ type: 'text', text }],
        }),
        signal,
      ),
    awaitAnswer(acpSessionId, answer) {
      const isGone = connection.closed.then(() => Promise.reject(new Error('the agent is gone')))
      return turns.follow(acpSessionId, Promise.race([answer, isGone]))
    },
    stop: () => turns.end(true),
    letGo: turns.letGo,
  }
}

/** The turn under way, if any, and the ways in which it and the program end. */
function createTurns(
  powers: LiveAgentPowers,
  connection: AgentConnection,
  ours: SessionServices,
  explain: (error: unknown, what: string) => Promise<unknown>,
) {
  const { session, child, clock } = powers
  const usage = createUsageSum()
  let current: { readonly acpSessionId: string; readonly settled: Promise<unknown> } | undefined
  let ending: Promise<void> | undefined
  let isLetGo = false

  const cancel = async () => {
    if (!current) return
    ours.cancelAsks()
    const { acpSessionId, settled } = current
    await connection.agent.notify(calls.session.cancel, { sessionId: acpSessionId }).catch(() => undefined)
    await Promise.race([settled, pause(clock, cancelMs), child.exited])
  }
  const end = (isAskedFirst: boolean) => {
    ending ??= (isAskedFirst ? cancel() : Promise.resolve()).then(() => takeDown(child, connection, ours))
    return ending
  }
  const cancelOrEnd = async (turn: typeof current) => {
    await cancel()
    if (current === turn) await end(false)
  }
  return {
    end,
    /** One prompt under way: its end is told, and an abort cancels it, with the end of the program as the last means. */
    async follow(acpSessionId: string, answer: Promise<unknown>, signal?: AbortSignal): Promise<TurnResult> {
      const turn = { acpSessionId, settled: answer.catch(() => undefined) }
      current = turn
      const onAbort = () => void cancelOrEnd(turn)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
      try {
        const reply = await answer
        session.reportUsage(usage.add(readPromptUsage(reply, powers.usageScope)))
        return conclude(session, ours, reply)
      } catch (error) {
        // The turn goes on without us; nothing true can be said of its end here.
        if (isLetGo) return await new Promise<never>(() => {})
        usage.add(undefined)
        markCancelled(session, ours)
        if (signal?.aborted || ending) return { kind: 'cancelled' }
        throw await explain(error, 'session/prompt')
      } finally {
        current = undefined
        signal?.removeEventListener('abort', onAbort)
      }
    },
    async letGo(): Promise<void> {
      isLetGo = true
      ending = Promise.resolve()
      await child.detach()
      connection.close()
    },
  }
}

async function takeDown(child: Child, connection: AgentConnection, ours: SessionServices): Promise<void> {
  await ours.terminals.close().catch(() => undefined)
  await child.terminate(graceMs)
  connection.close()
}

class TimeUp extends Error {
  override readonly name = 'TimeUp'
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

async function withinTime<T>(
  clock: Clock,
  signal: AbortSignal,
  step: Promise<T>,
  ms: number,
  what: string,
): Promise<T> {
  signal.throwIfAborted()
  let release = () => {}
  const limit = new Promise<never>((_resolve, reject) => {
    const stopClock = clock.after(ms, () =>
      reject(new TimeUp(`did not answer ${what} within ${ms / 1000} s`)),
    )
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    release = () => {
      stopClock()
      signal.removeEventListener('abort', onAbort)
    }
  })
  try {
    return await Promise.race([step, limit])
  } finally {
    release()
  }
}

/** What went wrong, for people: who is to blame, what it said last, what to do. */
async function explainFailure(
  powers: LiveAgentPowers,
  connection: AgentConnection,
  error: unknown,
  what: string,
): Promise<unknown> {
  const { session, child, name, clock, mask } = powers
  if (error instanceof SignalboxError || session.signal.aborted) return error
  const tail = () => {
    const words = mask(lastWords(child.stderrTail()))
    return words === '' ? '' : ` It wrote: ${words}`
  }
  const broken = (message: string) => agentUnavailable(session.agent, 'broken', message, undefined, error)
  const fault = connection.failure()
  if (fault) return broken(`${name} was ended: ${mask(fault.message)}.`)
  if (error instanceof TimeUp) {
    const sample = connection.messages.garbageSample()
    const printed = sample ? ` It printed: ${mask(sample)}` : ''
    return broken(`${name} ${error.message}.${printed}${tail()}`)
  }
  if (error instanceof acp.RequestError && !connection.isClosed()) {
    const message = mask(errorWords(error))
    if (isAuthRequired(error.code, message))
      return agentUnavailable(
        session.agent,
        'not_logged_in',
        `${name} is not logged in. ${powers.loginHint}`,
        powers.loginHint,
        error,
      )
    return what === 'session/prompt'
      ? new SignalboxError(
          'model_failed',
          { reason: message },
          { message: `${name}: ${message}`, cause: error },
        )
      : broken(`${name} refused ${what}: ${message}${tail()}`)
  }
  const exit = await Promise.race([child.exited, pause(clock, graceMs)])
  if (!exit) return broken(`${name} closed its output during ${what}.${tail()}`)
  return broken(`${name} crashed during ${what}: it ended with ${describeExit(exit)}.${tail()}`)
}

/** Agents put the cause into `data` as often as into the message. */
function errorWords(error: acp.RequestError): string {
  const details = field(error.data, 'details') ?? field(error.data, 'message') ?? error.data
  const more = typeof details === 'string' ? lineOf(details, 500) : undefined
  const message = lineOf(error.message, 500) ?? 'an error'
  return more && more !== message ? `${message} (${more})` : message
}

/** The end of a turn as the agent reports it. */
function conclude(session: RuntimeSession, ours: SessionServices, reply: unknown): TurnResult {
  const reason = field(reply, 'stopReason')
  if (reason === 'cancelled') {
    markCancelled(session, ours)
    return { kind: 'cancelled' }
  }
  if (reason === 'refusal') return { kind: 'refused', reason: 'The model refused to go on with this.' }
  if (reason === 'max_tokens')
    session.emit({
      kind: 'progress',
      text: 'The turn ended early: the limit of the model for one answer was reached.',
    })
  if (reason === 'max_turn_requests')
    session.emit({
      kind: 'progress',
      text: 'The turn ended early: the agent made as many requests as it may.',
    })
  return { kind: 'done' }
}

function markCancelled(session: RuntimeSession, ours: SessionServices): void {
  for (const callId of ours.tools.unfinished()) {
    session.emit({ kind: 'tool', callId, status: 'cancelled' })
    ours.tools.read({ toolCallId: callId, status: 'failed' })
  }
}
