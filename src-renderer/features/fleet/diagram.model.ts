import { logPlace, trackPhases } from '../../format/track.ts'

export interface Mark {
  readonly id: string
  readonly title: string
  readonly phase: string
  readonly sinceMs: number
  readonly tone: string
}

/** One block of the shared diagram: where it lies in a strip of width 1, and how many are in it. */
export interface DiagramBlock {
  readonly phase: (typeof trackPhases)[number]
  readonly start: number
  readonly width: number
  readonly count: number
}

/** One drawn session: `x` is the share of the whole width. */
export interface PlacedMark {
  readonly id: string
  readonly title: string
  readonly tone: string
  readonly x: number
  readonly isSmall: boolean
}

const shares: Readonly<Record<(typeof trackPhases)[number], number>> = {
  queue: 0.13,
  route: 0.06,
  prepare: 0.09,
  run: 0.41,
  ask: 0.105,
  review: 0.135,
  land: 0.07,
}
/** Right end of the ruler in `run`. */
const longestMs = 2 * 3_600_000

/** Ticks of the ruler in `run`. */
export const ticks = [
  [0, '0'],
  [5 * 60_000, '5 min'],
  [20 * 60_000, '20 min'],
  [3_600_000, '1 h'],
] as const

/** Places every session: waiting ones side by side from the left, the others by how long they have been in their block. */
export function layOutDiagram(
  marks: readonly Mark[],
  nowMs: number,
): {
  blocks: readonly DiagramBlock[]
  placed: readonly PlacedMark[]
} {
  let start = 0
  const blocks = trackPhases.map((phase) => {
    const block = {
      phase,
      start,
      width: shares[phase],
      count: marks.filter((one) => one.phase === phase).length,
    }
    start += shares[phase]
    return block
  })
  const placed = blocks.flatMap((block) => {
    const inside = marks.filter((one) => one.phase === block.phase).sort(bySince)
    return inside.map((mark, index) => ({
      id: mark.id,
      title: mark.title,
      tone: mark.tone,
      isSmall: block.phase === 'queue',
      x:
        block.start +
        inset +
        (block.width - 3 * inset) * placeIn(block.phase, mark, index, inside.length, nowMs),
    }))
  })
  return { blocks, placed }
}

/** Those of one moment by their ids: marks come in any order. */
function bySince(a: Mark, b: Mark): number {
  return a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1)
}

const inset = 0.006

function placeIn(phase: string, mark: Mark, index: number, count: number, nowMs: number): number {
  if (phase === 'queue') return count <= 14 ? index / 14 : index / count
  return logPlace(nowMs - mark.sinceMs, longestMs)
}

/** Place of a tick on the strip. */
export function tickPlace(block: DiagramBlock, ageMs: number): number {
  return block.start + inset + (block.width - 3 * inset) * logPlace(ageMs, longestMs)
}

/** The drawing in words. */
export function describeDiagram(blocks: readonly DiagramBlock[]): string {
  const busy = blocks.filter((one) => one.count > 0)
  if (busy.length === 0) return 'No session is on its way'
  return busy.map((one) => `${one.count} in ${one.phase}`).join(', ')
}
