import { accept } from '../domain/decision.ts'
import { decideEndLost } from '../domain/session/end-lost.ts'
import { isEnded } from '../domain/session/project.ts'
import type { SessionState } from '../domain/session/state.ts'
import type { Log } from '../ports/clock.ts'
import type { Workareas } from '../ports/workareas.ts'
import type { Store } from '../store/store.ts'
import type { ActivityWriter } from './activity-writer.ts'
import type { Dispatcher } from './dispatch.ts'

export interface ReconcileParts {
  readonly store: Store
  readonly dispatcher: Dispatcher
  readonly activities: ActivityWriter
  readonly workareas: Workareas
  readonly log: Log
}

/** Takes over what still runs of a session that worked when the app went away; false when nothing does. */
export type Adopt = (state: SessionState) => boolean | Promise<boolean>

export interface Reconciled {
  readonly adopted: number
  readonly ended: number
  readonly removed: number
}

/**
 * Settles what an earlier run left, before new work is taken: sessions that worked are taken over or ended truthfully,
 * clones of nobody are removed. Every step is stored for itself, so that being killed half way changes nothing but who
 * does the rest.
 */
export async function reconcile(parts: ReconcileParts, adopt: Adopt): Promise<Reconciled> {
  const { store, dispatcher } = parts
  let adopted = 0
  let ended = 0
  for (const id of store.queries.fleet.unended()) {
    const state = store.sessions.read(id)
    if (state?.row.status !== 'working' || isStillOwed(store, state)) continue
    if (await adopts(parts, adopt, state)) adopted += 1
    else if (endLost(parts, id)) ended += 1
  }
  for (const child of store.notes.children()) {
    const state = store.sessions.read(child.sessionId)
    if (!state || isEnded(state.row)) store.transact(() => store.notes.forgetChild(child.sessionId))
  }
  const removed = await removeOrphans(parts)
  const outcome = { adopted, ended, removed }
  if (adopted + ended + removed > 0)
    dispatcher.record([{ type: 'daemon.reconciled', subject: store.machineId, payload: outcome }])
  return outcome
}

/** Admitted, but nothing of it was begun that could be lost: its run is owed and will be done. */
function isStillOwed(store: Store, { row }: SessionState): boolean {
  return row.pid === null && !row.isStopping && store.outbox.isOwed(`run:${row.id}`)
}

async function adopts({ log }: ReconcileParts, adopt: Adopt, state: SessionState): Promise<boolean> {
  try {
    return await adopt(state)
  } catch (error) {
    log.warn('a session could not be taken over', { session: state.row.id, error })
    return false
  }
}

function endLost({ store, dispatcher, activities }: ReconcileParts, id: string): boolean {
  const sealed = activities.seal(id)
  const facts = dispatcher.decideInternally(() => {
    const state = store.sessions.read(id)
    return state
      ? decideEndLost(state, store.queries.sessions.read(id)?.usage ?? state.row.usage, sealed)
      : accept([])
  })
  return facts.length > 0
}

async function removeOrphans({ store, workareas, log }: ReconcileParts): Promise<number> {
  let removed = 0
  try {
    for (const orphan of await workareas.orphans(new Set(store.workareas.owners()))) {
      await workareas.removeOrphan(orphan.workareaId)
      removed += 1
    }
  } catch (error) {
    log.warn('a left-over clone could not be removed', { error })
  }
  return removed
}
