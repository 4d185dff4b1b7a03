import type { Phase } from '@contract/session.ts'

/** The blocks of the track in the order in which a session passes them. */
export const trackPhases = [
  'queue',
  'route',
  'prepare',
  'run',
  'ask',
  'review',
  'land',
] as const satisfies readonly Phase[]

/** What the track knows of one block that was entered. */
export interface PassedBlock {
  readonly phase: Phase
  readonly enteredAtMs: number
  readonly spentMs: number
  readonly times: number
}

/** One drawn block: its place in a strip of width 1, and the time spent in it. */
export interface TrackSegment {
  readonly phase: Phase
  readonly kind: 'passed' | 'current' | 'ahead'
  readonly start: number
  readonly width: number
  readonly spentMs: number | null
  readonly times: number
}

/** Log-scaled, so that a second and an hour fit one strip and the longest still shows. */
function weight(spentMs: number): number {
  return 0.7 + Math.log10(1 + spentMs / 1000)
}

/** Lays the blocks out: passed ones by the time spent in them, the ones ahead small and equal. */
export function layOutTrack(
  blocks: readonly PassedBlock[],
  current: Phase,
  nowMs: number,
  isMoving: boolean,
): readonly TrackSegment[] {
  const at = trackPhases.indexOf(current)
  const byPhase = new Map(blocks.map((block) => [block.phase, block]))
  const plain = trackPhases.map((phase, index) => {
    const block = byPhase.get(phase)
    const kind = index === at ? 'current' : index < at ? 'passed' : 'ahead'
    const open = kind === 'current' && isMoving && block ? Math.max(0, nowMs - block.enteredAtMs) : 0
    const spentMs = block ? Math.max(block.spentMs, open) : null
    const wide = kind === 'ahead' ? 0.7 : Math.max(kind === 'current' ? 1.4 : 0.7, weight(spentMs ?? 0))
    return { phase, kind, spentMs, times: block?.times ?? 0, wide } as const
  })
  const total = plain.reduce((sum, { wide }) => sum + wide, 0)
  let start = 0
  return plain.map(({ wide, ...segment }) => {
    const placed = { ...segment, start, width: wide / total }
    start += placed.width
    return placed
  })
}

const meanings: Readonly<Record<Phase, string>> = {
  queue: 'waits for a slot',
  route: 'chooses who works on it',
  prepare: 'makes the private clone',
  run: 'the agent works',
  ask: 'waits for your answer',
  review: 'waits to be read',
  land: 'goes into your repository',
}

/** What a block means, as a sentence part. */
export function meaningOf(phase: Phase): string {
  return meanings[phase]
}

/** Place of an age on a logarithmic ruler from 0 to `maxMs`, as a share of its length. */
export function logPlace(ageMs: number, maxMs: number): number {
  const scale = (ms: number) => Math.log10(1 + Math.max(0, ms) / 180_000)
  return Math.min(1, scale(ageMs) / scale(maxMs))
}
