import { createFailover } from './failover.ts'
import { createLoopGuard } from './loop-guard.ts'
import { addUsage, type Message, noUsage, type RunUsage, type TokenUsage } from './message.ts'
import type { Model } from './model.ts'
import { type ModelName, type ModelNames, resolveModelNames } from './model-names.ts'
import { type ModelStep, modelStep } from './model-step.ts'
import { type Decision, type PendingAction, type Permission, visibleTools } from './permission.ts'
import { bounded, type Powers } from './powers.ts'
import { defaultLimits, type Limits, type RunEvent, type RunStatus } from './run-events.ts'
import type { Caller, Tool } from './tool.ts'
import { renumbered, runCalls } from './tool-calls.ts'

/** What an agent is, as plain data. */
export interface RunnableAgent {
  readonly name: string
  readonly system: string
  readonly limits?: Partial<Limits>
}

/** Seams to the host; every one may be missing. */
export interface RunPorts {
  observe?(event: RunEvent): void
  /** Before each model call; false or a throw ends the run as `budget`. */
  checkBudget?(): boolean
  chargeCall?(): boolean
  /** Without it nobody can agree, so nothing that must be asked is done. */
  confirm?(action: PendingAction, signal: AbortSignal): Promise<Decision>
}

export interface RunRequest {
  readonly runId: string
  readonly agent: RunnableAgent
  readonly model: Model
  readonly tools: readonly Tool[]
  readonly permission: Permission
  /** The conversation so far, ending with what is asked; without the system message. */
  readonly messages: readonly Message[]
  readonly caller: Caller
  readonly ports: RunPorts
  readonly signal: AbortSignal
}

export interface RunResult {
  readonly runId: string
  readonly status: RunStatus
  /** The last thing the agent said. */
  readonly text: string
  /** The whole conversation, a valid history for any provider; without the system message. */
  readonly messages: readonly Message[]
  readonly steps: number
  readonly usage: RunUsage
  readonly error: string | null
}

/** What a host is given, so that it needs no more than the types of this room. */
export interface Harness {
  run(request: RunRequest): Promise<RunResult>
  /** Several models as one; see `createFailover`. */
  failover(models: readonly Model[]): Model
  /** Throws a RangeError; see `resolveModelNames`. */
  resolve(spec: string, names: ModelNames): readonly ModelName[]
}

/** The executor of spec/harness.md §7: model call, tool calls, and again, until the model has nothing left to do. */
export function createHarness(powers: Powers): Harness {
  return {
    run: (request) => run(request, powers),
    failover: (models) => createFailover(models, { powers }),
    resolve: resolveModelNames,
  }
}

interface Course {
  readonly request: RunRequest
  readonly powers: Powers
  readonly limits: Limits
  readonly tools: readonly Tool[]
  readonly signal: AbortSignal
  readonly messages: Message[]
  readonly loop: ReturnType<typeof createLoopGuard>
  usage: RunUsage
  steps: number
  emptyReplies: number
  isOverBudget: boolean
}

type Ending = { readonly status: RunStatus; readonly error: string | null }

async function run(request: RunRequest, powers: Powers): Promise<RunResult> {
  const limits = { ...defaultLimits, ...request.agent.limits }
  const late = () => new Error(`the run took longer than ${limits.runTimeoutMs / 1000} s`)
  const bound = bounded(powers, limits.runTimeoutMs, request.signal, late)
  const course: Course = {
    request,
    powers,
    limits,
    tools: visibleTools(request.tools, request.permission, request.caller),
    signal: bound.signal,
    messages: [...request.messages],
    loop: createLoopGuard(),
    usage: noUsage,
    steps: 0,
    emptyReplies: 0,
    isOverBudget: false,
  }
  try {
    const ending = await follow(course)
    emit(request, { kind: 'end', status: ending.status, usage: course.usage })
    const { usage, steps, messages } = course
    const said = messages.findLast(({ role }) => role === 'assistant')
    return { runId: request.runId, ...ending, text: said?.text ?? '', messages, steps, usage }
  } finally {
    bound.done()
  }
}

