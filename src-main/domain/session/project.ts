import type { Fact, FactPayload } from '../../contract/events.ts'
import { statusOf } from '../../contract/lamp.ts'
import type { Phase } from '../../contract/session.ts'
import { holdCapabilities, noteRefusal, revokeCapability } from './capabilities.ts'
import type { SessionExtras, SessionState } from './state.ts'
import { leave, moveTo } from './track.ts'

type Row = SessionState['row']

function withRow(state: SessionState, row: Partial<Row>): SessionState {
  return { ...state, row: { ...state.row, ...row } }
}

function withExtras(state: SessionState, extras: Partial<SessionExtras>): SessionState {
  return { ...state, extras: { ...state.extras, ...extras } }
}

/** Moves the train; standing still is no move. */
function toPhase(state: SessionState, phase: Phase, atMs: number): SessionState {
  const { row } = state
  if (row.phase === phase) return state
  return withRow(state, { phase, track: moveTo(row.track, row.phase, phase, atMs) })
}

/** True when nothing about running the session may change any more. */
export function isEnded(row: Pick<Row, 'status'>): boolean {
  return row.status === 'completed' || row.status === 'failed' || row.status === 'stopped'
}

/** What a fact about an existing session makes of it. The end is absorbing: only its workarea can change after it. */
export function projectSession(state: SessionState, fact: Fact): SessionState {
  return isEnded(state.row) ? projectWorkarea(state, fact) : projectLiving(state, fact)
}

function projectLiving(state: SessionState, fact: Fact): SessionState {
  switch (fact.type) {
    case 'routing.decided': {
      const { policy, candidates, chosen, reason } = fact.payload
      const routed = toPhase(
        withRow(withExtras(state, { route: { policy, candidates, chosen, reason } }), { status: 'working' }),
        'route',
        fact.atMs,
      )
      return toPhase(routed, 'prepare', fact.atMs)
    }
    case 'workarea.acquired':
      return projectAcquired(state, fact.payload)
    case 'agent.materialised':
      return withRow(state, { confinement: fact.payload.confinement })
    case 'session.started':
      return toPhase(withRow(state, { startedAtMs: fact.atMs, pid: fact.payload.pid }), 'run', fact.atMs)
    case 'session.asked':
      return projectAsked(state, fact.payload.id, fact.atMs)
    case 'session.answered':
      return projectAnswered(state, fact.payload.askId, fact.atMs)
    case 'session.reprioritised':
      return fact.payload.priority === null ? state : withRow(state, { priority: fact.payload.priority })
    case 'session.pauseRequested':
      return withExtras(state, { isPausing: true })
    case 'session.paused':
      return withExtras(withRow(state, { isPaused: true }), { isPausing: false })
    case 'session.resumed':
      return withExtras(withRow(state, { isPaused: false }), { isPausing: false })
    case 'session.stopRequested':
      return withExtras(withRow(state, { isStopping: true }), { stopRequested: true })
    case 'session.ended':
      return projectEnded(state, fact.payload, fact.atMs)
    case 'workarea.changed':
    case 'workarea.landed':
    case 'workarea.landUndone':
    case 'workarea.released':
      return projectWorkarea(state, fact)
    default:
      return projectKernel(state, fact)
  }
}

type LivingFact = Extract<
  Fact,
  { type: `session.${string}` | `routing.${string}` | `workarea.${string}` | `agent.${string}` }
>
type OtherFact = Exclude<Fact, LivingFact> | Extract<Fact, { type: 'session.accepted' | 'session.prompted' }>

