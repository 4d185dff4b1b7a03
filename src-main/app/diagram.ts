import type { SignalboxContract } from '../contract/index.ts'
import type { OutputOf, StreamItem } from '../contract/procedure.ts'
import type { FleetMark } from '../store/queries/marks.ts'
import type { AppParts } from './app-parts.ts'
import { pause } from './waiting.ts'

type DiagramItem = OutputOf<SignalboxContract['fleet']['diagram']>

/** Sessions on the shared diagram. */
const mostMarks = 5000
/** Of one item, which takes about a millisecond to write. */
const marksAtOnce = 250
/** With more than this it is looked at only once a second. */
const manyMarks = 500
/** How old it may be. Nobody sees bunching change faster, and with 10,000 sessions reading it takes a while. */
const ageMs = 1000
const coalesceMs = 100

/** The marks in their order, and the newest fact that they surely show. */
interface Look {
  readonly marks: readonly FleetMark[]
  readonly atSeq: number
  readonly atMs: number
}

/**
 * Reads all marks, a little at a time: others run in between, and what changes meanwhile is seen at the next look. A
 * session that moves meanwhile may come twice, of which the later is true.
 */
async function readMarks({ store, clock }: AppParts): Promise<FleetMark[]> {
  const found = new Map<string, FleetMark>()
  for (const some of store.queries.fleet.markSteps(mostMarks)) {
    for (const mark of some) found.set(mark.id, mark)
    if (found.size > manyMarks) await new Promise<void>((resolve) => void clock.after(0, resolve))
  }
  return [...found.values()]
}

/** Tells one reader what differs from what it was told before, in pieces. Nothing when nothing does. */
function* changesSince(told: Map<string, FleetMark>, marks: readonly FleetMark[], isWhole: boolean) {
  const changed = marks.filter((mark) => told.get(mark.id) !== mark)
  const added = changed.filter(({ id }) => !told.has(id)).length
  const gone = told.size + added > marks.length ? takeGone(told, marks) : []
  for (const mark of changed) told.set(mark.id, mark)
  if (!isWhole && changed.length === 0 && gone.length === 0) return
  for (let from = 0; from === 0 || from < changed.length; from += marksAtOnce) {
    const item: DiagramItem = {
      isWhole: isWhole && from === 0,
      changed: changed.slice(from, from + marksAtOnce),
      gone: from === 0 ? gone : [],
      isMore: from + marksAtOnce < changed.length,
    }
    yield item
  }
}

/** Forgets the marks that are no longer there, and names them. */
function takeGone(told: Map<string, FleetMark>, marks: readonly FleetMark[]): FleetMark['id'][] {
  const there = new Set<string>(marks.map(({ id }) => id))
  const gone = [...told.values()].filter(({ id }) => !there.has(id)).map(({ id }) => id)
  for (const id of gone) told.delete(id)
  return gone
}

/** The shared diagram: read once for all who follow it, at most once a second when it is long; each hears what changed. */
export function createDiagram(parts: AppParts) {
  const { store, bus, clock } = parts
  let last: Look = { marks: [], atSeq: -1, atMs: Number.NEGATIVE_INFINITY }
  let reading: Promise<Look> | undefined
  const read = async (): Promise<Look> => {
    const started = { atSeq: store.journal.lastSeq(), atMs: clock.nowMs() }
    last = { ...started, marks: await readMarks(parts) }
    return last
  }
  const look = async (): Promise<Look> => {
    if (reading !== undefined) return await reading
    const isFresh = last.marks.length >= manyMarks && clock.nowMs() - last.atMs < ageMs
    if (store.journal.lastSeq() === last.atSeq || isFresh) return last
    reading = read().finally(() => {
      reading = undefined
    })
    return await reading
  }
  return {
    /** All marks at first, then what changed and what went. */
    async *follow(signal: AbortSignal): AsyncGenerator<StreamItem<DiagramItem>> {
      const told = new Map<string, FleetMark>()
      for (let isFirst = true; !signal.aborted; isFirst = false) {
        const rings = bus.facts.count()
        const { marks, atSeq } = await look()
        for (const item of changesSince(told, marks, isFirst)) yield { item, isLarge: true }
        if (store.journal.lastSeq() === atSeq) await bus.facts.after(rings, signal)
        if (!signal.aborted) await pause(clock, marks.length >= manyMarks ? ageMs : coalesceMs, signal)
      }
    },
  }
}
