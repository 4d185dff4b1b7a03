import type { SignalboxContract } from '../contract/index.ts'
import type { OutputOf, ParsedInputOf, StreamItem } from '../contract/procedure.ts'
import type { SessionRow } from '../contract/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../store/store.ts'
import type { Bus } from './bus.ts'
import { pause } from './waiting.ts'

type RowsInput = ParsedInputOf<SignalboxContract['fleet']['rows']>
type RowsItem = OutputOf<SignalboxContract['fleet']['rows']>

/** A window is looked at again at most this often. */
const coalesceMs = 50

/** What differs between two looks at a window; undefined when nothing does. */
function readChange(
  store: Store,
  input: RowsInput,
  nowMs: number,
  sent: Map<string, string>,
  before: { total: number; order: string },
): RowsItem | undefined {
  const { total, marks } = store.queries.sessions.marks(input, nowMs)
  const changed: SessionRow[] = []
  for (const { id, version } of marks) {
    if (sent.get(id) === version) continue
    const row = store.queries.sessions.read(id)
    if (row) changed.push(row)
  }
  const order = marks.map(({ id }) => id)
  const text = order.join(' ')
  if (changed.length === 0 && total === before.total && text === before.order) return undefined
  before.total = total
  before.order = text
  sent.clear()
  for (const { id, version } of marks) sent.set(id, version)
  return { total, atSeq: store.journal.lastSeq(), order, changed }
}

/** A window of the session list: first the whole of it, then rows that changed and how they stand, at most every 50 ms. */
export async function* followRows(
  parts: { readonly store: Store; readonly bus: Bus; readonly clock: Clock },
  input: RowsInput,
  signal: AbortSignal,
): AsyncGenerator<StreamItem<RowsItem>> {
  const { store, bus, clock } = parts
  const sent = new Map<string, string>()
  const before = { total: -1, order: '' }
  while (!signal.aborted) {
    const rings = bus.rows.count()
    const item = readChange(store, input, clock.nowMs(), sent, before)
    if (item) yield { item }
    await bus.rows.after(rings, signal)
    if (!signal.aborted) await pause(clock, coalesceMs, signal)
  }
}
