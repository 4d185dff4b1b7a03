import { SignalboxError } from '../../contract/errors.ts'
import type { SignalboxContract } from '../../contract/index.ts'
import type { CallContext, Handlers } from '../../contract/procedure.ts'
import type { Rejection } from '../../domain/decision.ts'
import { decideDiscard } from '../../domain/session/discard.ts'
import { decideKeep } from '../../domain/session/keep.ts'
import { decideLanded, type LandingDone, refuseLand } from '../../domain/session/land.ts'
import { refuseReview } from '../../domain/session/review.ts'
import type { SessionState } from '../../domain/session/state.ts'
import { decideUndone, refuseUndo } from '../../domain/session/undo-land.ts'
import type { WorkareaRecord } from '../../ports/workareas.ts'
import type { AppParts } from '../app-parts.ts'
import type { CommandSpec } from '../dispatch.ts'

type Verbs = 'keep' | 'land' | 'undoLand' | 'discard'

/** A session with the clone that is decided over. */
interface Reviewed {
  readonly state: SessionState
  readonly record: WorkareaRecord
}

const reply = (_facts: unknown, atSeq: number) => ({ atSeq })

function throwIf(refusal: Rejection | undefined): void {
  if (refusal) throw new SignalboxError(refusal.code, refusal.data)
}

/** A session that works, or waits to work, in the same clone. */
function occupantOf({ store }: AppParts, sessionId: string): string | undefined {
  const workareaId = store.sessions.read(sessionId)?.row.workareaId
  return workareaId ? store.queries.sessions.occupant(workareaId, sessionId) : undefined
}

/** The session's clone, on disk. Errors: `workarea_gone`. */
async function openReviewed(parts: AppParts, sessionId: string): Promise<Reviewed> {
  const state = parts.store.sessions.read(sessionId)
  const id = state?.row.workareaId ?? ''
  const record = parts.store.workareas.read(id)
  if (!state || !record || !(await parts.powers.workareas.exists(record)))
    throw new SignalboxError('workarea_gone', { workareaId: id })
  return { state, record }
}

/** What to do with the work of a session that has ended. Outside work comes first, then the fact that it was done. */
export function createReviewCommands(parts: AppParts): Pick<Handlers<SignalboxContract>['session'], Verbs> {
  return {
    keep: ({ sessionId }, context) => parts.once(context.commandId, () => keep(parts, sessionId, context)),
    land: (input, context) => parts.once(context.commandId, () => land(parts, input, context)),
    undoLand: ({ sessionId }, context) =>
      parts.once(context.commandId, () => undoLand(parts, sessionId, context)),
    discard: ({ sessionId }, context) =>
      parts.dispatcher.dispatch(context, {
        types: ['workarea.released'],
        subject: sessionId,
        decide: () =>
          decideDiscard(parts.store.sessions.read(sessionId), sessionId, occupantOf(parts, sessionId)),
        reply,
      }),
  }
}

async function keep(parts: AppParts, sessionId: string, context: CallContext) {
  const { store, dispatcher, powers } = parts
  let resultCommit: string | null = null
  const spec: CommandSpec<{ atSeq: number }> = {
    types: ['workarea.released'],
    subject: sessionId,
    decide: () =>
      decideKeep(store.sessions.read(sessionId), sessionId, occupantOf(parts, sessionId), resultCommit),
    reply,
  }
  const earlier = dispatcher.answered(context, spec)
  if (earlier) return earlier
  throwIf(refuseReview(store.sessions.read(sessionId), sessionId, occupantOf(parts, sessionId)))
  const { state, record } = await openReviewed(parts, sessionId)
  const saved = await powers.workareas.saveResult(record, resultMessage(state))
  resultCommit = saved?.commit ?? null
  return dispatcher.dispatch(context, spec)
}

interface LandInput {
  readonly sessionId: string
  readonly target?: string | undefined
  readonly message?: string | undefined
}

async function land(parts: AppParts, input: LandInput, context: CallContext) {
  const { store, dispatcher, powers } = parts
  const { sessionId } = input
  let landing: LandingDone | undefined
  const spec: CommandSpec<{ atSeq: number; branch: string; commit: string; note: string }> = {
    types: ['workarea.landed'],
    subject: sessionId,
    decide() {
      if (!landing) throw new SignalboxError('internal', {})
      return decideLanded(store.sessions.read(sessionId), sessionId, landing)
    },
    reply(facts, atSeq) {
      const [first] = facts
      if (first?.type !== 'workarea.landed') throw new SignalboxError('internal', {})
      const { branch, commit, note } = first.payload
      return { atSeq, branch, commit, note }
    },
    isDurable: true,
  }
  const earlier = dispatcher.answered(context, spec)
  if (earlier) return earlier
  throwIf(refuseLand(store.sessions.read(sessionId), sessionId, occupantOf(parts, sessionId)))
  const { state, record } = await openReviewed(parts, sessionId)
  landing = await powers.workareas.land(
    record,
    {
      message: input.message ?? resultMessage(state),
      ...(input.target === undefined ? {} : { target: input.target }),
    },
    context.signal,
  )
  return dispatcher.dispatch(context, spec)
}

async function undoLand(parts: AppParts, sessionId: string, context: CallContext) {
  const { store, dispatcher, powers } = parts
  const spec: CommandSpec<{ atSeq: number }> = {
    types: ['workarea.landUndone'],
    subject: sessionId,
    decide: () => decideUndone(store.sessions.read(sessionId), sessionId),
    reply,
  }
  const earlier = dispatcher.answered(context, spec)
  if (earlier) return earlier
  const state = store.sessions.read(sessionId)
  throwIf(refuseUndo(state, sessionId))
  const record = store.workareas.read(state?.row.workareaId ?? '')
  const landed = state?.extras.landed
  if (!record || !landed) throw new SignalboxError('land_undo_refused', { reason: 'Its clone is not known.' })
  const { branch, commit, previousCommit } = landed
  await powers.workareas.undoLand(record, { branch, commit, previousCommit, note: '' })
  return dispatcher.dispatch(context, spec)
}

function resultMessage({ row }: SessionState): string {
  return `${row.title}\n\nSignalbox session ${row.id}`
}
