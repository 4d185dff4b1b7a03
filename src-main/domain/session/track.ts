import type { Phase, SessionRow } from '../../contract/session.ts'

type Track = SessionRow['track']

/** Leaves one block and enters another. A block entered again counts once more and keeps the time spent before. */
export function moveTo(track: Track, from: Phase, to: Phase, atMs: number): Track {
  return enter(leave(track, from, atMs), to, atMs)
}

/** Books the time spent in the block where the train stands. A clock that went back spends nothing. */
export function leave(track: Track, phase: Phase, atMs: number): Track {
  return track.map((block) =>
    block.phase === phase
      ? { ...block, spentMs: block.spentMs + Math.max(0, atMs - block.enteredAtMs) }
      : block,
  )
}

function enter(track: Track, phase: Phase, atMs: number): Track {
  if (!track.some((block) => block.phase === phase))
    return [...track, { phase, enteredAtMs: atMs, spentMs: 0, times: 1 }]
  return track.map((block) =>
    block.phase === phase ? { ...block, enteredAtMs: atMs, times: block.times + 1 } : block,
  )
}
