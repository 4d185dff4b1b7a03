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

/** Rows of one item: reading and writing them takes about a millisecond, and two items may go out in one turn. */
const rowsAtOnce = 25

/** What a reader was told of a window. */
interface Told {
  readonly rows: Map<string, number>
  total: number
  order: string
}

/**
 * What differs between two looks at a window, nothing when nothing does. Others may run between two items: a row that
 * changes meanwhile is read as it is then, and again at the next look.
 */
function* readChange(store: Store, input: RowsInput, nowMs: number, told: Told): Generator<RowsItem> {
  const atSeq = store.journal.lastSeq()
  const { total, marks } = store.queries.sessions.marks(input, nowMs)
  const wanted = marks.filter(({ id, version }) => told.rows.get(id) !== version)
  const order = marks.map(({ id }) => id)
  const text = order.join(' ')
  if (wanted.length === 0 && total === told.total && text === told.order) return
  told.total = total
  told.order = text
  told.rows.clear()
  for (const { id, version } of marks) told.rows.set(id, version)
  for (let from = 0; from === 0 || from < wanted.length; from += rowsAtOnce) {
    const isMore = from + rowsAtOnce < wanted.length
    const changed: SessionRow[] = []
    for (const { id } of wanted.slice(from, from + rowsAtOnce)) {
      const row = store.queries.sessions.read(id)
      if (row) changed.push(row)
    }
    yield { total, atSeq, order: isMore ? [] : order, changed, isMore }
  }
}

/** A window of the session list: first the whole of it, then rows that changed and how they stand, at most every 50 ms. */
export async function* followRows(
  parts: { readonly store: Store; readonly bus: Bus; readonly clock: Clock },
  input: RowsInput,
  signal: AbortSignal,
): AsyncGenerator<StreamItem<RowsItem>> {
  const { store, bus, clock } = parts
  const told: Told = { rows: new Map(), total: -1, order: '' }
  while (!signal.aborted) {
    const rings = bus.rows.count()
    for (const item of readChange(store, input, clock.nowMs(), told))
      yield item.isMore ? { item, isLarge: true } : { item }
    await bus.rows.after(rings, signal)
    if (!signal.aborted) await pause(clock, coalesceMs, signal)
  }
}
