import type { AgentInfo } from '../../contract/agent.ts'
import { SignalboxError } from '../../contract/errors.ts'
import type { Fact } from '../../contract/events.ts'
import { SessionId } from '../../contract/ids.ts'
import type { Payment, SubmitInput } from '../../contract/session.ts'
import { isEnded } from '../../domain/session/project.ts'
import { decideSubmit } from '../../domain/session/submit.ts'
import type { AppParts } from '../app-parts.ts'
import type { CommandCall, CommandSpec } from '../dispatch.ts'
import { obstacleToReplay, recordedIn } from '../replayable.ts'

interface Submitted {
  readonly sessionId: SessionId
  readonly atSeq: number
}

function replySubmitted(facts: readonly Fact[], atSeq: number): Submitted {
  const [first] = facts
  if (first?.type !== 'session.accepted') throw new SignalboxError('internal', {})
  return { atSeq, sessionId: SessionId.parse(first.subject) }
}

/** The decision is not asked for a retry. */
const retry: CommandSpec<Submitted> = {
  types: ['session.accepted'],
  decide: () => {
    throw new SignalboxError('internal', {})
  },
  reply: replySubmitted,
}

/** The answer of an earlier call with the same command id. */
export function submittedBefore({ dispatcher }: AppParts, call: CommandCall): Submitted | undefined {
  return dispatcher.answered(call, retry)
}

/** Looks at the world first (agent, wall, clone), then accepts the session for good. */
export function submitSession(
  parts: AppParts,
  input: SubmitInput,
  call: CommandCall,
  replays?: SessionId,
): Promise<Submitted> {
  return parts.once(call.commandId, async () => {
    const earlier = submittedBefore(parts, call)
    if (earlier) return earlier
    refuseWhileDraining(parts)
    const agent = await readyAgent(parts, input, replays !== undefined)
    const payment = replays === undefined ? choosePayment(agent, input.payment) : 'none'
    if (!input.acceptUnconfined) await checkWall(parts)
    await checkContinued(parts, input)
    return parts.dispatcher.dispatch(call, {
      ...retry,
      isDurable: true,
      decide: () => decideSubmit({ ...knownAtSubmit(parts, input, agent, payment), replays }, input),
    })
  })
}

function refuseWhileDraining({ store, isStopping }: AppParts): void {
  if (isStopping() || store.operator.daemonState() === 'draining')
    throw new SignalboxError('daemon_draining', {})
}

function knownAtSubmit(parts: AppParts, input: SubmitInput, agent: AgentInfo, payment: Payment) {
  const { store, ids } = parts
  const sessionId = SessionId.parse(`ses-${ids.short()}`)
  const project = store.projects.read(input.projectId)
  const continued = input.continues === undefined ? undefined : store.sessions.read(input.continues)
  const workareaId = continued?.row.workareaId
  const occupant = workareaId ? store.queries.sessions.occupant(workareaId, '') : undefined
  return {
    sessionId,
    hasProject: project !== undefined && !project.isRemoved,
    isDraining: parts.isStopping() || store.operator.daemonState() === 'draining',
    runtime: agent.runtime,
    payment,
    defaultBudget: store.operator.settings().defaultBudget,
    continued,
    continuedBy: occupant === undefined ? undefined : SessionId.parse(occupant),
  }
}

/** A replay needs no key and no login, only the program. */
async function readyAgent({ powers }: AppParts, input: SubmitInput, isReplay: boolean): Promise<AgentInfo> {
  const agents = await powers.agents.list({ isFresh: false })
  const agent = agents.find((one) => one.id === input.agent)
  if (!agent) throw new SignalboxError('agent_unknown', { agent: input.agent })
  if (agent.state === 'ready' || (isReplay && needless.includes(agent.state))) return agent
  if (agent.state === 'needs_key')
    throw new SignalboxError('model_key_missing', { provider: agent.id }, { message: agent.detail })
  throw new SignalboxError(
    'agent_unavailable',
    { agent: agent.id, state: agent.state, remedy: agent.detail },
    { message: agent.detail },
  )
}

const needless: readonly AgentInfo['state'][] = ['needs_key', 'not_logged_in']

/** Asks for what an ended and recorded session was asked for, on the commit that it started from. */
export async function replaySession(
  parts: AppParts,
  sessionId: SessionId,
  call: CommandCall,
): Promise<Submitted> {
  const { store, powers } = parts
  const state = store.sessions.read(sessionId)
  const asked = store.sessions.input(sessionId)
  if (!state || !asked) throw new SignalboxError('session_not_found', { sessionId })
  const { row } = state
  if (!isEnded(row)) throw new SignalboxError('session_still_running', { sessionId })
  const source = recordedIn(state)
  const problem = obstacleToReplay(parts, state) ?? (await powers.recordings.problem(source))
  const record = row.workareaId === null ? undefined : store.workareas.read(row.workareaId)
  if (problem !== null || !record) throw notReplayable(sessionId, problem ?? 'Its workarea is gone.')
  const input: SubmitInput = {
    projectId: row.projectId,
    prompt: asked.prompt,
    title: `Replay: ${row.title}`.slice(0, 200),
    agent: row.agent,
    model: row.model,
    budget: row.budget,
    base: record.baseCommit,
    carryChanges: false,
    priority: row.priority,
    hosts: [...asked.hosts],
    acceptUnconfined: asked.acceptUnconfined,
  }
  return submitSession(parts, input, call, source)
}

function notReplayable(sessionId: string, reason: string): SignalboxError {
  return new SignalboxError('not_replayable', { sessionId, reason }, { message: reason })
}

function choosePayment(agent: AgentInfo, wanted: Payment | undefined): Payment {
  const [first = 'none'] = agent.payments
  if (wanted === undefined) return first
  if (agent.payments.includes(wanted)) return wanted
  const detail = `${agent.name} can be paid for by: ${agent.payments.join(', ') || 'nothing'}.`
  throw new SignalboxError('setting_invalid', { key: 'payment', detail }, { message: detail })
}

async function checkWall({ powers }: AppParts): Promise<void> {
  const wall = await powers.probeWall({ isFresh: false })
  if (wall.files && wall.network) return
  throw new SignalboxError(
    'not_confined',
    { reason: wall.reason, ...(wall.remedy === null ? {} : { remedy: wall.remedy }) },
    { message: wall.reason },
  )
}

/** The clone that a follow-up goes on in has to be on disk still. */
async function checkContinued({ store, powers }: AppParts, input: SubmitInput): Promise<void> {
  const id = input.continues === undefined ? null : store.sessions.read(input.continues)?.row.workareaId
  const record = id ? store.workareas.read(id) : undefined
  if (record && !(await powers.workareas.exists(record)))
    throw new SignalboxError('workarea_gone', { workareaId: record.workareaId })
}