/** What the kernel says of a session's process; facts that change no row are named, so that none is forgotten. */
function projectKernel(state: SessionState, fact: OtherFact): SessionState {
  switch (fact.type) {
    case 'process.spawned':
      // What is started below the session's own process is a part of it.
      return state.row.pid === fact.payload.parent ? state : withRow(state, { pid: fact.payload.pid })
    case 'process.exited':
      return state.row.pid === fact.payload.pid ? withRow(state, { pid: null }) : state
    case 'capability.granted':
      if (isOther(state, fact.payload.pid)) return state
      return withExtras(state, {
        capabilities: holdCapabilities(state.extras.capabilities, fact.payload.devices),
      })
    case 'capability.revoked':
      if (isOther(state, fact.payload.pid)) return state
      return withExtras(state, {
        capabilities: revokeCapability(state.extras.capabilities, fact.payload.device),
      })
    case 'capability.refused':
      return withExtras(withRow(state, { refusals: state.row.refusals + 1 }), {
        capabilities: noteRefusal(state.extras.capabilities, fact.payload.device),
      })
    case 'budget.changed':
      return isOther(state, fact.payload.pid) ? state : withRow(state, { budget: fact.payload.budget })
    case 'session.accepted':
    case 'session.prompted':
    case 'process.suspended':
    case 'process.resumed':
    case 'capability.narrowed':
    case 'budget.exceeded':
    case 'project.added':
    case 'project.budgetChanged':
    case 'project.removed':
    case 'settings.changed':
    case 'daemon.started':
    case 'daemon.stopped':
    case 'daemon.paused':
    case 'daemon.resumed':
    case 'daemon.draining':
    case 'daemon.reconciled':
      return state
  }
}

/** True for what happened to a process that is not the session's own. */
function isOther({ row }: SessionState, pid: number): boolean {
  return row.pid !== null && row.pid !== pid
}

function projectAcquired(state: SessionState, payload: FactPayload<'workarea.acquired'>): SessionState {
  return withExtras(
    withRow(state, { workareaId: payload.workareaId, branch: payload.branch, workareaState: 'held' }),
    { notes: payload.notes, isReleased: false },
  )
}

function projectAsked(state: SessionState, askId: string, atMs: number): SessionState {
  const openAskIds = [...state.extras.openAskIds.filter((id) => id !== askId), askId]
  return toPhase(withExtras(withRow(state, { openAsks: openAskIds.length }), { openAskIds }), 'ask', atMs)
}

function projectAnswered(state: SessionState, askId: string, atMs: number): SessionState {
  const openAskIds = state.extras.openAskIds.filter((id) => id !== askId)
  const next = withExtras(withRow(state, { openAsks: openAskIds.length }), { openAskIds })
  return openAskIds.length === 0 && state.row.phase === 'ask' ? toPhase(next, 'run', atMs) : next
}

/** There is something to read when the work went to its end, or when it left changes behind. */
function projectEnded(
  state: SessionState,
  payload: FactPayload<'session.ended'>,
  atMs: number,
): SessionState {
  const { row } = state
  const ended = withExtras(
    withRow(state, {
      status: statusOf(payload.endReason, state.extras.stopRequested),
      endReason: payload.endReason,
      endMessage: payload.message,
      usage: payload.usage,
      isPaused: false,
      isStopping: false,
      openAsks: 0,
      endedAtMs: atMs,
      pid: null,
    }),
    { openAskIds: [], isPausing: false },
  )
  const isToReview =
    row.workareaState === 'held' && (payload.endReason.kind === 'normal' || (row.changes?.files ?? 0) > 0)
  return isToReview
    ? toPhase(ended, 'review', atMs)
    : withRow(ended, { track: leave(row.track, row.phase, atMs) })
}

/** Facts about the workarea of a session, which reach every session that used it. */
export function projectWorkarea(state: SessionState, fact: Fact): SessionState {
  switch (fact.type) {
    case 'workarea.changed':
      return withRow(state, { changes: fact.payload.changes })
    case 'workarea.landed': {
      const { branch, commit, previousCommit } = fact.payload
      return withExtras(toPhase(withRow(state, { workareaState: 'landed' }), 'land', fact.atMs), {
        landed: { branch, commit, previousCommit, atMs: fact.atMs },
      })
    }
    case 'workarea.landUndone':
      return withExtras(
        toPhase(
          withRow(state, { workareaState: state.extras.isReleased ? 'discarded' : 'held' }),
          'review',
          fact.atMs,
        ),
        { landed: null },
      )
    case 'workarea.released': {
      const { how } = fact.payload
      if (how === 'kept') return withRow(state, { workareaState: 'kept' })
      return withExtras(withRow(state, { workareaState: how === 'landed' ? 'landed' : 'discarded' }), {
        isReleased: true,
      })
    }
    default:
      return state
  }
}
