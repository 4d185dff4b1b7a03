import { checkArguments } from './arguments.ts'
import type { Message, ToolCall } from './message.ts'
import { authorized, confirmation, type Decision, type PendingAction, type Permission } from './permission.ts'
import { bounded, type Powers } from './powers.ts'
import { untilAborted } from './racing.ts'
import type { CallStatus, Limits, RunEvent } from './run-events.ts'
import type { Caller, Tool, ToolArguments } from './tool.ts'
import { truncate } from './truncate.ts'

/** How long a tool may take to clean up after itself once told to stop; below the second that an abort may take. */
const graceMs = 500

export interface CallSite {
  readonly runId: string
  readonly caller: Caller
  readonly tools: readonly Tool[]
  readonly permission: Permission
  readonly powers: Powers
  readonly limits: Limits
  readonly signal: AbortSignal
  emit(event: RunEvent): void
  confirm(action: PendingAction, signal: AbortSignal): Promise<Decision>
  /** Pays for the call; false = the budget does not hold it. */
  chargeCall(): boolean
}

interface Outcome {
  readonly status: CallStatus
  readonly text: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly isLeaked?: boolean
}

export type ToolMessage = Extract<Message, { role: 'tool' }>

/** Runs the calls of one step side by side. Exactly one result per call, in the order of the calls, whatever happens. */
export async function runCalls(calls: readonly ToolCall[], site: CallSite): Promise<readonly ToolMessage[]> {
  return Promise.all(
    calls.map(async (call, at) => {
      const startedAtMs = site.powers.nowMs()
      const outcome =
        at < site.limits.maxToolCallsPerStep
          ? await guarded(() => runCall(call, site), site.signal)
          : refused(`only ${site.limits.maxToolCallsPerStep} calls may be made in one step`)
      const { text } = truncate(outcome.text, site.limits.maxOutputBytes)
      site.emit({
        kind: 'tool-end',
        callId: call.id,
        name: call.name,
        status: outcome.status,
        text,
        details: outcome.details ?? {},
        durationMs: Math.max(0, site.powers.nowMs() - startedAtMs),
        isLeaked: outcome.isLeaked ?? false,
      })
      return { role: 'tool', callId: call.id, name: call.name, text, isError: outcome.status !== 'completed' }
    }),
  )
}

/** Ids unique within the conversation and never empty: providers refuse a history where two calls share one. */
export function renumbered(calls: readonly ToolCall[], taken: ReadonlySet<string>): readonly ToolCall[] {
  const used = new Set(taken)
  return calls.map((call) => {
    let id = call.id
    for (let next = used.size + 1; id === '' || used.has(id); next += 1) id = `call_${next}`
    used.add(id)
    return id === call.id ? call : { ...call, id }
  })
}

async function guarded(run: () => Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  try {
    return await run()
  } catch (error) {
    if (signal.aborted) return cancelled()
    return { status: 'failed', text: error instanceof Error ? error.message : String(error) }
  }
}

async function runCall(call: ToolCall, site: CallSite): Promise<Outcome> {
  const tool = site.tools.find(({ name }) => name === call.name)
  const checked = tool ? checkArguments(call.argumentsText, tool.schema) : undefined
  const args = checked?.ok ? checked.args : null
  const { name, argumentsText } = call
  site.emit({ kind: 'tool-start', callId: call.id, name, tool, args, argumentsText })
  if (site.signal.aborted) return cancelled()
  if (!tool)
    return failed(
      `there is no tool "${call.name}"; there are: ${site.tools.map((one) => one.name).join(', ')}`,
    )
  const verdict = authorized(tool, site.permission, site.caller)
  if (!verdict.ok) return refused(`not permitted: ${verdict.reason}`)
  if (!checked?.ok) return failed(`${checked?.problems.join('; ')}. Correct the arguments and call again.`)
  const denial = await confirmed(call, tool, checked.args, site)
  if (denial !== undefined) return site.signal.aborted ? cancelled() : refused(denial)
  if (!site.chargeCall()) return refused('the budget for tool calls is used up')
  site.emit({ kind: 'tool-running', callId: call.id })
  // Told to stop by whoever watches: an abort that is past is not announced again, so the tool must not begin.
  if (site.signal.aborted) return cancelled()
  return execute(call, tool, checked.args, site)
}

/** Why the call must not be made, or undefined. */
async function confirmed(
  call: ToolCall,
  tool: Tool,
  args: ToolArguments,
  site: CallSite,
): Promise<string | undefined> {
  const { kind, reason } = confirmation(tool, args, site.permission, site.caller)
  if (kind === 'allow') return undefined
  if (kind === 'deny') return reason
  const summary = tool.summarize?.(args) ?? `${tool.name} ${call.argumentsText}`
  // A copy: what a person approved is what runs, whoever holds the object.
  const action: PendingAction = {
    runId: site.runId,
    callId: call.id,
    tool: tool.name,
    args: structuredClone(args),
    argumentsText: call.argumentsText,
    summary,
  }
  const decision = await untilAborted(site.confirm(action, site.signal), site.signal)
  return decision.kind === 'approved' ? undefined : `a person refused this call: ${decision.reason}`
}

async function execute(call: ToolCall, tool: Tool, args: ToolArguments, site: CallSite): Promise<Outcome> {
  const limitMs = tool.timeoutMs ?? site.limits.toolTimeoutMs
  const bound = bounded(
    site.powers,
    limitMs,
    site.signal,
    () => new Error(`no result within ${limitMs / 1000} s`),
  )
  const given = new AbortController()
  let cancelGrace = () => {}
  bound.signal.addEventListener('abort', () => {
    cancelGrace = site.powers.after(graceMs, () => given.abort(bound.signal.reason))
  })
  try {
    const running = tool.execute(args, {
      runId: site.runId,
      callId: call.id,
      caller: site.caller,
      signal: bound.signal,
      progress: (text) => site.emit({ kind: 'tool-progress', callId: call.id, text }),
    })
    const { text, isError, details = {} } = await untilAborted(running, given.signal)
    if (site.signal.aborted) return { ...cancelled(), details }
    return { status: isError ? 'failed' : 'completed', text, details }
  } catch (error) {
    const isLeaked = given.signal.aborted
    if (site.signal.aborted) return { ...cancelled(), isLeaked }
    return { ...failed(error instanceof Error ? error.message : String(error)), isLeaked }
  } finally {
    cancelGrace()
    bound.done()
  }
}

function failed(text: string): Outcome {
  return { status: 'failed', text }
}

function refused(text: string): Outcome {
  return { status: 'refused', text }
}

function cancelled(): Outcome {
  return { status: 'cancelled', text: 'the call was cancelled before it ended' }
}