async function follow(course: Course): Promise<Ending> {
  for (;;) {
    const { limits, signal } = course
    if (signal.aborted) return stopped(course)
    if (course.steps >= limits.maxIterations)
      return { status: 'guard', error: `it did not finish within ${limits.maxIterations} steps` }
    if (course.isOverBudget || !holdsBudget(course.request))
      return { status: 'budget', error: 'the budget is used up' }
    course.steps += 1
    emit(course.request, { kind: 'step', step: course.steps })
    const step = await think(course)
    const ending = (await act(course, step)) ?? undefined
    if (ending) return ending
  }
}

function think(course: Course): Promise<ModelStep> {
  const { request, powers, limits, signal, tools } = course
  return modelStep({
    model: request.model,
    messages: [{ role: 'system', text: request.agent.system }, ...course.messages],
    tools,
    step: course.steps,
    maxOutputTokens: limits.maxOutputTokens,
    timeoutMs: limits.stepTimeoutMs,
    powers,
    signal,
    emit: (event) => emit(request, event),
    spend: (model, usage) => spend(course, model, usage),
  })
}

async function act(course: Course, step: ModelStep): Promise<Ending | undefined> {
  const { messages } = course
  const taken = new Set(messages.flatMap((message) => (message.role === 'tool' ? [message.callId] : [])))
  const calls = renumbered(step.calls, taken)
  if (step.text !== '' || calls.length > 0)
    messages.push({ role: 'assistant', text: step.text, toolCalls: calls })
  if (step.error !== undefined) return broken(course, step)
  if (calls.length === 0) return concluded(course, step)
  course.emptyReplies = 0
  messages.push(...(await runCalls(calls, siteOf(course))))
  if (course.signal.aborted) return stopped(course)
  const loop = course.loop.take(calls)
  if (loop.kind === 'fine') return undefined
  emit(course.request, { kind: 'loop-warning', name: loop.name, times: loop.times })
  if (loop.kind === 'stop')
    return {
      status: 'guard',
      error: `${loop.name} was called ${loop.times} times in a row with the same arguments`,
    }
  const text = `You have called ${loop.name} ${loop.times} times in a row with the same arguments. Try something else.`
  messages.push({ role: 'user', text })
  return undefined
}

function concluded(course: Course, step: ModelStep): Ending | undefined {
  if (step.reason === 'filtered') return { status: 'refused', error: 'the model refused to answer' }
  if (step.text.trim() !== '') return { status: 'ok', error: null }
  course.emptyReplies += 1
  return course.emptyReplies < 2 ? undefined : { status: 'error', error: 'the model answered nothing, twice' }
}

function broken(course: Course, step: ModelStep): Ending {
  if (course.signal.aborted) return stopped(course)
  return { status: step.isTimeout ? 'timeout' : 'error', error: wordsOf(step.error) }
}

/** Told to stop, or out of time: which of the two, the outer signal knows. */
function stopped(course: Course): Ending {
  const { signal } = course.request
  const status = signal.aborted ? 'aborted' : 'timeout'
  return { status, error: wordsOf(course.signal.reason) }
}

function siteOf(course: Course) {
  const { request, powers, limits, signal, tools } = course
  return {
    runId: request.runId,
    caller: request.caller,
    tools,
    permission: request.permission,
    powers,
    limits,
    signal,
    emit: (event: RunEvent) => emit(request, event),
    confirm: (action: PendingAction, inner: AbortSignal): Promise<Decision> =>
      request.ports.confirm?.(action, inner) ??
      Promise.resolve({ kind: 'denied', reason: 'nobody can be asked' }),
    chargeCall: () => {
      const isPaid = request.ports.chargeCall?.() ?? true
      if (!isPaid) course.isOverBudget = true
      return isPaid
    },
  }
}

function spend(course: Course, model: string, usage: TokenUsage): void {
  course.usage = addUsage(course.usage, usage)
  emit(course.request, { kind: 'usage', model, usage })
}

function holdsBudget({ ports }: RunRequest): boolean {
  try {
    return ports.checkBudget?.() ?? true
  } catch {
    return false
  }
}

/** A watcher that throws must not change the run. */
function emit({ ports }: RunRequest, event: RunEvent): void {
  try {
    ports.observe?.(event)
  } catch {
    // The run's outcome does not depend on who watches it.
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
