import type { Activity } from '../contract/activity.ts'
import type { FactNotice } from '../contract/events.ts'
import type { StreamItem } from '../contract/procedure.ts'
import { isEnded } from '../domain/session/project.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'

/** Read at once by a subscriber; a slow one falls behind and reads on from where it stands. */
const pageSize = 500

/** Every fact after `after`, as notices, until the signal aborts. Nothing is held for a reader but its position. */
export async function* followFacts(
  store: Store,
  bus: Bus,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamItem<FactNotice>> {
  let seq = after
  while (!signal.aborted) {
    const rings = bus.facts.count()
    const { facts, nextSeq } = store.journal.noticesAfter(seq, pageSize)
    for (const item of facts) yield { item, cursor: item.seq }
    const isBehind = nextSeq > seq
    seq = nextSeq
    if (!isBehind) await bus.facts.after(rings, signal)
  }
}

/** Activities of one session after `after`; ends when the session has ended and everything was given. */
export async function* followActivities(
  store: Store,
  bus: Bus,
  sessionId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamItem<Activity>> {
  let cursor = after
  while (!signal.aborted) {
    const rings = bus.rows.count()
    const state = store.sessions.read(sessionId)
    const page = store.activities.after(sessionId, cursor, pageSize)
    for (const item of page) yield { item, cursor: item.cursor }
    cursor = page.at(-1)?.cursor ?? cursor
    if (page.length > 0) continue
    if (!state || isEnded(state.row)) return
    await bus.rows.after(rings, signal)
  }
}
