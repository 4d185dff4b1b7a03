import type { SessionState } from './state.ts'

/** Who needs a person first: the order of the list, and the groups that its views and counts are made of. */
export const attention = {
  asks: 0,
  failed: 1,
  review: 2,
  working: 3,
  queued: 4,
  ended: 5,
} as const
export type Attention = (typeof attention)[keyof typeof attention]

export function attentionOf({ row, extras }: SessionState): Attention {
  if (row.status === 'queued' || row.status === 'parked') return attention.queued
  if (row.status === 'working') return row.openAsks > 0 ? attention.asks : attention.working
  const isToReview = row.workareaState === 'held' && row.phase === 'review' && !extras.isContinued
  if (!isToReview) return attention.ended
  return row.status === 'failed' ? attention.failed : attention.review
}
